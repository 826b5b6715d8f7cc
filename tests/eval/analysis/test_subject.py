"""Runs of one model join into one subject; others stay apart and get names of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from mma_eval import evaluate
from mma_eval.errors import UsageError
from mma_eval.eval.analysis.subject import find_runs, join_runs, read_subjects
from mma_eval.types import Outcome


def test_runs_that_differ_in_their_tasks_become_one_subject(manifest: Path, tmp_path: Path) -> None:
    aligned = evaluate("mock", "aligned", dataset=manifest, output_path=tmp_path)
    misaligned = evaluate("mock", "misalign", dataset=manifest, output_path=tmp_path)

    (subject,) = read_subjects([tmp_path])

    assert subject.name == "mock"
    assert subject.runs == (aligned, misaligned)
    assert [score.task for score in subject.scores.tasks] == [
        "aligned_visual",
        "aligned_audio",
        "misalign_visual",
        "misalign_audio",
    ]
    assert len(subject.samples) == 24
    assert [sample.outcome for sample in subject.samples_of("aligned_audio")].count(
        Outcome.CORRECT
    ) == 2, "the mock always says Bird, two clips are birds"


def test_a_task_run_twice_is_taken_from_the_newest_run(manifest: Path, tmp_path: Path) -> None:
    small = evaluate("mock", "aligned", dataset=manifest, output_path=tmp_path)
    both = evaluate("mock", "aligned,misalign", dataset=manifest, output_path=tmp_path)

    (subject,) = join_runs([both, small])

    assert subject.runs[-1] is both
    assert len(subject.samples) == 24


def test_other_models_and_settings_stay_apart_and_are_told_apart(
    manifest: Path, tmp_path: Path
) -> None:
    runs = [
        evaluate("mock", "aligned", dataset=manifest, output_path=tmp_path, limit=limit)
        for limit in (None, 2)
    ]
    last = {"behaviour": "last"}
    runs.append(
        evaluate("mock", "aligned", dataset=manifest, output_path=tmp_path, model_args=last)
    )

    names = [subject.name for subject in join_runs(runs)]

    assert len(set(names)) == 3
    assert names[0].startswith("mock, all clips, defaults")
    assert names[1].startswith("mock, 2 clips")


def test_a_run_is_found_by_its_folder_its_files_or_a_folder_above(
    manifest: Path, tmp_path: Path
) -> None:
    run = evaluate("mock", "aligned", dataset=manifest, output_path=tmp_path)

    for path in (run.folder, run.folder / "run.json", run.folder / "samples.jsonl", tmp_path):
        assert find_runs(path) == [run.folder]


def test_a_path_without_a_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no finished run"):
        find_runs(tmp_path)
    with pytest.raises(UsageError, match="there is no such run"):
        find_runs(tmp_path / "nothing")
