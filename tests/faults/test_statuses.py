"""Every status is provoked by a real cause, and each failure of the machinery is asked again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from mma_eval import evaluate
from mma_eval.eval.run import Run
from mma_eval.media.source import Media
from mma_eval.models.base import Model
from mma_eval.models.card import Limits
from mma_eval.perturb.word_tokenizer import WordTokenizer
from mma_eval.types import (
    FAILURES,
    Answer,
    Evidence,
    Question,
    Status,
    TextTokenizer,
    TokenCounts,
)
from tests.conftest import make_clip
from tests.faults.backends import CARD, Answering, Replying, bird, hang


@dataclass(frozen=True)
class Place:
    """Where a provocation works: a dataset of two clips of its own, and an output folder."""

    manifest: Path
    out: Path

    @property
    def second_clip(self) -> Path:
        return self.manifest.with_name("second.mp4")

    def run(self, model: Model | str, tasks: str = "aligned_visual", **settings: object) -> Run:
        return evaluate(
            model,
            tasks,
            dataset=self.manifest,
            output_path=self.out,
            **settings,  # type: ignore[arg-type]
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    rows = []
    for name, label, shade in (("first", "Bird", 40), ("second", "Cat", 160)):
        make_clip(tmp_path / f"{name}.mp4", shade=shade, pitch=2.0 * shade + 100)
        rows.append(
            {"id": name, "video": f"{name}.mp4", "visual_label": label, "audio_label": label}
        )
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return Place(manifest, tmp_path / "out")


def on_the_second_clip(
    cause: Callable[[], object], *, answer_timeout: float | None = None
) -> Replying:
    def reply(media: Media, question: Question) -> str:
        if "second" in question.id:
            cause()
        return "Bird"

    return Replying(reply, answer_timeout=answer_timeout)


class Deaf(Replying):
    """Feeds its model no sound of the second clip."""

    def __init__(self) -> None:
        super().__init__(bird)

    def count_tokens(self, media: Media, question: Question) -> TokenCounts:
        return TokenCounts(10, 20, 0 if "second" in question.id else 5, Evidence.COUNTED)


class Limited(Replying):
    """Its card limits text to 2,000 tokens."""

    def __init__(self) -> None:
        super().__init__(bird)
        self.card = CARD.model_copy(update={"limits": Limits(max_text_tokens=2_000)})

    @property
    def tokenizer(self) -> TextTokenizer:
        return WordTokenizer()


def ok(place: Place) -> Run:
    return place.run(Replying(bird))


def refused(place: Place) -> Run:
    """Only a served model refuses; its backend reads that from the server's reply."""

    def answers(question: Question) -> list[Answer]:
        if "second" in question.id:
            return [Answer(question.id, Status.REFUSED, finish_reason="SAFETY")]
        return [Answer(question.id, Status.OK, text="Bird")]

    return place.run(Answering(answers))


def context_overflow(place: Place) -> Run:
    """A real context of 32,768 tokens, and more text than that after the question."""
    return place.run("tiny-omni", perturb=["long_context:tokens=40000"])


def decode_error(place: Place) -> Run:
    place.second_clip.write_bytes(place.second_clip.read_bytes()[:-100])
    return place.run(Replying(bird))


def out_of_memory(place: Place) -> Run:
    return place.run(on_the_second_clip(lambda: np.ones((1 << 20, 1 << 30))))


def api_error(place: Place) -> Run:
    def connect() -> None:
        import socket

        # Port 9 discards; nothing listens on it here.
        socket.create_connection(("127.0.0.1", 9), timeout=5)

    return place.run(on_the_second_clip(connect))


def timeout(place: Place) -> Run:
    return place.run(on_the_second_clip(hang, answer_timeout=0.2))


def modality_missing(place: Place) -> Run:
    return place.run(Deaf())


def not_applicable(place: Place) -> Run:
    return place.run(Limited(), "aligned_visual,long_context_visual")


PROVOCATIONS: dict[Status, Callable[[Place], Run]] = {
    Status.OK: ok,
    Status.REFUSED: refused,
    Status.CONTEXT_OVERFLOW: context_overflow,
    Status.DECODE_ERROR: decode_error,
    Status.OUT_OF_MEMORY: out_of_memory,
    Status.API_ERROR: api_error,
    Status.TIMEOUT: timeout,
    Status.MODALITY_MISSING: modality_missing,
    Status.NOT_APPLICABLE: not_applicable,
}


@pytest.mark.parametrize("status", Status)
def test_every_status_has_a_real_cause(place: Place, status: Status) -> None:
    run = PROVOCATIONS[status](place)
    provoked = [sample for sample in run.samples if sample.status is status]
    assert provoked
    for sample in provoked:
        if status not in (Status.OK, Status.REFUSED):
            assert sample.error, "it says why"
            assert "\n" not in sample.error
            assert sample.answer is None


@pytest.mark.parametrize("status", sorted(FAILURES))
def test_what_the_machinery_failed_is_left_out_and_asked_again(
    place: Place, status: Status
) -> None:
    whole = place.second_clip.read_bytes()
    first = PROVOCATIONS[status](place)
    assert [(sample.clip, sample.status) for sample in first.failures] == [("second", status)]
    assert first.scores is not None
    (score,) = first.scores.tasks
    assert score.coverage == 0.5
    assert score.accuracy is not None
    assert (score.accuracy.k, score.accuracy.n) == (1, 1), "the first clip, which is a bird"

    place.second_clip.write_bytes(whole)
    second = place.run(Replying(bird))
    assert second.manifest.asked == 1
    assert not second.failures
    assert place.run(Replying(bird)).manifest.asked == 0


@pytest.mark.parametrize("status", sorted(set(Status) - FAILURES - {Status.CONTEXT_OVERFLOW}))
def test_what_is_no_failure_is_kept(place: Place, status: Status) -> None:
    PROVOCATIONS[status](place)
    assert PROVOCATIONS[status](place).manifest.asked == 0


def test_a_refusal_counts_as_wrong(place: Place) -> None:
    scores = refused(place).scores
    assert scores is not None
    (score,) = scores.tasks
    assert score.accuracy is not None
    assert (score.accuracy.k, score.accuracy.n, score.coverage) == (1, 2, 1.0)
