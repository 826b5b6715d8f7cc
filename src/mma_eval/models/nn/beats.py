"""BEATs, an audio transformer over patches of a filter bank.

Source: Chen et al., "BEATs: Audio Pre-Training with Acoustic Tokenizers", arXiv 2212.09058. The
gated relative position bias is WavLM's (arXiv 2110.13900, section 3.2), its buckets are T5's
(arXiv 1910.10683), and the residuals are weighted as in DeepNet (arXiv 2203.00555). Modules carry
the names of the published checkpoints.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

BANK_MEAN, BANK_STD = 15.41663, 6.55582
"""Of the filter bank over AudioSet, samples on the scale of 16-bit integers."""

_POSITION_BIAS = "self_attn.relative_attention_bias.weight"
_UNREAD = re.compile(r"predictor\.|encoder\.layers\.[1-9]\d*\.self_attn\.relative_attention_bias\.")


@dataclass(frozen=True)
class BeatsSizes:
    """Shape of a BEATs encoder, under the names of its own configuration; defaults are BEATs base.

    `weight_norm_epsilon` is added to the squared norm in the positional convolution's weights.
    """

    embed_dim: int = 512
    encoder_layers: int = 12
    encoder_embed_dim: int = 768
    encoder_ffn_embed_dim: int = 3072
    encoder_attention_heads: int = 12
    conv_pos: int = 128
    conv_pos_groups: int = 16
    num_buckets: int = 320
    max_distance: int = 800
    patch: int = 16
    weight_norm_epsilon: float = 0.0

    @classmethod
    def of(
        cls, tensors: Mapping[str, torch.Tensor], max_distance: int, weight_norm_epsilon: float
    ) -> BeatsSizes:
        """The sizes of a checkpoint, named from within BEATs, and what its shapes do not tell."""
        biases = tensors["encoder.layers.0.self_attn.relative_attention_bias.weight"]
        kernel = tensors["encoder.pos_conv.0.weight_v"]
        blocks = {name.split(".")[2] for name in tensors if name.startswith("encoder.layers.")}
        inner, width = tensors["encoder.layers.0.fc1.weight"].shape
        return cls(
            embed_dim=tensors["patch_embedding.weight"].shape[0],
            encoder_layers=len(blocks),
            encoder_embed_dim=width,
            encoder_ffn_embed_dim=inner,
            encoder_attention_heads=biases.shape[1],
            conv_pos=kernel.shape[2],
            conv_pos_groups=width // kernel.shape[1],
            num_buckets=biases.shape[0],
            max_distance=max_distance,
            patch=tensors["patch_embedding.weight"].shape[-1],
            weight_norm_epsilon=weight_norm_epsilon,
        )


def unread_key(name: str) -> bool:
    """Whether a checkpoint's tensor, named from within BEATs, has no part in encoding.

    Every layer uses the position bias of the first, so its copies are redundant; the predictor
    belongs to the classifier that BEATs was tuned as.
    """
    return _UNREAD.match(name) is not None


def encoder_tensors(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """What of a checkpoint has a part in encoding, named from within BEATs.

    Checkpoints that keep no two copies of a tensor may name the position bias after any layer.
    """
    kept = {name: tensor for name, tensor in tensors.items() if not unread_key(name)}
    copies = [tensor for name, tensor in tensors.items() if name.endswith(_POSITION_BIAS)]
    first = {f"encoder.layers.0.{_POSITION_BIAS}": copies[0]} if copies else {}
    return first | kept


def normalised(bank: torch.Tensor) -> torch.Tensor:
    """A filter bank `[..., mels]` on the scale that BEATs was trained on."""
    return (bank - BANK_MEAN) / (2 * BANK_STD)


class Beats(nn.Module):
    """Encodes filter banks `[B, T, mels]` into `[B, tokens, width]`."""

    def __init__(self, sizes: BeatsSizes) -> None:
        super().__init__()
        self.patch_embedding = nn.Conv2d(
            1, sizes.embed_dim, kernel_size=sizes.patch, stride=sizes.patch, bias=False
        )
        self.layer_norm = nn.LayerNorm(sizes.embed_dim)
        self.post_extract_proj = nn.Linear(sizes.embed_dim, sizes.encoder_embed_dim)
        self.encoder = Encoder(sizes)

    def forward(self, bank: torch.Tensor) -> torch.Tensor:
        """Tokens run along the mels first, then along time; an unfilled patch is cut."""
        patches = self.patch_embedding(bank[:, None]).flatten(2).transpose(1, 2)
        encoded: torch.Tensor = self.encoder(self.post_extract_proj(self.layer_norm(patches)))
        return encoded


class Encoder(nn.Module):
    """Positional convolution, then post-norm blocks that share one relative position bias."""

    def __init__(self, sizes: BeatsSizes) -> None:
        super().__init__()
        self.pos_conv = nn.Sequential(PositionalConvolution(sizes), nn.GELU())
        self.layers = nn.ModuleList(Block(sizes, index) for index in range(sizes.encoder_layers))
        self.layer_norm = nn.LayerNorm(sizes.encoder_embed_dim)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.layer_norm(x + self.pos_conv(x.transpose(1, 2)).transpose(1, 2))
        bias = self.layers[0].self_attn.position_bias(x.shape[1])  # type: ignore[operator, union-attr]
        for layer in self.layers:
            x = layer(x, bias)
        return x


class PositionalConvolution(nn.Module):
    """A grouped convolution over time with a weight norm for each place of its kernel."""

    def __init__(self, sizes: BeatsSizes) -> None:
        super().__init__()
        width, self.kernel = sizes.encoder_embed_dim, sizes.conv_pos
        self.groups, self.epsilon = sizes.conv_pos_groups, sizes.weight_norm_epsilon
        self.weight_g = nn.Parameter(torch.ones(1, 1, self.kernel))
        self.weight_v = nn.Parameter(torch.randn(width, width // self.groups, self.kernel))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`[B, width, T]` to the same shape."""
        squared = self.weight_v.square().sum(dim=(0, 1), keepdim=True)
        weight = self.weight_v * (self.weight_g * torch.rsqrt(squared + self.epsilon))
        made = functional.conv1d(x, weight, self.bias, padding=self.kernel // 2, groups=self.groups)
        return made[..., : x.shape[-1]]


class Block(nn.Module):
    """Attention and feed-forward; residuals weigh (2 x layers)^(1/4), as DeepNet has it."""

    def __init__(self, sizes: BeatsSizes, index: int) -> None:
        super().__init__()
        width, inner = sizes.encoder_embed_dim, sizes.encoder_ffn_embed_dim
        self.self_attn = Attention(sizes, owns_bias=index == 0)
        self.self_attn_layer_norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, inner)
        self.fc2 = nn.Linear(inner, width)
        self.final_layer_norm = nn.LayerNorm(width)
        self.alpha = (2 * sizes.encoder_layers) ** 0.25

    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        x = self.self_attn_layer_norm(self.alpha * x + self.self_attn(x, bias))
        widened = functional.gelu(self.fc1(x))
        made: torch.Tensor = self.final_layer_norm(self.alpha * x + self.fc2(widened))
        return made


