"""ImageBind's towers for pictures and sound: one vector for a clip, in a space that both share.

Written from the paper (Girdhar et al., "ImageBind: One Embedding Space To Bind Them All",
arXiv 2305.05665, section 3 and appendix B) and the names and shapes of the published tensors.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from mma_eval.errors import ModelError
from mma_eval.models.local.checkpoint_tensors import Tensors, filled

Modality = Literal["vision", "audio"]

BLOCK_EPSILON = 1e-6
AUDIO_STRIDE = 10
"""Steps of the audio patches, which overlap (16 wide)."""

NAMES = (
    (r"^modality_preprocessors\.\w+\.cls_token$", "class_token"),
    (r"^modality_preprocessors\.\w+\.pos_embedding_helper\.pos_embed$", "positions"),
    (r"^modality_preprocessors\.\w+\.rgbt_stem\.proj\.(1\.)?", "patches."),
    (r"^modality_preprocessors\.\w+\.rgbt_stem\.norm_layer\.", "first_norm."),
    (r"^modality_trunks\.\w+\.pre_transformer_layer\.0\.", "first_norm."),
    (r"^modality_trunks\.\w+\.blocks\.", "blocks."),
    (r"^modality_heads\.\w+\.0\.", "last_norm."),
    (r"^modality_heads\.\w+\.2\.", "head."),
)
"""Published names, and those of `Tower`."""

SIZES = ("patches.weight", "positions", "blocks.0.mlp.fc1.weight", "head.weight")
"""The tensors that tell how large a tower is."""


class Block(nn.Module):
    """Attention and a feed-forward layer, each normalised before and added after."""

    def __init__(self, width: int, heads: int, hidden: int, *, extra_key: bool) -> None:
        super().__init__()
        self.norm_1 = nn.LayerNorm(width, eps=BLOCK_EPSILON)
        self.attn = nn.MultiheadAttention(width, heads, add_bias_kv=extra_key, batch_first=True)
        self.norm_2 = nn.LayerNorm(width, eps=BLOCK_EPSILON)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, hidden), "fc2": nn.Linear(hidden, width)})

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        normal = self.norm_1(tokens)
        tokens = tokens + self.attn(normal, normal, normal, need_weights=False)[0]
        hidden = nn.functional.gelu(self.mlp["fc1"](self.norm_2(tokens)))
        summed: torch.Tensor = tokens + self.mlp["fc2"](hidden)
        return summed


class Tower(nn.Module):
    """Patches, a class token and positions through transformer blocks to one vector.

    Vision normalises the tokens once positions are added, audio the patches before; audio's
    attention has a learned key and value more.
    """

    def __init__(self, modality: Modality, tensors: Tensors, heads: int) -> None:
        """A tower of the sizes that `tensors` (by the names here) have."""
        super().__init__()
        self.modality = modality
        kernel = tensors["patches.weight"]
        width, channels = int(kernel.shape[0]), int(kernel.shape[1])
        self.patches: nn.Module
        if modality == "vision":
            frames, height, side = kernel.shape[2:]
            block = (frames, height, side)
            self.patches = nn.Conv3d(channels, width, block, stride=block, bias=False)
        else:
            square = (kernel.shape[2], kernel.shape[3])
            self.patches = nn.Conv2d(channels, width, square, stride=AUDIO_STRIDE, bias=False)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.zeros_like(tensors["positions"]))
        self.first_norm = nn.LayerNorm(width, eps=BLOCK_EPSILON if modality == "vision" else 1e-5)
        hidden = int(tensors["blocks.0.mlp.fc1.weight"].shape[0])
        self.blocks = nn.ModuleList(
            Block(width, heads, hidden, extra_key=modality == "audio")
            for _ in range(depth(tensors))
        )
        self.last_norm = nn.LayerNorm(width, eps=BLOCK_EPSILON)
        self.head = nn.Linear(width, int(tensors["head.weight"].shape[0]), bias=False)

    def tokens(self, views: torch.Tensor) -> torch.Tensor:
        """Class token and patches with their positions, `[B, 1 + patches, width]`.

        `views` are `[B, 3, frames, height, width]` for vision, `[B, 1, mels, windows]` for audio.
        """
        patches = self.patches(views).flatten(2).transpose(1, 2)
        if self.modality == "audio":
            patches = self.first_norm(patches)
        first = self.class_token.expand(len(patches), -1, -1)
        return torch.cat([first, patches], dim=1) + self.positions

    def trunk(self, tokens: torch.Tensor) -> torch.Tensor:
        """Tokens `[B, n, width]` after the last block, in the shape they came in."""
        if self.modality == "vision":
            tokens = self.first_norm(tokens)
        for block in self.blocks:
            tokens = block(tokens)
        return tokens

    def vectors(self, trunk: torch.Tensor) -> torch.Tensor:
        """Vectors `[B, out]` of unit length, from what `trunk` gives."""
        made: torch.Tensor = self.head(self.last_norm(trunk)[:, 0])
        return nn.functional.normalize(made, dim=-1)

    def forward(self, views: torch.Tensor) -> torch.Tensor:
        """The mean vector `[1, out]` of the views of one clip, not normalised again."""
        return self.vectors(self.trunk(self.tokens(views))).mean(dim=0, keepdim=True)


def depth(tensors: Tensors) -> int:
    """Number of transformer blocks among `tensors`."""
    return 1 + max(int(name.split(".")[1]) for name in tensors if name.startswith("blocks."))


def load_tower(
    checkpoint: Tensors, modality: Modality, heads: int, source: Path, dtype: torch.dtype
) -> Tower:
    """The tower of one modality from the file `source`.

    Not read are the towers of other modalities, nor the scale that contrasts vectors of two of
    them (`modality_postprocessors`): a projection takes vectors of unit length. Raises ModelError
    unless exactly the tower's own tensors are there.
    """
    tensors, part = tower_tensors(checkpoint, modality), f"ImageBind's {modality} tower"
    absent = [name for name in SIZES if name not in tensors]
    if absent:
        raise ModelError(f"'{source}' holds no whole {part}: it lacks {absent[0]}")
    width = len(tensors["patches.weight"])
    if width % heads:
        raise ModelError(f"'{source}': {part} is {width} wide, which {heads} heads cannot share")
    with torch.device("meta"):
        tower = Tower(modality, tensors, heads)
    loaded: Tower = filled(tower, tensors, source, part, dtype)
    return loaded


def tower_tensors(checkpoint: Tensors, modality: Modality) -> dict[str, torch.Tensor]:
    """The tensors of one modality by the names of `Tower`."""
    own = re.compile(rf"^modality_(preprocessors|trunks|heads)\.{modality}\.")
    return {_renamed(name): tensor for name, tensor in checkpoint.items() if own.match(name)}


def _renamed(published: str) -> str:
    for pattern, name in NAMES:
        if re.match(pattern, published):
            return re.sub(pattern, name, published)
    return published
