"""Curves come back as they were written, and a file that is none says where."""

from __future__ import annotations

from pathlib import Path

import pytest

from mma_eval.errors import FileError
from mma_eval.train.curves import CURVES_FILE, CurvePoint, read_curves, write_curves

POINTS = (
    CurvePoint(step=0, epoch=0, aligned_visual=0.9, swapped_audio=0.0, seconds=1.25),
    CurvePoint(step=1, epoch=0.5, learning_rate=1e-4, loss=2.123456789012345, seconds=3),
)


def test_they_come_back(tmp_path: Path) -> None:
    assert read_curves(tmp_path) == ()
    write_curves(tmp_path, POINTS)
    assert read_curves(tmp_path) == POINTS
    lines = (tmp_path / CURVES_FILE).read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("step,epoch,learning_rate,loss,aligned_visual,")
    assert lines[2] == "1,0.5,0.0001,2.123456789012345,,,,,3.0"


@pytest.mark.parametrize("line", ["x,0,,,,,,,1", "1,0", "1,0,,,,,,,1,9"])
def test_a_line_that_is_none_is_named(line: str, tmp_path: Path) -> None:
    write_curves(tmp_path, POINTS)
    file = tmp_path / CURVES_FILE
    file.write_text(file.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    with pytest.raises(FileError, match=rf"{CURVES_FILE}:4: "):
        read_curves(tmp_path)