class Attention(nn.Module):
    """Self-attention whose relative position bias is gated by each query."""

    def __init__(self, sizes: BeatsSizes, *, owns_bias: bool) -> None:
        super().__init__()
        width, self.heads = sizes.encoder_embed_dim, sizes.encoder_attention_heads
        self.buckets, self.max_distance = sizes.num_buckets, sizes.max_distance
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)
        self.grep_linear = nn.Linear(width // self.heads, 8)
        self.grep_a = nn.Parameter(torch.ones(1, self.heads, 1, 1))
        if owns_bias:
            self.relative_attention_bias = nn.Embedding(self.buckets, self.heads)

    def position_bias(self, length: int) -> torch.Tensor:
        """`[heads, length, length]`; only the first layer has it."""
        places = torch.arange(length, device=self.grep_a.device)
        buckets = relative_buckets(places[None] - places[:, None], self.buckets, self.max_distance)
        bias: torch.Tensor = self.relative_attention_bias(buckets)
        return bias.permute(2, 0, 1)

    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        queries, keys, values = map(self._split, (self.q_proj(x), self.k_proj(x), self.v_proj(x)))
        gated = self._gate(queries) * bias
        mixed = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=gated)
        made: torch.Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))
        return made

    def _gate(self, queries: torch.Tensor) -> torch.Tensor:
        """`[B, heads, T, 1]`: how much position matters to each query."""
        update, reset = self.grep_linear(queries).unflatten(-1, (2, 4)).sum(-1).sigmoid().unbind(-1)
        gate: torch.Tensor = update[..., None] * (reset[..., None] * self.grep_a - 1) + 2
        return gate

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)


def relative_buckets(distances: torch.Tensor, buckets: int, max_distance: int) -> torch.Tensor:
    """Bucket of each key's distance from its query: exact when near, logarithmic when far.

    `distances` are whole numbers of any shape, keys after the query above 0; so are the buckets.
    """
    side = buckets // 2
    exact = side // 2
    far = distances.abs().clamp_min(1).float() / exact
    scaled = far.log() / math.log(max_distance / exact) * (side - exact)
    logarithmic = (exact + scaled.long()).clamp_max(side - 1)
    near = distances.abs()
    return torch.where(near < exact, near, logarithmic) + side * (distances > 0)
