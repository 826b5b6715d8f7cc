"""Encoding a clip's streams, each once while its encoding is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from mma_eval.errors import ModalityMissingError
from mma_eval.media.bounded import Sized
from mma_eval.media.policy import Sampling
from mma_eval.media.source import Media
from mma_eval.models.local.features import FeatureCache

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mma_eval.media.audio import Sound

V = TypeVar("V", bound=Sized)
A = TypeVar("A", bound=Sized)


def encoded_streams(
    media: Media,
    sampling: Sampling,
    features: FeatureCache,
    see: Callable[[NDArray[np.uint8]], V],
    hear: Callable[[Sound], A],
) -> tuple[V | None, A | None]:
    """What `see` makes of the frames and `hear` of the sound; None for a stream that is absent.

    `see` is given frames uint8 `[T, H, W, 3]`, `hear` samples float32 `[channels, n]` with their
    rate. Encodings are kept in `features` by the hash of their stream. Raises MediaError, or
    ModalityMissingError for a stream that the sample has and of which nothing came.
    """
    seen, heard = None, None
    if media.has_video:
        key = ("video", media.video_hash(sampling.frames))
        seen = features.get(key, lambda: see(_frames(media, sampling)))
    if media.has_audio:
        key = ("audio", media.audio_hash(sampling.audio))
        heard = features.get(key, lambda: hear(_sound(media, sampling)))
    return seen, heard


def _frames(media: Media, sampling: Sampling) -> NDArray[np.uint8]:
    frames = media.frames(sampling.frames)
    if frames is None or not len(frames.pixels):
        raise ModalityMissingError("the sample has a picture, but no frame came of it")
    return frames.pixels


def _sound(media: Media, sampling: Sampling) -> Sound:
    sound = media.sound(sampling.audio)
    if sound is None or not sound.samples.shape[-1]:
        raise ModalityMissingError("the sample has sound, but no sample of it came")
    return sound
