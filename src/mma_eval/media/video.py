"""Frames of a clip under a policy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from mma_eval.errors import MediaError
from mma_eval.media.container import probe, stretch_words
from mma_eval.media.policy import (
    EveryFrame,
    FrameChoice,
    FramePolicy,
    FramesPerSecond,
    SegmentMiddles,
    SegmentStarts,
    StretchFrames,
)
from mma_eval.media.readers import (
    Decoder,
    Reader,
    choose_decoder,
    decoder_version,
    open_reader,
)
from mma_eval.media.source import Clip

FEWEST_FRAMES = 2
TIME_TOLERANCE = 1e-3
"""Seconds; decoders state times in single precision."""

__all__ = ["Frames", "choose_decoder", "read_frames", "sample_indices"]


@dataclass(frozen=True, eq=False)
class Frames:
    """Frames taken from a clip.

    `pixels` is uint8 [T, H, W, 3] at the file's own size or the one that the policy states,
    read-only because a cache shares it.
    `indices` count the frames of the file, `seconds` run from the start of the clip. `fps` is the
    file's own, `total` is the number of frames that the clip has.
    """

    pixels: NDArray[np.uint8]
    indices: tuple[int, ...]
    seconds: tuple[float, ...]
    fps: float
    total: int
    decoder: str

    @property
    def height(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[2])

    @property
    def sample_fps(self) -> float:
        """Frames taken per second of the clip."""
        return len(self.indices) / self.total * self.fps

    @property
    def nbytes(self) -> int:
        return self.pixels.nbytes


def read_frames(clip: Clip, policy: FramePolicy, decoder: Decoder | None = None) -> Frames:
    """The frames of `clip` that `policy` asks for; raises MediaError.

    Without a `decoder` the file's codec decides.
    """
    reader, frames = _plan(clip, policy, decoder)
    different, places = np.unique(frames.indices, return_inverse=True)
    return replace(frames, pixels=_shared(reader.take(different.tolist())[places]))


def planned_frames(clip: Clip, policy: FramePolicy) -> Frames:
    """`read_frames(clip, policy)` without its pixels, and without decoding; raises MediaError."""
    _, frames = _plan(clip, policy, None)
    return frames


def black_frames(clip: Clip, policy: FramePolicy) -> Frames:
    """Zeros of the shape, number and timing of `read_frames(clip, policy)`.

    One frame is decoded, because only then is it known how large and which way up it is.
    """
    reader, frames = _plan(clip, policy, None)
    one = reader.take(frames.indices[:1])
    shape = (len(frames.indices), *one.shape[1:])
    return replace(frames, pixels=_shared(np.zeros(shape, np.uint8)))


def sample_indices(total: int, fps: float, policy: FramePolicy) -> list[int]:
    """Which of `total` frames, shown at `fps`, to take."""
    match policy.choice:
        case EveryFrame():
            return list(range(total))
        case FramesPerSecond() as choice:
            return _spread(total, fps, choice)
        case SegmentStarts(count):
            count = min(count, total)
            return [segment * total // count for segment in range(count)]
        case SegmentMiddles(count):
            width = (total - 1) / count
            return [math.floor(width * (segment + 0.5) + 0.5) for segment in range(count)]
        case StretchFrames(stretches, each):
            taken = stretches.frames(total, fps, each)
            return [index for frames in taken for index in frames]
        case _:
            assert_never(policy.choice)


def _spread(total: int, fps: float, choice: FramesPerSecond) -> list[int]:
    """From the first frame to the last, as Qwen's processor takes them."""
    wanted = total / fps * choice.fps
    count = int(min(max(wanted, choice.min_frames), choice.max_frames, total))
    count -= count % choice.multiple_of
    spread: list[int] = np.linspace(0, total - 1, count).round().astype(int).tolist()
    return spread


def _plan(clip: Clip, policy: FramePolicy, decoder: Decoder | None) -> tuple[Reader, Frames]:
    """An open reader, and the frames to come with no pixels in them yet."""
    decoder = decoder or choose_decoder(clip.path)
    reader = open_reader(clip.path, decoder, policy.size)
    origin = probe(clip.path).origin + (clip.start or 0.0)
    inside = _inside(reader.seconds, origin, clip)
    _check_count(clip, len(inside), reader.fps, policy.choice)
    indices = [inside[i] for i in sample_indices(len(inside), reader.fps, policy)]
    return reader, Frames(
        pixels=np.empty((0, 0, 0, 3), np.uint8),
        indices=tuple(indices),
        seconds=tuple(round(reader.seconds[i] - origin, 6) for i in indices),
        fps=reader.fps,
        total=len(inside),
        decoder=decoder_version(decoder),
    )


def _inside(seconds: Sequence[float], origin: float, clip: Clip) -> list[int]:
    if clip.start is None and clip.end is None:
        return list(range(len(seconds)))
    length = float("inf") if clip.end is None else clip.end - (clip.start or 0.0)
    first, last = origin - TIME_TOLERANCE, origin + length - TIME_TOLERANCE
    return [index for index, second in enumerate(seconds) if first <= second < last]


def _check_count(clip: Clip, count: int, fps: float, choice: FrameChoice) -> None:
    multiple = choice.multiple_of if isinstance(choice, FramesPerSecond) else 1
    fewest = max(FEWEST_FRAMES, multiple)
    if count < fewest:
        frames = "1 frame" if count == 1 else f"{count} frames"
        raise MediaError(
            f"{clip.path}: has {frames}{stretch_words(clip)}, and at least {fewest} are needed;"
            " drop the row or give a longer clip"
        )
    if not (math.isfinite(fps) and fps > 0):
        raise MediaError(f"{clip.path}: does not state its frame rate; write it anew")


def _shared(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    pixels.setflags(write=False)
    return pixels
