"""A submission over what is left of a dataset version: accepted, told, and not a way to choose."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mma_eval import evaluate
from mma_eval.errors import UsageError
from mma_eval.eval.run import Run
from mma_eval.leaderboard.findings import Weight
from mma_eval.leaderboard.register import register
from mma_eval.leaderboard.rows import measured_row
from mma_eval.leaderboard.submission import write_submission
from mma_eval.leaderboard.submit import prepare
from mma_eval.task.dataset import open_dataset
from tests.leaderboard.forging import Forgery, Genuine, Object, reasons


@pytest.fixture(scope="module")
def left(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of the mock on the registered clips but one."""
    # The folder gives the dataset its name.
    folder = tmp_path_factory.mktemp("left") / manifest.parent.name
    shutil.copytree(manifest.parent, folder)
    (folder / "clip0.mp4").unlink()
    (folder / "vanished.txt").write_text("clip0\n", encoding="utf-8")
    return evaluate(
        "mock", "aligned,misalign", dataset=folder / "manifest.jsonl", output_path=folder / "runs"
    )


@pytest.fixture(scope="module")
def submission(left: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    prepared = prepare([left.folder], "mock", submitter=None, contact=None)
    return write_submission(tmp_path_factory.mktemp("sent"), prepared.header, prepared.answers)


def test_it_is_accepted_and_says_what_is_missing(genuine: Genuine, submission: Path) -> None:
    verdict = genuine.check(submission)
    assert verdict.ok, reasons(verdict)
    told = {found.where: found.what for found in verdict.findings if found.weight is Weight.WARNING}
    assert told["the vanished clips"] == "are said to be 1 (clip0) of 6"
    assert "least is misalign_visual with 66.7 % of 6 samples" in told["the coverage"]


def test_its_row_states_how_many_of_the_version_it_answered(
    genuine: Genuine, submission: Path
) -> None:
    checked = genuine.check(submission).rescored
    assert checked is not None
    answered = measured_row(checked, "re-scored").row.answered
    assert answered is not None
    assert (answered.conflict_clips, answered.conflict_planned) == (4, 6)
    assert answered.coverage == pytest.approx(18 / 24)


def answers_left_out(header: Object, answers: list[Object]) -> None:
    answers.pop()
    header["answers"] -= 1


def nothing_vanished(header: Object, answers: list[Object]) -> None:
    header["dataset"]["vanished"] = []


def more_vanished(header: Object, answers: list[Object]) -> None:
    header["dataset"]["vanished"] = ["clip0", "clip5"]


def unknown_clip(header: Object, answers: list[Object]) -> None:
    header["dataset"]["vanished"] = ["clip0", "<script>"]


def named_twice(header: Object, answers: list[Object]) -> None:
    header["dataset"]["vanished"] = ["clip0", "clip0"]


@pytest.mark.parametrize(
    ("forgery", "reason"),
    [
        (answers_left_out, "lacks samples of all samples"),
        (nothing_vanished, "is said to have 5 samples, and has 6"),
        (more_vanished, "is said to have 5 samples, and has 4"),
        (unknown_clip, "the vanished clips: are none of the dataset version: 1 (<script>)"),
        (named_twice, "the vanished clips: are named more than once"),
    ],
)
def test_what_is_said_to_have_vanished_has_to_fit(
    genuine: Genuine, submission: Path, tmp_path: Path, forgery: Forgery, reason: str
) -> None:
    sent = Genuine(genuine.run, submission, genuine.registered)
    verdict = sent.check(sent.forged(tmp_path, forgery))
    assert not verdict.ok
    assert reason in reasons(verdict)


def test_runs_that_lack_other_clips_are_no_one_row(left: Run, manifest: Path) -> None:
    whole = evaluate(
        "mock",
        "audio_removed",
        dataset=manifest,
        output_path=left.folder.parents[1] / "whole",
    )
    with pytest.raises(UsageError, match="are of different vanished clips"):
        prepare([left.folder, whole.folder], "mock", submitter=None, contact=None)


def test_whoever_lacks_a_clip_can_register_the_version(left: Run, genuine: Genuine) -> None:
    dataset = open_dataset(str(left.manifest.datasets[0].path))
    assert dataset.vanished
    assert register(dataset) == genuine.registered[dataset.version]
