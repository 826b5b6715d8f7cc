"""Builds small random Qwen3-Omni checkpoints in the published layout: one tensor per expert."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from mma_eval.train.specimen.tokenizer import learn_tokenizer
from tests.models.checkpoint import GENERATION, PREPROCESSOR, corpus, published_name, write_tensors

MEDIA_TOKENS = (
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
    "<|audio_start|>",
    "<|audio_end|>",
    "<|audio_pad|>",
)

CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' + message['role'] + '\\n' -}}"
    "{%- if message['content'] is string -%}{{- message['content'] -}}"
    "{%- else -%}{%- for part in message['content'] -%}"
    "{%- if part['type'] == 'image' -%}{{- '<|vision_start|><|image_pad|><|vision_end|>' -}}"
    "{%- elif part['type'] == 'audio' -%}{{- '<|audio_start|><|audio_pad|><|audio_end|>' -}}"
    "{%- elif part['type'] == 'video' -%}{{- '<|vision_start|><|video_pad|><|vision_end|>' -}}"
    "{%- else -%}{{- part['text'] -}}{%- endif -%}{%- endfor -%}{%- endif -%}"
    "{{- '<|im_end|>\\n' -}}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)
"""What the published template renders for these kinds of content: no system turn of its own."""

WIDTH, HEADS, HEAD_WIDTH = 64, 4, 16
VOCABULARY = 700
CONTEXT = 65_536
THETA = 5e5


def build_qwen3_checkpoint(
    folder: Path, *, seed: int = 0, sharded: bool = False, talker: bool = True
) -> Path:
    """Write a random checkpoint as the hub has them: `thinker.` keys, a root configuration.

    `talker` adds tensors that a reader of the thinker must leave alone.
    """
    from transformers import Qwen3OmniMoeThinkerForConditionalGeneration

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = learn_tokenizer(corpus(VOCABULARY), VOCABULARY, least=0)
    tokenizer.add_tokens(list(MEDIA_TOKENS), special_tokens=True)
    tokenizer.save_pretrained(folder)
    _take_tokenizer_apart(folder)
    config = _thinker_config(tokenizer)
    torch.manual_seed(seed)
    model = Qwen3OmniMoeThinkerForConditionalGeneration(config)
    with torch.no_grad():
        # Random networks are nearly indifferent; sharper ones make greedy choices comparable.
        model.lm_head.weight.mul_(4.0)
    write_tensors(folder, _published_tensors(model.state_dict(), talker=talker), sharded=sharded)
    root = {
        "architectures": ["Qwen3OmniMoeForConditionalGeneration"],
        "model_type": "qwen3_omni_moe",
        "enable_audio_output": True,
        "thinker_config": _published_config(config),
        "dtype": "float32",
    }
    processor = PREPROCESSOR | {
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "patch_size": 16,
        "processor_class": "Qwen3OmniMoeProcessor",
    }
    files = {
        "config": root,
        "preprocessor_config": processor,
        "generation_config": GENERATION,
        "chat_template": {"chat_template": CHAT_TEMPLATE},
    }
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content, indent=2), encoding="utf-8")
    return folder


def _take_tokenizer_apart(folder: Path) -> None:
    """Leave vocabulary, merges and added tokens in files of their own, as they are published."""
    whole = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    (folder / "tokenizer.json").unlink()
    vocabulary = json.dumps(whole["model"]["vocab"], ensure_ascii=False)
    (folder / "vocab.json").write_text(vocabulary, encoding="utf-8")
    merges = ["#version: 0.2", *(" ".join(pair) for pair in whole["model"]["merges"])]
    (folder / "merges.txt").write_text("\n".join(merges) + "\n", encoding="utf-8")
    settings_file = folder / "tokenizer_config.json"
    settings = json.loads(settings_file.read_text(encoding="utf-8"))
    settings["added_tokens_decoder"] = {
        str(token.pop("id")): token for token in whole["added_tokens"]
    }
    settings_file.write_text(json.dumps(settings), encoding="utf-8")


def _thinker_config(tokenizer: Any) -> Any:
    from transformers import Qwen3OmniMoeThinkerConfig

    ids = {token: int(tokenizer.convert_tokens_to_ids(token)) for token in MEDIA_TOKENS}
    return Qwen3OmniMoeThinkerConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": WIDTH,
            "num_hidden_layers": 4,
            "num_attention_heads": HEADS,
            "num_key_value_heads": 2,
            "head_dim": HEAD_WIDTH,
            "intermediate_size": 96,
            "moe_intermediate_size": 48,
            "num_experts": 6,
            "num_experts_per_tok": 2,
            "max_position_embeddings": CONTEXT,
            "initializer_range": 0.08,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": THETA,
                "mrope_section": [4, 2, 2],
                "mrope_interleaved": True,
            },
        },
        vision_config={
            "depth": 4,
            "hidden_size": 32,
            "num_heads": 2,
            "intermediate_size": 64,
            "out_hidden_size": WIDTH,
            "patch_size": 16,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "num_position_embeddings": 144,
            "deepstack_visual_indexes": [0, 1, 2],
            "initializer_range": 0.08,
        },
        audio_config={
            "num_mel_bins": 128,
            "d_model": 32,
            "encoder_layers": 2,
            "encoder_attention_heads": 2,
            "encoder_ffn_dim": 64,
            "downsample_hidden_size": 8,
            "output_dim": WIDTH,
            "n_window": 50,
            "n_window_infer": 800,
            "initializer_range": 0.08,
        },
        audio_token_id=ids["<|audio_pad|>"],
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        audio_start_token_id=ids["<|audio_start|>"],
        audio_end_token_id=ids["<|audio_end|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        position_id_per_seconds=13,
        seconds_per_chunk=2,
        initializer_range=0.08,
    )


def _published_config(thinker: Any) -> dict[str, Any]:
    """With the rotary settings where transformers had them when the model was published."""
    written: dict[str, Any] = thinker.to_dict()
    text = written["text_config"]
    rotary = text.pop("rope_parameters")
    text["rope_theta"] = rotary.pop("rope_theta")
    text["rope_scaling"] = rotary | {"interleaved": True, "type": "default"}
    return written


def _published_tensors(state: dict[str, torch.Tensor], *, talker: bool) -> dict[str, torch.Tensor]:
    """Under their published names, with the experts' fused tensors taken apart."""
    tensors: dict[str, torch.Tensor] = {}
    for name, tensor in state.items():
        place = published_name(name)
        if place.endswith("experts.gate_up_proj"):
            stem = place.removesuffix("gate_up_proj")
            for number, expert in enumerate(tensor):
                gate, up = expert.chunk(2)
                tensors[f"{stem}{number}.gate_proj.weight"] = gate.clone()
                tensors[f"{stem}{number}.up_proj.weight"] = up.clone()
        elif place.endswith("experts.down_proj"):
            stem = place.removesuffix("down_proj")
            for number, expert in enumerate(tensor):
                tensors[f"{stem}{number}.down_proj.weight"] = expert.clone()
        else:
            tensors[place] = tensor.contiguous()
    if talker:
        tensors["talker.codec_head.weight"] = torch.zeros(4, 4)
        tensors["talker.model.layers.0.mlp.experts.0.gate_proj.weight"] = torch.zeros(4, 4)
        tensors["code2wav.decoder.0.conv.weight"] = torch.zeros(4, 4)
    return tensors
