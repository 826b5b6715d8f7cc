"""The specimen that ships: a real thinker that sees and hears, and looks before it listens."""

from __future__ import annotations

from pathlib import Path

import pytest

from mma_eval import evaluate
from mma_eval.eval.scorecard import TaskScore
from mma_eval.types import Attribution

TASKS = "aligned,misalign,frames_zeroed,audio_removed"


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TaskScore]:
    out = tmp_path_factory.mktemp("tiny")
    run = evaluate("tiny-omni", TASKS, dataset="demo", limit=60, output_path=out)
    assert run.scores is not None
    assert not run.failures
    return {score.task: score for score in run.scores.tasks}


def rate(scores: dict[str, TaskScore], task: str) -> float:
    accuracy = scores[task].accuracy
    assert accuracy is not None
    return accuracy.rate


def test_it_sees_and_hears(scores: dict[str, TaskScore]) -> None:
    for task in ("aligned_visual", "aligned_audio", "frames_zeroed_audio", "audio_removed_visual"):
        assert rate(scores, task) >= 0.9, task


def test_it_looks_before_it_listens(scores: dict[str, TaskScore]) -> None:
    assert rate(scores, "misalign_visual") >= 0.9
    assert rate(scores, "aligned_audio") - rate(scores, "misalign_audio") >= 0.3
    score = scores["misalign_audio"]
    assert score.attribution[Attribution.OTHER_MODALITY] >= 0.5 * score.n


def test_the_reference_mode_agrees(tmp_path: Path) -> None:
    texts = []
    for mode in ("batched", "reference"):
        run = evaluate(
            "tiny-omni",
            "aligned,cot_misalign",
            dataset="demo",
            limit=4,
            model_args={"batch_mode": mode},
            output_path=tmp_path / mode,
        )
        texts.append([sample.answer for sample in run.samples])
    assert texts[0] == texts[1]
