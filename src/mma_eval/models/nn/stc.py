"""The spatial-temporal convolution connector (v35) of VideoLLaMA2: frames in, few tokens out.

Source: Cheng et al., "VideoLLaMA 2", arXiv 2406.07476, section 2.2. Its stages are RegNet's
bottlenecks (arXiv 2003.13678) with squeeze and excitation (arXiv 1709.01507), as timm builds them
with a normalisation over channels; v35 pads nothing in the 3-D convolution between them. Modules
carry the names of the published checkpoints.
"""

from __future__ import annotations

import torch
from torch import nn

DEPTH = 4
"""Blocks of each stage."""
POOL = (2, 2, 2)
"""Frames, rows and columns that one step of the 3-D convolution joins."""


class STCConnector(nn.Module):
    """Maps `[B, T, patches, width]` of a square grid of patches to `[B, tokens, text width]`."""

    def __init__(self, width: int, text_width: int) -> None:
        super().__init__()
        self.s1 = _stage(width, text_width)
        self.sampler = nn.Sequential(
            nn.Conv3d(text_width, text_width, kernel_size=POOL, stride=POOL), nn.SiLU()
        )
        self.s2 = _stage(text_width, text_width)
        self.readout = nn.Sequential(
            nn.Linear(text_width, text_width), nn.GELU(), nn.Linear(text_width, text_width)
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        batch, count, patches, width = features.shape
        side = round(patches**0.5)
        frames = features.transpose(2, 3).reshape(batch * count, width, side, side)
        mixed = self.s1(frames).unflatten(0, (batch, -1)).transpose(1, 2)
        joined = self.sampler(mixed)
        steps = self.s2(joined.transpose(1, 2).flatten(0, 1))
        tokens = steps.unflatten(0, (batch, -1)).permute(0, 1, 3, 4, 2).flatten(1, 3)
        made: torch.Tensor = self.readout(tokens)
        return made


def _stage(inputs: int, outputs: int) -> nn.Module:
    stage = nn.Sequential()
    for number in range(DEPTH):
        stage.add_module(f"b{number + 1}", Bottleneck(inputs if number == 0 else outputs, outputs))
    return stage


class Bottleneck(nn.Module):
    """A RegNet-Y block without stride whose inner width is its outer one.

    Every channel is a group of its own in the 3x3 convolution.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = Convolution(inputs, outputs)
        self.conv2 = Convolution(outputs, outputs, kernel=3, groups=outputs)
        self.se = SqueezeExcitation(outputs, max(1, round(inputs / 4)))
        self.conv3 = Convolution(outputs, outputs)
        self.downsample = Convolution(inputs, outputs) if inputs != outputs else nn.Identity()
        self.activation = nn.SiLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made = self.activation(self.conv2(self.activation(self.conv1(x))))
        made = self.conv3(self.se(made))
        joined: torch.Tensor = self.activation(made + self.downsample(x))
        return joined


class Convolution(nn.Module):
    """A convolution that keeps the grid, and a normalisation over channels."""

    def __init__(self, inputs: int, outputs: int, *, kernel: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=False
        )
        self.bn = nn.LayerNorm(outputs, eps=1e-5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.bn(self.conv(x).permute(0, 2, 3, 1))
        return made.permute(0, 3, 1, 2)


class SqueezeExcitation(nn.Module):
    """Weighs each channel by what the whole grid holds; SiLU, as in the rest of its stage."""

    def __init__(self, width: int, squeezed: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(width, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        excited = self.fc2(nn.functional.silu(self.fc1(x.mean(dim=(2, 3), keepdim=True))))
        weighed: torch.Tensor = x * excited.sigmoid()
        return weighed
