"""The sizes of a ChatBridge model, which its checkpoint does not tell.

A `sizes.json` beside the checkpoint states them; without one they are those of ChatBridge-13B.
"""

from __future__ import annotations

from pathlib import Path

from mma_eval.models.local.sizes_file import SIZES_FILE, Sizes, stated_sizes


class VisionSizes(Sizes):
    """EVA-ViT-g, without its last block as BLIP-2 cuts it."""

    img_size: int = 224
    patch_size: int = 14
    embed_dim: int = 1408
    depth: int = 39
    num_heads: int = 16
    mlp_ratio: float = 4.3637


class AudioSizes(Sizes):
    """BEATs base."""

    embed_dim: int = 512
    encoder_layers: int = 12
    encoder_embed_dim: int = 768
    encoder_ffn_embed_dim: int = 3072
    encoder_attention_heads: int = 12
    conv_pos: int = 128
    conv_pos_groups: int = 16
    num_buckets: int = 320
    max_distance: int = 800
    predictor_class: int | None = None
    """Classes of the classifier that BEATs was tuned as; it has no part here."""


class PerceiverSizes(Sizes):
    """The Q-Former that both modalities share: BERT base with 32 queries."""

    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    num_query_token: int = 32


class ChatBridgeSizes(Sizes):
    """All parts; `llm` is the folder of the language model, relative to the file."""

    vit: VisionSizes = VisionSizes()
    beats: AudioSizes = AudioSizes()
    qformer: PerceiverSizes = PerceiverSizes()
    llm: str | None = None


def read_sizes(folder: Path) -> ChatBridgeSizes:
    """The sizes that `folder` states, or the published ones; raises ModelError."""
    file = folder / SIZES_FILE
    return stated_sizes(file, ChatBridgeSizes) if file.is_file() else ChatBridgeSizes()
