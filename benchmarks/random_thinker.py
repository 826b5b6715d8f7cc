"""Thinkers of the Qwen-Omni line at their published shape, with random weights made in place.

A small checkpoint in the published layout brings the tokenizer, the media tokens and everything
else that a backend reads; its decoder and towers are then replaced by ones of the wanted shape,
made on the device itself. Nothing is downloaded and no large file is written.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from mma_eval.models.card import Scalar
from mma_eval.models.catalogue import CardCatalogue, create_model
from mma_eval.models.local.checkpoint_tensors import DTYPES
from mma_eval.models.local.text_tokenizer import quiet_transformers
from mma_eval.models.qwen.backend import QwenOmni
from mma_eval.models.qwen.thinker import Thinker
from mma_eval.models.qwen.thinker_parts import language_model
from tests.models.checkpoint import build_checkpoint
from tests.models.plain_path import PlainPath
from tests.models.qwen3_checkpoint import build_qwen3_checkpoint
from tests.models.qwen3_plain_path import Qwen3PlainPath

Part = Mapping[str, Any]
SHARPER = 4.0
"""Random networks are nearly indifferent; a larger head makes greedy choices comparable."""


@dataclass(frozen=True)
class Shape:
    """Entries of a thinker's configuration that differ from the small checkpoint's."""

    text: Part
    vision: Part
    audio: Part


@dataclass(frozen=True)
class Family:
    """One architecture of the line: its card, its small checkpoint, its plain path, its shapes."""

    card: str
    build: Callable[[Path], Path]
    plain: type[PlainPath]
    shapes: Mapping[str, Shape]


WHISPER_LARGE: Part = {
    "d_model": 1280,
    "encoder_layers": 32,
    "encoder_attention_heads": 20,
    "encoder_ffn_dim": 5120,
    "initializer_range": 0.02,
}
AS_IT_IS = Shape({}, {}, {})

QWEN2_5_OMNI_7B = Shape(
    text={
        "vocab_size": 152_064,
        "hidden_size": 3584,
        "intermediate_size": 18_944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "initializer_range": 0.02,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 1e6,
            "mrope_section": [16, 24, 24],
        },
    },
    vision={
        "depth": 32,
        "hidden_size": 1280,
        "num_heads": 16,
        "intermediate_size": 3420,
        "out_hidden_size": 3584,
        "fullatt_block_indexes": [7, 15, 23, 31],
        "initializer_range": 0.02,
    },
    audio={**WHISPER_LARGE, "output_dim": 3584},
)
"""Qwen/Qwen2.5-Omni-7B, config.json: 8,931,813,888 parameters in the thinker."""

QWEN3_OMNI_30B = Shape(
    text={
        "vocab_size": 152_064,
        "hidden_size": 2048,
        "head_dim": 128,
        "num_hidden_layers": 48,
        "num_attention_heads": 32,
        "num_key_value_heads": 4,
        "intermediate_size": 768,
        "moe_intermediate_size": 768,
        "num_experts": 128,
        "num_experts_per_tok": 8,
        "initializer_range": 0.02,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 1e6,
            "mrope_section": [24, 20, 20],
            "mrope_interleaved": True,
        },
    },
    vision={
        "depth": 27,
        "hidden_size": 1152,
        "num_heads": 16,
        "intermediate_size": 4304,
        "out_hidden_size": 2048,
        "num_position_embeddings": 2304,
        "deepstack_visual_indexes": [8, 16, 24],
        "initializer_range": 0.02,
    },
    audio={**WHISPER_LARGE, "output_dim": 2048, "downsample_hidden_size": 480},
)
"""Qwen/Qwen3-Omni-30B-A3B-Instruct, config.json: 31,719,205,488 parameters in the thinker."""


def _between(head: Part) -> Shape:
    """Some 60 million parameters: what a CPU answers from in minutes."""
    return Shape(
        text={
            "vocab_size": 32_000,
            "hidden_size": 512,
            "intermediate_size": 1536,
            "num_hidden_layers": 8,
            "num_attention_heads": 8,
            **head,
        },
        vision={"depth": 6, "hidden_size": 256, "intermediate_size": 512, "out_hidden_size": 512},
        audio={"d_model": 256, "encoder_layers": 4, "encoder_ffn_dim": 512, "output_dim": 512},
    )


FAMILIES = {
    "qwen2.5": Family(
        "qwen2.5-omni",
        build_checkpoint,
        PlainPath,
        {
            "tiny": AS_IT_IS,
            "mid": _between(
                {
                    "rope_parameters": {
                        "rope_type": "default",
                        "rope_theta": 1e6,
                        "mrope_section": [8, 12, 12],
                    }
                }
            ),
            "published": QWEN2_5_OMNI_7B,
        },
    ),
    "qwen3": Family(
        "qwen3-omni-30b-a3b",
        build_qwen3_checkpoint,
        Qwen3PlainPath,
        {
            "tiny": AS_IT_IS,
            "mid": _between({"moe_intermediate_size": 128, "num_experts": 16}),
            "published": QWEN3_OMNI_30B,
        },
    ),
}


@dataclass(frozen=True)
class Made:
    """A backend whose thinker is of the wanted shape, and the plain path on the same weights."""

    model: QwenOmni
    plain: PlainPath
    parameters: int
    seconds: float
    """That it took to make the weights on the device."""

    @property
    def device(self) -> torch.device:
        return self.model.answerer.thinker.device


def make(family: Family, size: str, scratch: Path, arguments: Mapping[str, Scalar]) -> Made:
    """The backend of the family's own card, with random weights.

    Raises ValueError where the published shape does not have the parameters that the card states.
    """
    folder = family.build(scratch / "checkpoint")
    card = CardCatalogue().get(family.card)
    model = create_model(card, {**arguments, "pretrained": str(folder)})
    assert isinstance(model, QwenOmni)
    answerer = model.answerer
    started = time.perf_counter()
    if family.shapes[size] is not AS_IT_IS:
        answerer.thinker = _replaced(answerer.thinker, family.shapes[size], model.dtype)
    seconds = time.perf_counter() - started
    parameters = sum(one.numel() for one in answerer.thinker.model.parameters())
    if size == "published" and parameters != card.parameters:
        raise ValueError(f"{parameters:,} parameters, but {card.name} has {card.parameters:,}")
    with quiet_transformers():
        plain = family.plain.load(
            folder, model.sampling, model.pixel_limits, model.system_prompt, model.fps
        )
    return Made(model, replace(plain, model=answerer.thinker.model), parameters, seconds)


def _replaced(thinker: Thinker, shape: Shape, dtype: str) -> Thinker:
    """The thinker with another model in place of its own: same ids, same inputs, other sizes."""
    kind, stated = type(thinker.model), thinker.model.config.to_dict()
    for part in ("text", "vision", "audio"):
        stated[f"{part}_config"] |= getattr(shape, part)
    # Follows from the number of layers; the small checkpoint's would contradict it.
    stated["text_config"].pop("layer_types", None)
    attention = thinker.model.config._attn_implementation
    torch.manual_seed(0)
    with torch.device(thinker.device), quiet_transformers():
        model = kind._from_config(
            kind.config_class.from_dict(stated), dtype=DTYPES[dtype], attn_implementation=attention
        )
    model.eval().requires_grad_(False)
    with torch.no_grad():
        model.lm_head.weight.mul_(SHARPER)
    engine = replace(
        thinker.engine,
        decoder=language_model(model),
        embed=model.get_input_embeddings(),
        head=model.lm_head,
    )
    return replace(thinker, model=model, engine=engine)
