"""Frames: which are taken, and that every decoder gives the same ones."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mma_eval.errors import MediaError
from mma_eval.media import (
    Clip,
    EveryFrame,
    FramePolicy,
    FramesPerSecond,
    SegmentMiddles,
    probe,
    read_frames,
)
from mma_eval.media.readers import choose_decoder
from mma_eval.media.video import black_frames, sample_indices
from tests.conftest import make_clip
from tests.media.priority import ordinary_priority

if TYPE_CHECKING:
    from av.video.stream import VideoStream

EVERY_FRAME = FramePolicy(EveryFrame())


def encode(
    path: Path, codec: str, *, milliseconds: list[int] | None = None, options: str = ""
) -> Path:
    """A moving picture of 24 frames, 64x48, shown at the given times (20 a second without)."""

    times = milliseconds or [50 * i for i in range(24)]
    y, x = np.mgrid[:48, :64]
    with ordinary_priority(), av.open(str(path), "w") as container:
        added = container.add_stream(codec, rate=20, options=json.loads(options or "{}"))
        stream = cast("VideoStream", added)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for index, time in enumerate(times):
            pixels = np.stack([x * 3 + index * 4, y * 2, x + y + index], axis=-1).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def decoded(path: Path, indices: list[int]) -> NDArray[np.uint8]:
    """Some of the frames that `decode_all` gives, each as often as it is named."""
    with av.open(str(path)) as container:
        frames = {
            index: frame.to_ndarray(format="rgb24")
            for index, frame in enumerate(container.decode(video=0))
            if index in set(indices)
        }
    return np.stack([frames[index] for index in indices]).astype(np.uint8)


def decode_all(path: Path) -> NDArray[np.uint8]:

    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return np.stack(frames).astype(np.uint8)


def real_clips(folder: Path) -> list[Path]:
    rows = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    return [folder / json.loads(row)["video"] for row in rows]


def test_decord_and_pyav_agree_on_real_clips(clips_folder: Path) -> None:
    pytest.importorskip("decord")
    for path in real_clips(clips_folder):
        one = read_frames(Clip(path), FramePolicy(), "decord")
        other = read_frames(Clip(path), FramePolicy(), "pyav")
        assert np.array_equal(one.pixels, other.pixels), path.name
        assert one.indices == other.indices and one.total == other.total
        assert one.seconds == pytest.approx(other.seconds, abs=1e-5)


def test_frames_are_those_that_qwen_takes(clips_folder: Path) -> None:
    torch = pytest.importorskip("torch")
    for path in real_clips(clips_folder):
        facts = probe(path)
        total, fps = facts.frame_count or 0, facts.fps or 0.0
        count = int(min(max(total / fps * 2.0, 4), min(768, total) // 2 * 2, total)) // 2 * 2
        expected = torch.linspace(0, total - 1, count).round().long().tolist()

        frames = read_frames(Clip(path), FramePolicy())

        assert list(frames.indices) == expected
        assert np.array_equal(frames.pixels, decoded(path, expected))
        assert frames.sample_fps == pytest.approx(count / total * fps)


@given(
    total=st.integers(4, 5_000),
    fps=st.floats(1, 120),
    choice=st.builds(
        FramesPerSecond,
        fps=st.floats(0.1, 30),
        min_frames=st.integers(1, 8),
        max_frames=st.integers(8, 900),
        multiple_of=st.sampled_from([1, 2, 4]),
    ),
)
def test_sampling_keeps_its_bounds(total: int, fps: float, choice: FramesPerSecond) -> None:
    indices = sample_indices(total, fps, FramePolicy(choice))
    assert len(indices) % choice.multiple_of == 0
    assert len(indices) <= min(total, choice.max_frames)
    assert indices == sorted(set(indices))
    if len(indices) > 1:
        assert (indices[0], indices[-1]) == (0, total - 1)


@pytest.mark.parametrize(
    ("total", "segments", "indices"),
    [(300, 2, [75, 224]), (5, 2, [1, 3]), (2, 4, [0, 0, 1, 1])],
)
def test_middles_of_equal_segments(total: int, segments: int, indices: list[int]) -> None:
    assert sample_indices(total, 30.0, FramePolicy(SegmentMiddles(segments))) == indices


def test_a_frame_may_be_taken_several_times(tmp_path: Path) -> None:
    clip = Clip(make_clip(tmp_path / "clip.mp4", seconds=0.5))
    repeated = FramePolicy(SegmentMiddles(16))
    every, taken = (read_frames(clip, policy) for policy in (EVERY_FRAME, repeated))
    assert every.total < len(taken.indices) == 16
    assert np.array_equal(taken.pixels, every.pixels[list(taken.indices)])


@pytest.mark.parametrize(
    ("codec", "name", "options", "decoder"),
    [
        ("libx264", "clip.mp4", "", "decord"),
        ("libx265", "clip.mkv", '{"x265-params": "log-level=none"}', "decord"),
        ("libvpx-vp9", "clip.webm", '{"deadline": "realtime"}', "decord"),
        ("libsvtav1", "clip.mp4", '{"preset": "12"}', "pyav"),
    ],
)
def test_the_codec_decides_the_decoder(
    tmp_path: Path, codec: str, name: str, options: str, decoder: str
) -> None:
    pytest.importorskip("decord")
    path = encode(tmp_path / name, codec, options=options)
    assert choose_decoder(path) == decoder
    frames = read_frames(Clip(path), EVERY_FRAME)
    assert frames.decoder.startswith(decoder)
    assert np.array_equal(frames.pixels, decode_all(path))


def test_without_decord_pyav_reads_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mma_eval.media.readers._has_decord", lambda: False)
    assert choose_decoder(make_clip(tmp_path / "clip.mp4")) == "pyav"


def test_a_variable_rate_keeps_its_times(tmp_path: Path) -> None:
    times = [80, 100, 190, 260, 300, 420, 430, 520, 600, 700]
    path = encode(tmp_path / "vfr.mp4", "libx264", milliseconds=times)
    expected = [(time - times[0]) / 1000 for time in times]
    for decoder in ("decord", "pyav"):
        if decoder == "decord":
            pytest.importorskip("decord")
        frames = read_frames(Clip(path), EVERY_FRAME, decoder)
        assert frames.seconds == pytest.approx(expected, abs=1e-4)


def test_a_stretch_holds_only_its_own_frames(tmp_path: Path) -> None:
    path = encode(tmp_path / "clip.mp4", "libx264")
    frames = read_frames(Clip(path, start=0.2, end=0.6), EVERY_FRAME)
    assert frames.indices == tuple(range(4, 12))
    assert frames.seconds == pytest.approx([0.05 * i for i in range(8)])
    assert frames.total == 8
    assert np.array_equal(frames.pixels, decode_all(path)[4:12])


def test_black_frames_match_the_real_ones_in_all_but_colour(tmp_path: Path) -> None:
    clip = Clip(encode(tmp_path / "clip.mp4", "libx264"), start=0.1)
    real, black = (read(clip, FramePolicy()) for read in (read_frames, black_frames))
    assert not black.pixels.any() and black.pixels.shape == real.pixels.shape
    assert (black.indices, black.seconds, black.fps) == (real.indices, real.seconds, real.fps)


def test_a_turned_picture_is_read_upright(tmp_path: Path) -> None:
    path = encode(tmp_path / "clip.mp4", "libx264")
    content = bytearray(path.read_bytes())
    matrix = content.find(b"tkhd") + 44
    quarter_turn = np.array([0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30], ">i4").tobytes()
    content[matrix : matrix + 36] = quarter_turn
    path.write_bytes(content)

    assert choose_decoder(path) == "pyav"
    for read in (read_frames, black_frames):
        assert read(Clip(path), FramePolicy()).pixels.shape == (4, 64, 48, 3)


def test_frames_that_an_edit_list_cuts_are_not_read(tmp_path: Path) -> None:
    path = encode(tmp_path / "clip.mp4", "libx264", options='{"bf": "0"}')
    content = bytearray(path.read_bytes())
    entry = content.index(b"elst") + 12
    half_a_second = np.array([1_200 - 500, 16_000 // 2], ">i4").tobytes()
    content[entry : entry + 8] = half_a_second  # length left in ms, beginning in 1/16,000 s
    path.write_bytes(content)

    frames = read_frames(Clip(path), EVERY_FRAME)

    assert choose_decoder(path) == "pyav"
    assert frames.total == 14 and np.array_equal(frames.pixels, decode_all(path))


def test_frames_are_read_only(tmp_path: Path) -> None:
    frames = read_frames(Clip(make_clip(tmp_path / "clip.mp4")), FramePolicy())
    with pytest.raises(ValueError, match="read-only"):
        frames.pixels[0] = 0


def test_one_frame_is_no_video(tmp_path: Path) -> None:
    path = encode(tmp_path / "one.mp4", "libx264", milliseconds=[0])
    with pytest.raises(MediaError, match=r"one\.mp4: has 1 frame, and at least 2 are needed"):
        read_frames(Clip(path), FramePolicy())


def test_a_stretch_behind_the_end_says_so(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4")
    with pytest.raises(MediaError, match=r"has 0 frames between 7 s and 9\.5 s"):
        read_frames(Clip(path, 7.0, 9.5), FramePolicy())


def test_a_sound_file_has_no_picture(tmp_path: Path) -> None:
    import soundfile

    soundfile.write(tmp_path / "tone.wav", np.zeros(800), 8000)
    with pytest.raises(MediaError, match=r"tone\.wav: has no picture"):
        read_frames(Clip(tmp_path / "tone.wav"), FramePolicy())
