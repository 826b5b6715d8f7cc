"""What a user asked to have written is there whole, or one sentence says why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from mma_eval.errors import StoreError, UsageError
from mma_eval.report.files import save_text


def test_folders_are_made_on_the_way(tmp_path: Path) -> None:
    save_text(tmp_path / "plots" / "plot.svg", "<svg/>")
    assert (tmp_path / "plots" / "plot.svg").read_text() == "<svg/>"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"file/plot.svg: cannot be written .*; choose another"):
        save_text(tmp_path / "file" / "plot.svg", "<svg/>")


@pytest.mark.parametrize("name", ["run.json", "samples.jsonl", "answers.sqlite"])
def test_runs_and_their_answers_are_not_written_over(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("kept")
    with pytest.raises(UsageError, match=f"{name}: is a name under which runs .*; choose another"):
        save_text(tmp_path / name, "<svg/>")
    assert (tmp_path / name).read_text() == "kept"
