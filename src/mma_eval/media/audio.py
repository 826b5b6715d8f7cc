"""Sound of a clip at its native rate and channels, and the changes a model or a swap asks of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mma_eval.errors import MediaError
from mma_eval.media.container import ContainerFacts, open_container, probe, stretch_words
from mma_eval.media.source import Clip

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame

FULL_SCALE = {"uint8": 2**7, "int16": 2**15, "int32": 2**31}
"""Amplitude of a sample of 1.0 in whole-number formats."""


LOST_SECONDS = 0.25
"""Sound that may be missing at the end of a track: headers count an encoder's padding."""


@dataclass(frozen=True, eq=False)
class Sound:
    """`samples` is float32 [channels, n] in -1..1, read-only because a cache shares it."""

    samples: NDArray[np.float32]
    rate: int
    edits: tuple[str, ...] = ()
    """What was done to the sound of the file, in words."""

    @property
    def channels(self) -> int:
        return int(self.samples.shape[0])

    @property
    def seconds(self) -> float:
        return float(self.samples.shape[1] / self.rate)

    @property
    def nbytes(self) -> int:
        return self.samples.nbytes


def read_audio(clip: Clip) -> Sound:
    """The first sound track of `clip`, as PyAV decodes it; raises MediaError."""
    facts = probe(clip.path)
    if not facts.has_audio:
        raise MediaError(
            f"{clip.path}: has no sound track; use --perturb strip_audio or drop the row"
        )
    blocks: list[NDArray[np.float32]] = []
    begin, end, held, rate = 0, None, 0, 0
    for frame in _decode(clip.path):
        if not blocks:
            # Some AAC plays at twice the rate that its header states.
            rate = frame.sample_rate
            begin, end = _stretch(clip, (frame.time or 0.0) - facts.origin, rate)
        blocks.append(_planar(frame, clip.path))
        held += frame.samples
        if end is not None and held >= end:
            break
    _check_complete(clip, facts, held / rate if rate else 0.0)
    samples = np.concatenate(blocks, axis=1)[:, begin:end] if blocks else None
    if samples is None or not samples.shape[1]:
        raise MediaError(
            f"{clip.path}: its sound track has no samples{stretch_words(clip)};"
            " use --perturb strip_audio or drop the row"
        )
    if not np.isfinite(samples).all():
        raise MediaError(f"{clip.path}: its sound holds values that are no numbers; convert it")
    return _sound(samples, rate)


def silence(channels: int, samples: int, rate: int) -> Sound:
    """Zeros."""
    return _sound(np.zeros((channels, samples), np.float32), rate)


def fit(sound: Sound, seconds: float) -> Sound:
    """`sound` cut, or padded with zeros, to exactly round(seconds x rate) samples."""
    had, wanted = sound.samples.shape[1], round(seconds * sound.rate)
    if had == wanted:
        return sound
    samples = sound.samples[:, :wanted]
    if wanted > had:
        samples = np.pad(samples, ((0, 0), (0, wanted - had)))
    edit = fit_words(had / sound.rate, wanted / sound.rate)
    return replace(_sound(samples, sound.rate), edits=(*sound.edits, edit))


def fit_words(before: float, after: float) -> str:
    verb = "truncated" if after < before else "padded"
    return f"sound {verb} from {before:.3f} s to {after:.3f} s"


def resample(sound: Sound, rate: int | None, channels: int | None) -> Sound:
    """`sound` at `rate` and with `channels`; None keeps its own.

    Channels are mixed down by their mean; a single one is repeated. The filter and the length are
    those of `librosa.resample(res_type="soxr_hq")`, which takes three seconds and 200 MB to load.
    """
    mixed = _mix(sound, channels)
    if rate is None or rate == mixed.rate:
        return mixed
    import soxr

    length = math.ceil(mixed.samples.shape[1] * (rate / mixed.rate))
    samples = np.zeros((mixed.channels, length), np.float32)
    for channel, resampled in zip(mixed.samples, samples, strict=True):
        made = soxr.resample(channel, mixed.rate, rate, quality="soxr_hq")[:length]
        resampled[: len(made)] = made
    return replace(_sound(samples, rate), edits=mixed.edits)


def _mix(sound: Sound, channels: int | None) -> Sound:
    if channels is None or channels == sound.channels:
        return sound
    samples = sound.samples.mean(axis=0, keepdims=True, dtype=np.float32)
    if channels > 1:
        samples = np.repeat(samples, channels, axis=0)
    edits = sound.edits
    if min(channels, sound.channels) > 1:
        edits = (*edits, f"sound mixed from {sound.channels} channels to {channels}")
    return replace(_sound(samples, sound.rate), edits=edits)


def _decode(path: Path) -> Iterator[AudioFrame]:
    with open_container(path) as container:
        yield from container.decode(container.streams.audio[0])


def _check_complete(clip: Clip, facts: ContainerFacts, seconds: float) -> None:
    """Refuse a whole track that decodes to less than its own table of samples states."""
    if clip.end is not None or facts.audio_seconds is None or not facts.states_every_sample:
        return
    if facts.audio_seconds - seconds > LOST_SECONDS:
        raise MediaError(
            f"{clip.path}: is damaged: only {seconds:.2f} of the {facts.audio_seconds:.2f} s of its"
            " sound can be decoded; copy it again"
        )


def _planar(frame: AudioFrame, path: Path) -> NDArray[np.float32]:
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    if samples.dtype.kind == "f":
        return samples.astype(np.float32)
    scale = FULL_SCALE.get(samples.dtype.name)
    if scale is None:
        raise MediaError(f"{path}: its sound has samples of an unknown kind {frame.format.name}")
    middle = scale if samples.dtype == np.uint8 else 0
    return ((samples.astype(np.float64) - middle) / scale).astype(np.float32)


def _stretch(clip: Clip, first_second: float, rate: int) -> tuple[int, int | None]:
    """First and last sample of `clip` in a track that starts at `first_second`."""

    def sample(second: float) -> int:
        return max(0, round((second - first_second) * rate))

    begin = 0 if clip.start is None else sample(clip.start)
    return begin, None if clip.end is None else sample(clip.end)


def _sound(samples: NDArray[np.float32], rate: int) -> Sound:
    samples = np.ascontiguousarray(samples, np.float32)
    samples.setflags(write=False)
    return Sound(samples, rate)
