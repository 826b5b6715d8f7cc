"""Policies as a backend writes them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from mma_eval.media import FrameChoice, FramesPerSecond, SegmentMiddles, SegmentStarts


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: FramesPerSecond(0.0), "fps must be above 0"),
        (lambda: FramesPerSecond(max_frames=2), "min_frames=4 is above max_frames=2"),
        (lambda: FramesPerSecond(max_frames=4, multiple_of=8), r"no multiple of 8 lies in 1\.\.4"),
        (lambda: SegmentStarts(0), "at least 1 frame"),
        (lambda: SegmentMiddles(-1), "at least 1 frame"),
    ],
)
def test_what_can_take_no_frame_cannot_be_written(
    make: Callable[[], FrameChoice], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        make()


def test_policies_load_neither_numpy_nor_a_decoder() -> None:
    code = (
        "import sys\n"
        "from mma_eval.media import FramePolicy, Sampling, StretchFrames, Stretches\n"
        "Sampling(FramePolicy(StretchFrames(Stretches(5, 2.0))))\n"
        "print(sorted({'numpy', 'av', 'decord'} & set(sys.modules)))\n"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "[]\n"
