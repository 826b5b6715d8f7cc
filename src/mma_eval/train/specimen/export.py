"""Writes the specimen in the layout of the published Qwen2.5-Omni checkpoints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mma_eval.models.local.adapter import published_name
from mma_eval.models.nn.clip_pixels import CLIP_MEAN, CLIP_STD
from mma_eval.train.specimen.config import FRAME_PIXELS, FRAMES_PER_PATCH, MEL_BINS, MERGE, PATCH
from mma_eval.train.specimen.prompts import SYSTEM

WEIGHTS = "model.safetensors"

CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if loop.first and message['role'] != 'system' -%}"
    "{{- '<|im_start|>system\n" + SYSTEM + "<|im_end|>\n' -}}"
    "{%- endif -%}"
    "{{- '<|im_start|>' + message['role'] + '\n' -}}"
    "{%- if message['content'] is string -%}{{- message['content'] -}}"
    "{%- else -%}{%- for part in message['content'] -%}"
    "{%- if part['type'] == 'image' or 'image' in part or 'image_url' in part -%}"
    "{{- '<|vision_bos|><|IMAGE|><|vision_eos|>' -}}"
    "{%- elif part['type'] == 'audio' or 'audio' in part or 'audio_url' in part -%}"
    "{{- '<|audio_bos|><|AUDIO|><|audio_eos|>' -}}"
    "{%- elif part['type'] == 'video' or 'video' in part -%}"
    "{{- '<|vision_bos|><|VIDEO|><|vision_eos|>' -}}"
    "{%- elif 'text' in part -%}{{- part['text'] -}}{%- endif -%}"
    "{%- endfor -%}{%- endif -%}"
    "{{- '<|im_end|>\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}{%- endif -%}"
)


def export(thinker: Any, tokenizer: Any, folder: Path, *, dtype: torch.dtype) -> None:
    """Write weights in `dtype`, configurations and tokenizer into `folder`."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    weights = published_weights(thinker, dtype)
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    # safetensors leaves the file to its owner alone, and this one is to be shipped.
    (folder / WEIGHTS).chmod(0o644)
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(folder)
    _write_json(folder / "config.json", published_config(thinker.config, dtype))
    _write_json(folder / "generation_config.json", _generation_config(tokenizer))
    _write_json(folder / "preprocessor_config.json", _preprocessor_config())


def published_weights(thinker: Any, dtype: torch.dtype) -> dict[str, Tensor]:
    """All weights under the names of the published files, sorted."""
    weights = {
        f"thinker.{published_name(name)}": tensor.detach().to(dtype).contiguous()
        for name, tensor in thinker.state_dict().items()
    }
    return dict(sorted(weights.items()))


def published_config(config: Any, dtype: torch.dtype) -> dict[str, Any]:
    """The thinker's configuration as one part of a whole Qwen2.5-Omni's."""
    thinker = config.to_dict()
    thinker["architectures"] = ["Qwen2_5OmniThinkerForConditionalGeneration"]
    return {
        "architectures": ["Qwen2_5OmniModel"],
        "model_type": "qwen2_5_omni",
        "dtype": str(dtype).removeprefix("torch."),
        "enable_audio_output": False,
        "thinker_config": thinker,
    }


def _generation_config(tokenizer: Any) -> dict[str, Any]:
    return {
        "do_sample": False,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }


def _preprocessor_config() -> dict[str, Any]:
    """One file for pictures and sounds, as published; small limits keep demo frames as they are."""
    return {
        "processor_class": "Qwen2_5OmniProcessor",
        "image_processor_type": "Qwen2VLImageProcessor",
        "video_processor_type": "Qwen2VLVideoProcessor",
        "size": {"shortest_edge": FRAME_PIXELS, "longest_edge": FRAME_PIXELS},
        "min_pixels": FRAME_PIXELS,
        "max_pixels": FRAME_PIXELS,
        "image_mean": list(CLIP_MEAN),
        "image_std": list(CLIP_STD),
        "patch_size": PATCH,
        "temporal_patch_size": FRAMES_PER_PATCH,
        "merge_size": MERGE,
        "feature_extractor_type": "WhisperFeatureExtractor",
        "feature_size": MEL_BINS,
        "sampling_rate": 16_000,
        "hop_length": 160,
        "n_fft": 400,
        "chunk_length": 30,
        "n_samples": 480_000,
        "nb_max_frames": 3_000,
        "padding_side": "right",
        "padding_value": 0.0,
        "dither": 0.0,
        "return_attention_mask": True,
    }


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
