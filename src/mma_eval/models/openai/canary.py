"""Does a server pass on the sound? One generated clip, asked about before the first sample.

The picture is noise and the sound a tone, so that nothing of the benchmark is shown. Prompt tokens
must grow with the sound, also where the server has the same picture or the same sound in its cache.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mma_eval.errors import ModelError
from mma_eval.media.mux import encode_mp4
from mma_eval.models.openai.protocol import (
    SENT_SOUND,
    AudioForm,
    MediaParts,
    audio_part,
    video_part,
    wav_bytes,
)

REQUESTS = 4
"""To each server."""
FRAMES_A_SECOND = 8
SIDE = 112
SECONDS = 4.0
SHORT_SECONDS = 2.0
PITCH = 440.0

PromptTokens = Callable[[MediaParts], int]
"""Tokens of a prompt with these media and one word of text; raises ModelError."""
Picture = Literal["first", "second"]


@dataclass(frozen=True)
class CanaryFinding:
    """Prompt tokens of one clip with its sound and without."""

    with_sound: int
    without_sound: int


def sound_arrives(name: str, form: AudioForm, prompt_tokens: PromptTokens) -> CanaryFinding:
    """Prompt tokens with and without sound; raises ModelError where the sound does not count.

    `name` is the server's, for the error.
    """
    whole = prompt_tokens(canary_media(form, "first", SECONDS))
    silent = prompt_tokens(canary_media(form, "first", None))
    if whole <= silent:
        raise ModelError(
            f"{name} drops the sound: a clip takes {whole} prompt tokens with it and {silent} "
            f"without; {_advice(form)}, or set canary=false where sound shares the tokens of the "
            "picture"
        )
    short = prompt_tokens(canary_media(form, "first", SHORT_SECONDS))
    if not silent < short < whole:
        raise ModelError(
            f"{name} does not take a clip's sound as it is sent: one picture takes {whole} prompt "
            f"tokens with {SECONDS:g} s of sound and then {short} with {SHORT_SECONDS:g} s; serve "
            "with --mm-processor-cache-gb 0"
        )
    other = prompt_tokens(canary_media(form, "second", SECONDS))
    if other != whole:
        raise ModelError(
            f"{name} does not take a clip's sound as it is sent: a second picture with the same "
            f"sound takes {other} prompt tokens, the first took {whole}; serve with "
            "--mm-processor-cache-gb 0"
        )
    return CanaryFinding(whole, silent)


@cache
def canary_media(form: AudioForm, picture: Picture, sound_seconds: float | None) -> MediaParts:
    """A clip of noise with a tone of that length, or without any sound."""
    count = round(FRAMES_A_SECOND * SECONDS)
    seed = 0 if picture == "first" else 1
    shape = (count, SIDE, SIDE, 3)
    frames = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    rate = SENT_SOUND.rate
    assert rate is not None
    tone = None if sound_seconds is None else _tone(sound_seconds, rate)
    in_video = tone is not None and form == "in_video"
    mp4 = encode_mp4(
        frames,
        [index / FRAMES_A_SECOND for index in range(count)],
        Fraction(FRAMES_A_SECOND),
        tone[None] if tone is not None and in_video else None,
        rate,
    )
    parts = [video_part(mp4)]
    if tone is not None and not in_video:
        parts.append(audio_part(wav_bytes(tone, rate)))
    return MediaParts(tuple(parts), in_video)


def _tone(seconds: float, rate: int) -> NDArray[np.float32]:
    time = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * PITCH * time)).astype(np.float32)


def _advice(form: AudioForm) -> str:
    if form == "in_video":
        return (
            "it must know mm_processor_kwargs use_audio_in_video (vLLM does, see "
            "docs/servers.md); try audio=input_audio"
        )
    return "it must take input_audio parts; try audio=in_video"
