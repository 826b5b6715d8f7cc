"""How a model wants to be shown a clip: known without its weights, part of every stream hash."""

from __future__ import annotations

from dataclasses import dataclass

from mma_eval.media.stretches import Stretches


@dataclass(frozen=True)
class EveryFrame:
    """All frames of the clip."""


@dataclass(frozen=True)
class FramesPerSecond:
    """`fps` frames for each second of the clip, spread evenly from its first frame to its last.

    At least `min_frames`, at most `max_frames` and no more than the clip has, rounded down to a
    multiple of `multiple_of`. Raises ValueError for limits that nothing lies between.
    """

    fps: float = 2.0
    min_frames: int = 4
    max_frames: int = 768
    multiple_of: int = 2

    def __post_init__(self) -> None:
        if not self.fps > 0:
            raise ValueError(f"fps must be above 0, got {self.fps}")
        if not self.min_frames <= self.max_frames:
            raise ValueError(f"min_frames={self.min_frames} is above max_frames={self.max_frames}")
        if not 1 <= self.multiple_of <= self.max_frames:
            raise ValueError(f"no multiple of {self.multiple_of} lies in 1..{self.max_frames}")


@dataclass(frozen=True)
class SegmentStarts:
    """The first frame of each of `count` equal segments; every frame of a clip that has fewer."""

    count: int

    def __post_init__(self) -> None:
        _require_one(self.count)


@dataclass(frozen=True)
class SegmentMiddles:
    """The middle frame of each of `count` equal segments, repeated where a clip has fewer."""

    count: int

    def __post_init__(self) -> None:
        _require_one(self.count)


@dataclass(frozen=True)
class StretchFrames:
    """`each` frames of every stretch, from its first to its last, stretch by stretch."""

    stretches: Stretches
    each: int = 2

    def __post_init__(self) -> None:
        _require_one(self.each)


FrameChoice = EveryFrame | FramesPerSecond | SegmentStarts | SegmentMiddles | StretchFrames
"""Which frames are taken from a clip."""


@dataclass(frozen=True)
class FramePolicy:
    """Which frames a model takes from a clip, and the height and width it has them decoded at.

    Without a `size` they come as large as the file has them, and scaling is the model's own.
    decord takes only widths that are multiples of 32.
    """

    choice: FrameChoice = FramesPerSecond()
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class AudioPolicy:
    """Sampling rate in Hz and number of channels; None keeps what the file has."""

    rate: int | None = 16_000
    channels: int | None = 1
    max_seconds: float | None = None


@dataclass(frozen=True)
class Sampling:
    """What a model asks of both streams."""

    frames: FramePolicy = FramePolicy()
    audio: AudioPolicy = AudioPolicy()


def _require_one(count: int) -> None:
    if count < 1:
        raise ValueError(f"at least 1 frame must be taken, got {count}")
