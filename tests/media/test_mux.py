"""Clips that are written: what comes back, and that it is the same every time."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mma_eval.errors import MediaError
from mma_eval.media import Clip, EveryFrame, FramePolicy, probe, read_audio, read_frames, write_clip

RATE = 16_000


def moving_picture(frames: int = 12, height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    y, x = np.mgrid[:height, :width]
    return np.stack(
        [np.stack([x * 2 + 5 * t, y * 3, 0 * x + 10 * t], axis=-1) % 256 for t in range(frames)]
    ).astype(np.uint8)


def tone(channels: int = 1, seconds: float = 1.2) -> NDArray[np.float32]:
    time = np.arange(round(seconds * RATE)) / RATE
    return np.stack(
        [0.4 * np.sin(2 * np.pi * 330 * (i + 1) * time) for i in range(channels)]
    ).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 2])
def test_what_is_written_comes_back(tmp_path: Path, channels: int) -> None:
    frames, sound = moving_picture(), tone(channels)
    path = tmp_path / "clip.mp4"
    write_clip(path, frames, 10, sound, RATE)

    seen = read_frames(Clip(path), FramePolicy(EveryFrame()))
    heard = read_audio(Clip(path))

    assert seen.pixels.shape == frames.shape and seen.fps == 10
    assert np.abs(seen.pixels.astype(int) - frames).mean() < 6
    assert heard.rate == RATE and heard.channels == channels
    length = sound.shape[1]
    assert np.abs(heard.samples[:, :length] - sound).max() < 0.1
    facts = probe(path)
    assert (facts.video_codec, facts.audio_codec) == ("h264", "aac")


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.mp4", "two.mp4"):
        write_clip(tmp_path / name, moving_picture(), Fraction(30000, 1001), tone(2), RATE)
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()


def test_a_clip_without_sound_has_no_track(tmp_path: Path) -> None:
    write_clip(tmp_path / "mute.mp4", moving_picture(), 10, None, RATE)
    assert not probe(tmp_path / "mute.mp4").has_audio


def test_an_odd_size_gains_a_row_and_a_column(tmp_path: Path) -> None:
    write_clip(tmp_path / "odd.mp4", moving_picture(height=47, width=63), 10, None, RATE)
    assert read_frames(Clip(tmp_path / "odd.mp4"), FramePolicy()).pixels.shape[1:3] == (48, 64)


def test_nothing_is_left_behind_when_writing_fails(tmp_path: Path) -> None:
    target = tmp_path / "clip.mp4"
    target.mkdir()
    with pytest.raises(MediaError, match=r"clip\.mp4: cannot be written"):
        write_clip(target, moving_picture(), 10, None, RATE)
    assert list(tmp_path.iterdir()) == [target]


def test_what_cannot_be_a_clip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="uint8"):
        write_clip(tmp_path / "a.mp4", np.zeros((2, 8, 8), np.uint8), 10, None, RATE)
    with pytest.raises(MediaError, match="float32"):
        write_clip(tmp_path / "a.mp4", moving_picture(), 10, np.zeros((3, 9), np.float32), RATE)
