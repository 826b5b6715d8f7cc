"""How a model wants to be shown a clip: known without its weights, part of every stream hash."""

from __future__ import annotations

from dataclasses import dataclass

from mma_eval.media.stretches import Stretches


@dataclass(frozen=True)
class FramePolicy:
    """Which frames a model takes from a clip, and how large.

    `fps` frames per second of the clip, at least `min_frames`, at most `max_frames`, rounded down
    to a multiple of `multiple_of`, spread evenly from the first frame to the last; None takes every
    frame. Pixel limits are bounds on height x width that the model's own resizing keeps.
    `shares` takes instead the first frame of each of so many equal shares of the clip, or every
    frame of a clip that has fewer; `middles` takes the frame in the middle of each share, several
    times where a clip has fewer. `size` is the height and width that the decoder scales to;
    decord takes only widths that are multiples of 32.
    `stretches` takes instead `frames_each` frames of every stretch, stretch by stretch.
    """

    fps: float | None = 2.0
    min_frames: int = 4
    max_frames: int = 768
    multiple_of: int = 2
    min_pixels: int | None = None
    max_pixels: int | None = None
    shares: int | None = None
    middles: int | None = None
    size: tuple[int, int] | None = None
    stretches: Stretches | None = None
    frames_each: int = 2


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
