"""Builds small random Qwen2.5-Omni checkpoints in the published layout."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from mma_eval.train.specimen.tokenizer import SPECIAL_TOKENS, learn_tokenizer, token_ids

CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' + message['role'] + '\\n' -}}"
    "{%- if message['content'] is string -%}{{- message['content'] -}}"
    "{%- else -%}{%- for part in message['content'] -%}"
    "{%- if part['type'] == 'image' -%}{{- '<|vision_bos|><|IMAGE|><|vision_eos|>' -}}"
    "{%- elif part['type'] == 'audio' -%}{{- '<|audio_bos|><|AUDIO|><|audio_eos|>' -}}"
    "{%- elif part['type'] == 'video' -%}{{- '<|vision_bos|><|VIDEO|><|vision_eos|>' -}}"
    "{%- else -%}{{- part['text'] -}}{%- endif -%}{%- endfor -%}{%- endif -%}"
    "{{- '<|im_end|>\\n' -}}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)
"""What the published template renders for these kinds of content."""


@dataclass(frozen=True)
class Size:
    """Widths and depths of the three parts."""

    width: int = 64
    layers: int = 3
    heads: int = 4
    key_heads: int = 2
    inner: int = 128
    vision_width: int = 32
    vision_layers: int = 3
    audio_width: int = 32
    audio_layers: int = 2
    vocabulary: int = 700
    context: int = 32_768


TINY = Size()
MID = Size(512, 8, 8, 2, 1536, 256, 4, 256, 4, 4096)


def build_checkpoint(
    folder: Path, size: Size = TINY, *, seed: int = 0, sharded: bool = False, talker: bool = True
) -> Path:
    """Write a random checkpoint as the hub has them: `thinker.` keys, a root configuration.

    `talker` adds tensors that a reader of the thinker must leave alone.
    """
    from transformers import Qwen2_5OmniThinkerForConditionalGeneration

    folder.mkdir(parents=True, exist_ok=True)
    entries = size.vocabulary - len(SPECIAL_TOKENS)
    tokenizer = learn_tokenizer(corpus(size.vocabulary), entries, least=0)
    tokenizer.save_pretrained(folder)
    config = _thinker_config(size, tokenizer)
    torch.manual_seed(seed)
    model = Qwen2_5OmniThinkerForConditionalGeneration(config)
    with torch.no_grad():
        # Random networks are nearly indifferent; sharper ones make greedy choices comparable.
        model.lm_head.weight.mul_(4.0)
    _write_weights(folder, model.state_dict(), sharded=sharded, talker=talker)
    _write_json(folder / "config.json", _root_config(config))
    _write_json(folder / "preprocessor_config.json", PREPROCESSOR)
    _write_json(folder / "generation_config.json", GENERATION)
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE, encoding="utf-8")
    return folder


PREPROCESSOR: dict[str, Any] = {
    "chunk_length": 300,
    "dither": 0.0,
    "feature_extractor_type": "WhisperFeatureExtractor",
    "feature_size": 128,
    "hop_length": 160,
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_processor_type": "Qwen2VLImageProcessor",
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    "max_pixels": 12_845_056,
    "merge_size": 2,
    "min_pixels": 3136,
    "n_fft": 400,
    "n_samples": 4_800_000,
    "nb_max_frames": 30_000,
    "padding_side": "right",
    "padding_value": 0.0,
    "patch_size": 14,
    "processor_class": "Qwen2_5OmniProcessor",
    "return_attention_mask": True,
    "sampling_rate": 16_000,
    "temporal_patch_size": 2,
}

GENERATION: dict[str, Any] = {
    "do_sample": True,
    "repetition_penalty": 1.3,
    "temperature": 0.7,
    "top_k": 20,
    "top_p": 0.8,
}


def corpus(vocabulary: int) -> list[str]:
    """Prompt-like text, and enough invented words to fill a large vocabulary."""
    draw = random.Random(0)
    sounds = [c + v for c in "bcdfghklmnprstvw" for v in ("a", "e", "i", "o", "an", "er", "ing")]
    words = ["".join(draw.choices(sounds, k=draw.randint(1, 3))) for _ in range(vocabulary)]
    lines = [" ".join(draw.choices(words, k=20)) for _ in range(vocabulary // 4)]
    question = (
        "system user assistant You are a helpful assistant. Which class best describes the visual "
        "audio content of this video? Options: Answer using a single word or phrase. Final Answer:"
    )
    return [question] * 20 + lines


def _thinker_config(size: Size, tokenizer: Any) -> Any:
    from transformers import Qwen2_5OmniThinkerConfig

    ids = token_ids(tokenizer)
    half = size.width // size.heads // 2
    side = 3 * half // 8
    return Qwen2_5OmniThinkerConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": size.width,
            "num_hidden_layers": size.layers,
            "num_attention_heads": size.heads,
            "num_key_value_heads": size.key_heads,
            "intermediate_size": size.inner,
            "max_position_embeddings": size.context,
            "tie_word_embeddings": False,
            "initializer_range": 0.08,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 1e6,
                "mrope_section": [half - 2 * side, side, side],
            },
        },
        vision_config={
            "depth": size.vision_layers,
            "hidden_size": size.vision_width,
            "num_heads": 2,
            "intermediate_size": 2 * size.vision_width,
            "out_hidden_size": size.width,
            "patch_size": 14,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "window_size": 112,
            "fullatt_block_indexes": [size.vision_layers - 1],
            "initializer_range": 0.08,
        },
        audio_config={
            "num_mel_bins": 128,
            "d_model": size.audio_width,
            "encoder_layers": size.audio_layers,
            "encoder_attention_heads": 2,
            "encoder_ffn_dim": 2 * size.audio_width,
            "output_dim": size.width,
            "n_window": 100,
            "max_source_positions": 1500,
            "initializer_range": 0.08,
        },
        audio_token_index=ids["<|AUDIO|>"],
        image_token_index=ids["<|IMAGE|>"],
        video_token_index=ids["<|VIDEO|>"],
        audio_start_token_id=ids["<|audio_bos|>"],
        audio_end_token_id=ids["<|audio_eos|>"],
        vision_start_token_id=ids["<|vision_bos|>"],
        vision_end_token_id=ids["<|vision_eos|>"],
        position_id_per_seconds=25,
        seconds_per_chunk=2,
        initializer_range=0.08,
        pad_token_id=ids["<|endoftext|>"],
        bos_token_id=ids["<|im_start|>"],
        eos_token_id=ids["<|im_end|>"],
    )


def _root_config(thinker: Any) -> dict[str, Any]:
    return {
        "architectures": ["Qwen2_5OmniModel"],
        "model_type": "qwen2_5_omni",
        "enable_audio_output": True,
        "enable_talker": True,
        "thinker_config": thinker.to_dict(),
        "torch_dtype": "float32",
    }


def _write_weights(
    folder: Path, state: dict[str, torch.Tensor], *, sharded: bool, talker: bool
) -> None:
    tensors = {published_name(name): tensor.contiguous() for name, tensor in state.items()}
    if talker:
        tensors["talker.codec_head.weight"] = torch.zeros(4, 4)
        tensors["token2wav.code2wav_dit_model.proj_out.weight"] = torch.zeros(4, 4)
    write_tensors(folder, tensors, sharded=sharded)


def write_tensors(folder: Path, tensors: dict[str, torch.Tensor], *, sharded: bool) -> None:
    """One file, or three with an index, as the hub has large checkpoints."""
    if not sharded:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return
    names = sorted(tensors, key=lambda name: (not name.startswith("thinker."), name))
    cut = len([name for name in names if name.startswith("thinker.")])
    parts = [names[: cut // 2], names[cut // 2 : cut], names[cut:]]
    weight_map: dict[str, str] = {}
    for number, part in enumerate(parts, start=1):
        file = f"model-{number:05d}-of-00003.safetensors"
        save_file({n: tensors[n] for n in part}, folder / file, metadata={"format": "pt"})
        weight_map |= dict.fromkeys(part, file)
    _write_json(folder / "model.safetensors.index.json", {"weight_map": weight_map, "metadata": {}})


def published_name(name: str) -> str:
    name = name.replace("model.language_model.", "model.", 1)
    for tower in ("visual", "audio_tower"):
        name = name.replace(f"model.{tower}.", f"{tower}.", 1)
    return f"thinker.{name}"


def _write_json(file: Path, content: dict[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=2), encoding="utf-8")
