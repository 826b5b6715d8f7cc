"""ChatBridge's towers and the perceiver that turns each modality into soft tokens.

Source: ChatBridge (arXiv 2305.16103), section 3; the Q-Former is BLIP-2's (arXiv 2301.12597), the
picture tower EVA-ViT-g (arXiv 2211.07636), the sound tower BEATs (arXiv 2212.09058).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import nn

from mma_eval.models.nn.beats import Beats, BeatsSizes, unread_key
from mma_eval.models.nn.chatbridge_sizes import (
    AudioSizes,
    ChatBridgeSizes,
    PerceiverSizes,
    VisionSizes,
)

BLOCK_EPS = 1e-6
LAYER_NORM_EPS = 1e-5
PERCEIVER_EPS = 1e-12

RENAMED = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"^visual_encoder\.cls_token$", "visual_encoder.embeddings.class_embedding"),
        (r"^visual_encoder\.pos_embed$", "visual_encoder.embeddings.position_embedding"),
        (r"^visual_encoder\.patch_embed\.proj\.", "visual_encoder.embeddings.patch_embedding."),
        (r"^visual_encoder\.blocks\.(\d+)\.norm", r"visual_encoder.encoder.layers.\1.layer_norm"),
        (
            r"^visual_encoder\.blocks\.(\d+)\.attn\.proj\.",
            r"visual_encoder.encoder.layers.\1.self_attn.projection.",
        ),
        (r"^visual_encoder\.blocks\.(\d+)\.attn\.", r"visual_encoder.encoder.layers.\1.self_attn."),
        (r"^visual_encoder\.blocks\.", "visual_encoder.encoder.layers."),
        (r"^Qformer\.bert\.embeddings\.LayerNorm\.", "Qformer.layernorm."),
        (r"^Qformer\.bert\.(encoder.*attention)\.self\.", r"Qformer.\1.attention."),
        (r"^Qformer\.bert\.", "Qformer."),
    )
)
"""Names in the checkpoint and in transformers' BLIP-2, tried in this order."""

UNREAD = ("Qformer.bert.embeddings.position_ids",)
"""Tensors of the checkpoint that hold nothing learnt."""


class ChatBridgePerceiver(nn.Module):
    """Encodes frames and sound into soft tokens of the language model's width.

    Its attributes carry the names of the published checkpoint's parts.
    """

    def __init__(self, sizes: ChatBridgeSizes, width: int) -> None:
        super().__init__()
        picture, sound = sizes.vit.embed_dim, sizes.beats.encoder_embed_dim
        hidden, queries = sizes.qformer.hidden_size, sizes.qformer.num_query_token
        self.visual_encoder = _vision_tower(sizes.vit)
        self.ln_vision = nn.LayerNorm(picture, eps=LAYER_NORM_EPS)
        self.audio_encoder = Beats(_beats_sizes(sizes.beats))
        self.ln_audio = nn.LayerNorm(sound, eps=LAYER_NORM_EPS)
        self.audio_trans = nn.Linear(sound, picture)
        self.Qformer = _qformer(sizes.qformer, picture)
        self.image_query_tokens = nn.Parameter(torch.zeros(1, queries, hidden))
        self.audio_query_tokens = nn.Parameter(torch.zeros(1, queries, hidden))
        self.llama_proj = nn.Linear(hidden, width)

    def frame_features(self, frames: torch.Tensor) -> torch.Tensor:
        """`[T, patches + 1, picture width]` of frames `[T, 3, H, W]`, before the layer norm."""
        features: torch.Tensor = self.visual_encoder(frames).last_hidden_state
        return features

    def see(self, frames: torch.Tensor) -> torch.Tensor:
        """Soft tokens `[1, queries, width]` of frames `[T, 3, H, W]` that are one video."""
        features = self.ln_vision(self.frame_features(frames))
        return self._perceived(self.image_query_tokens, features)

    def sound_features(self, slices: torch.Tensor) -> torch.Tensor:
        """`[S, patches, sound width]` of filter banks `[S, windows, mels]`."""
        features: torch.Tensor = self.audio_encoder(slices)
        return features

    def hear(self, slices: torch.Tensor) -> torch.Tensor:
        """Soft tokens `[1, queries, width]` of filter banks `[S, windows, mels]` of one sound."""
        features = self.audio_trans(self.ln_audio(self.sound_features(slices)))
        return self._perceived(self.audio_query_tokens, features)

    def _perceived(self, queries: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        made = self.Qformer(
            query_embeds=queries, encoder_hidden_states=features.flatten(0, 1)[None]
        )
        projected: torch.Tensor = self.llama_proj(made.last_hidden_state)
        return projected


def renamed(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The checkpoint's tensors under this module's names, without what has no part in it."""
    named = {_new_name(name): tensor for name, tensor in tensors.items() if not _unread(name)}
    stems = [name.removesuffix("q_bias") for name in named if name.endswith("self_attn.q_bias")]
    for stem in stems:
        if f"{stem}v_bias" not in named:
            continue
        queries, values = named.pop(f"{stem}q_bias"), named.pop(f"{stem}v_bias")
        # EVA's keys have no bias; transformers keeps all three in one.
        named[f"{stem}qkv.bias"] = torch.cat((queries, torch.zeros_like(values), values))
    return named


def _new_name(name: str) -> str:
    for pattern, new in RENAMED:
        if pattern.search(name):
            return pattern.sub(new, name)
    return name


def _unread(name: str) -> bool:
    within_beats = name.removeprefix("audio_encoder.")
    return name in UNREAD or (within_beats != name and unread_key(within_beats))


def _vision_tower(sizes: VisionSizes) -> nn.Module:
    from transformers import Blip2VisionConfig, Blip2VisionModel

    config = Blip2VisionConfig(
        hidden_size=sizes.embed_dim,
        intermediate_size=int(sizes.embed_dim * sizes.mlp_ratio),
        num_hidden_layers=sizes.depth,
        num_attention_heads=sizes.num_heads,
        image_size=sizes.img_size,
        patch_size=sizes.patch_size,
        layer_norm_eps=BLOCK_EPS,
    )
    tower: nn.Module = Blip2VisionModel(config)
    # ChatBridge's own norm follows the tower, with another epsilon.
    tower.post_layernorm = nn.Identity()
    return tower


def _qformer(sizes: PerceiverSizes, encoder_width: int) -> nn.Module:
    from transformers import Blip2QFormerConfig, Blip2QFormerModel

    config = Blip2QFormerConfig(
        hidden_size=sizes.hidden_size,
        num_hidden_layers=sizes.num_hidden_layers,
        num_attention_heads=sizes.num_attention_heads,
        intermediate_size=sizes.intermediate_size,
        encoder_hidden_size=encoder_width,
        layer_norm_eps=PERCEIVER_EPS,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    qformer: nn.Module = Blip2QFormerModel(config)
    return qformer


def _beats_sizes(sizes: AudioSizes) -> BeatsSizes:
    return BeatsSizes(**sizes.model_dump(exclude={"predictor_class"}))
