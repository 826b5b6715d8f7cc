"""What differs between the members of the Qwen-Omni line, as data; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class OmniFamily:
    """One architecture of the line: how its thinker is loaded and how it is shown a clip."""

    name: str
    model_class: str
    """The class in transformers that loads the thinker from the published layout."""
    model_type: str
    """`model_type` of the root config.json."""
    least_transformers: tuple[int, int]
    """The release from which transformers runs it."""
    unread: tuple[str, ...]
    """Prefixes of tensors in the published checkpoint that speak rather than think."""
    min_pixels: int
    max_pixels: int
    """Bounds on height x width of a video frame, where the checkpoint names none of its own."""
    fps: float
    max_seconds_of_sound: float | None
    """None hears every sound to its end."""
    system_prompt: str | None
    """None opens the prompt with the user's turn."""
    interleaving: Literal["chunks", "times"]
    """Video and its sound alternate every few seconds, or in the order of their times."""
    mel_padding: Literal["silence", "none"]
    """What follows the sound when it is turned into mel frames."""


QWEN2_5_OMNI = OmniFamily(
    name="qwen2.5-omni",
    model_class="Qwen2_5OmniThinkerForConditionalGeneration",
    model_type="qwen2_5_omni",
    least_transformers=(5, 17),
    unread=("talker.", "token2wav."),
    min_pixels=128 * 28 * 28,
    max_pixels=768 * 28 * 28,
    fps=2.0,
    max_seconds_of_sound=300.0,
    system_prompt=(
        "You are Qwen, a virtual human developed by the Qwen Team, Alibaba Group, capable of "
        "perceiving auditory and visual inputs, as well as generating text and speech."
    ),
    interleaving="chunks",
    mel_padding="silence",
)
"""Pixel bounds are `Qwen2_5OmniProcessor`'s for video; 300 s is the published `chunk_length`."""

QWEN3_OMNI = OmniFamily(
    name="qwen3-omni",
    model_class="Qwen3OmniMoeThinkerForConditionalGeneration",
    model_type="qwen3_omni_moe",
    least_transformers=(5, 20),
    unread=("talker.", "code2wav."),
    min_pixels=128 * 32 * 32,
    max_pixels=768 * 32 * 32,
    fps=1.0,
    max_seconds_of_sound=None,
    system_prompt=None,
    interleaving="times",
    mel_padding="none",
)
"""Pixel bounds, frame rate and sound are `Qwen3OmniMoeProcessor`'s defaults; its chat template
adds no system prompt of its own."""

FAMILIES = (QWEN2_5_OMNI, QWEN3_OMNI)


def audio_token_count(mel_frames: int) -> int:
    """Tokens that Qwen2.5-Omni's audio tower makes of `mel_frames` frames of 10 ms.

    A convolution of stride 2 and a pooling of stride 2, as `_get_feat_extract_output_lengths`
    in transformers' Qwen2_5OmniAudioEncoder counts them.
    """
    return ((mel_frames - 1) // 2 + 1 - 2) // 2 + 1


def windowed_audio_token_count(mel_frames: int) -> int:
    """Tokens that Qwen3-Omni's audio tower makes of `mel_frames` frames of 10 ms.

    Three convolutions of stride 2 on each second by itself: 13 tokens for a whole one, as
    `_get_feat_extract_output_lengths` of transformers' Qwen3OmniMoe counts them for the published
    window of 50.
    """
    seconds, rest = divmod(mel_frames, 100)
    for _ in range(3):
        rest = (rest - 1) // 2 + 1
    return 13 * seconds + rest
