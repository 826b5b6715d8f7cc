"""Frames from equal segments of a clip, scaled by the decoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mma_eval.media.policy import FramePolicy, SegmentStarts
from mma_eval.media.source import Clip
from mma_eval.media.video import black_frames, read_frames, sample_indices
from tests.conftest import make_clip

FOUR = FramePolicy(SegmentStarts(4), size=(40, 64))


@given(total=st.integers(1, 100_000), segments=st.sampled_from([1, 2, 4, 8]))
def test_each_segment_gives_its_first_frame(total: int, segments: int) -> None:
    made = sample_indices(total, 30.0, FramePolicy(SegmentStarts(segments)))
    if total < segments:
        assert made == list(range(total))
    else:
        assert made == np.arange(0, total, total / segments).astype(int).tolist()


@pytest.mark.parametrize("decoder", ["decord", "pyav"])
def test_frames_have_the_height_and_width_asked_for(decoder: str, tmp_path: Path) -> None:
    if decoder == "decord":
        pytest.importorskip("decord")
    clip = Clip(make_clip(tmp_path / "clip.mp4", shade=90))
    frames = read_frames(clip, FOUR, decoder)  # type: ignore[arg-type]
    assert frames.pixels.shape == (4, 40, 64, 3)
    assert frames.indices == (0, 2, 4, 6)
    assert np.abs(frames.pixels.astype(int) - 90).max() <= 2


def test_black_frames_have_them_too(tmp_path: Path) -> None:
    clip = Clip(make_clip(tmp_path / "clip.mp4"))
    black = black_frames(clip, FOUR)
    assert not black.pixels.any()
    assert black.pixels.shape == read_frames(clip, FOUR).pixels.shape


def test_both_decoders_scale_real_clips_alike(clips_folder: Path) -> None:
    pytest.importorskip("decord")
    policy = FramePolicy(SegmentStarts(4), size=(224, 224))
    for path in sorted(clips_folder.glob("*.mp4")):
        one, other = (
            read_frames(Clip(path), policy, decoder).pixels.astype(int)
            for decoder in ("decord", "pyav")
        )
        assert np.abs(one - other).mean() < 1.0, path.name
