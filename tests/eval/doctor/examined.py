"""Records of models that were really examined, made once for all tests."""

from __future__ import annotations

from functools import cache

from mma_eval.eval.doctor.examination import examine
from mma_eval.eval.doctor.make_record import make_record
from mma_eval.eval.doctor.record import DoctorRecord
from mma_eval.eval.doctor.stimuli import draw_stimuli
from mma_eval.eval.evaluate import NoProgress
from mma_eval.models.base import Model
from mma_eval.models.card import ModelCard
from mma_eval.models.catalogue import CardCatalogue, create_model
from mma_eval.task.dataset import open_dataset
from tests.eval.doctor.lossy import lossy_card


def examined(
    card: ModelCard, clips: int, /, dataset: str = "demo:count=12", **arguments: object
) -> DoctorRecord:
    """The record of a card's model on a few clips."""

    def make() -> Model:
        return create_model(card, arguments)

    opened = open_dataset(dataset)
    stimuli = draw_stimuli(opened, clips)
    return make_record(make(), examine(make, stimuli, NoProgress()), stimuli, opened)


@cache
def tiny_record() -> DoctorRecord:
    return examined(CardCatalogue().get("tiny-omni"), 1)


@cache
def deaf_record() -> DoctorRecord:
    """The same model and weights, fed silence."""
    return examined(lossy_card("feeds-silence"), 1)
