"""The specimen's shape: a Qwen2.5-Omni thinker with small numbers everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FRAME_PIXELS = 84 * 84
MEL_BINS = 128
PATCH = 14
MERGE = 2
FRAMES_PER_PATCH = 2


@dataclass(frozen=True)
class SpecimenShape:
    """Widths and depths; the text model's head size is `text_width / text_heads`."""

    text_width: int = 96
    text_layers: int = 4
    text_heads: int = 4
    text_key_heads: int = 2
    text_inner: int = 256
    vision_width: int = 64
    vision_layers: int = 2
    audio_width: int = 64
    audio_layers: int = 2
    encoder_heads: int = 4


def thinker_config(shape: SpecimenShape, vocabulary: int, ids: Mapping[str, int]) -> Any:
    """The transformers configuration; `ids` are the special tokens' numbers."""
    from transformers import Qwen2_5OmniThinkerConfig

    return Qwen2_5OmniThinkerConfig(
        audio_config=_audio_config(shape),
        vision_config=_vision_config(shape),
        text_config=_text_config(shape, vocabulary, ids),
        audio_token_index=ids["<|AUDIO|>"],
        image_token_index=ids["<|IMAGE|>"],
        video_token_index=ids["<|VIDEO|>"],
        audio_start_token_id=ids["<|audio_bos|>"],
        audio_end_token_id=ids["<|audio_eos|>"],
        # The configuration class does not declare these two, but the model reads the first.
        vision_start_token_id=ids["<|vision_bos|>"],
        vision_end_token_id=ids["<|vision_eos|>"],
        user_token_id=ids["<|im_start|>"],
        pad_token_id=ids["<|endoftext|>"],
        bos_token_id=ids["<|im_start|>"],
        eos_token_id=ids["<|im_end|>"],
        position_id_per_seconds=25,
        seconds_per_chunk=2,
        tie_word_embeddings=False,
    )


def _text_config(shape: SpecimenShape, vocabulary: int, ids: Mapping[str, int]) -> dict[str, Any]:
    half = shape.text_width // shape.text_heads // 2
    third = half // 3
    return {
        "vocab_size": vocabulary,
        "hidden_size": shape.text_width,
        "intermediate_size": shape.text_inner,
        "num_hidden_layers": shape.text_layers,
        "num_attention_heads": shape.text_heads,
        "num_key_value_heads": shape.text_key_heads,
        "max_position_embeddings": 32_768,
        # The three parts (time, height, width) must sum to half the head size.
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 10_000.0,
            "mrope_section": [half - 2 * third, third, third],
        },
        "tie_word_embeddings": False,
        "pad_token_id": ids["<|endoftext|>"],
        "bos_token_id": ids["<|im_start|>"],
        "eos_token_id": ids["<|im_end|>"],
    }


def _vision_config(shape: SpecimenShape) -> dict[str, Any]:
    return {
        "depth": shape.vision_layers,
        "hidden_size": shape.vision_width,
        "intermediate_size": 2 * shape.vision_width,
        "num_heads": shape.encoder_heads,
        "patch_size": PATCH,
        "spatial_merge_size": MERGE,
        "temporal_patch_size": FRAMES_PER_PATCH,
        "window_size": 112,
        "out_hidden_size": shape.text_width,
        "fullatt_block_indexes": [shape.vision_layers - 1],
    }


def _audio_config(shape: SpecimenShape) -> dict[str, Any]:
    return {
        "num_mel_bins": MEL_BINS,
        "d_model": shape.audio_width,
        "encoder_layers": shape.audio_layers,
        "encoder_attention_heads": shape.encoder_heads,
        "encoder_ffn_dim": 2 * shape.audio_width,
        "output_dim": shape.text_width,
        "n_window": 100,
        "max_source_positions": 1500,
    }
