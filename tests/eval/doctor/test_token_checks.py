"""What token counts can prove, and what they cannot."""

from __future__ import annotations

import pytest

from mma_eval.eval.doctor.canaries import sound_canary
from mma_eval.eval.doctor.checks import Verdict
from mma_eval.eval.doctor.stimuli import draw_stimuli
from mma_eval.eval.evaluate import NoProgress
from mma_eval.models.catalogue import CardCatalogue, create_model
from mma_eval.task.dataset import open_dataset
from tests.models.servers.openai_server import Behaviour, serve


@pytest.mark.parametrize(
    ("counts_media", "verdict"), [(True, Verdict.OK), (False, Verdict.CANNOT_TELL)]
)
def test_counts_that_name_no_modality_prove_nothing(counts_media: bool, verdict: Verdict) -> None:
    stimuli = draw_stimuli(open_dataset("demo:count=12"), 2)
    with serve(Behaviour(counts_media=counts_media)) as server:
        model = create_model(CardCatalogue().get("openai"), {"base_url": server.address})
        tokens, _ = sound_canary(model, stimuli, NoProgress())
    assert tokens.name == "sound tokens"
    assert tokens.verdict is verdict
