"""Video frames to the patches that Qwen's vision tower takes, without torchvision."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from mma_eval.models.nn.clip_pixels import CLIP_MEAN, CLIP_STD

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_ASPECT_RATIO = 200


@dataclass(frozen=True)
class Grid:
    """Temporal groups, and patches down and across, of one encoded video."""

    t: int
    h: int
    w: int

    def tensor(self) -> torch.Tensor:
        """`[1, 3]`, as `video_grid_thw`."""
        return torch.tensor([[self.t, self.h, self.w]])


@dataclass(frozen=True)
class VisionInput:
    """Resizing, normalising and patching of video; bit-equal to `Qwen2VLVideoProcessor`.

    Pixel bounds are on height x width of a frame after resizing.
    """

    min_pixels: int
    max_pixels: int
    patch_size: int = 14
    merge_size: int = 2
    temporal_patch_size: int = 2
    mean: tuple[float, ...] = CLIP_MEAN
    std: tuple[float, ...] = CLIP_STD

    def grid(self, frames: int, height: int, width: int) -> Grid:
        """The grid of a video of this size; an odd last frame is doubled."""
        height, width = self.resized(height, width)
        groups = -(-frames // self.temporal_patch_size)
        return Grid(groups, height // self.patch_size, width // self.patch_size)

    def resized(self, height: int, width: int) -> tuple[int, int]:
        """Multiples of patch x merge near `height` and `width`, within the pixel bounds.

        Raises ValueError for a frame more than 200 times as long as wide, as transformers does.
        """
        if max(height, width) / min(height, width) > MAX_ASPECT_RATIO:
            raise ValueError(f"frames of {width}x{height} are too elongated for the vision tower")
        factor = self.patch_size * self.merge_size
        tall, wide = round(height / factor) * factor, round(width / factor) * factor
        if tall * wide > self.max_pixels:
            shrink = math.sqrt(height * width / self.max_pixels)
            tall = max(factor, math.floor(height / shrink / factor) * factor)
            wide = max(factor, math.floor(width / shrink / factor) * factor)
        elif tall * wide < self.min_pixels:
            grow = math.sqrt(self.min_pixels / (height * width))
            tall = math.ceil(height * grow / factor) * factor
            wide = math.ceil(width * grow / factor) * factor
        return tall, wide

    def patches(self, pixels: NDArray[np.uint8]) -> tuple[torch.Tensor, Grid]:
        """uint8 `[T, H, W, 3]` to float32 `[t*h*w, 3*temporal*patch*patch]` and its grid."""
        frames = torch.tensor(pixels).permute(0, 3, 1, 2).contiguous()
        count, _, height, width = frames.shape
        tall, wide = self.resized(height, width)
        if (tall, wide) != (height, width):
            frames = F.interpolate(frames, size=(tall, wide), mode="bicubic", antialias=True)
        return self._patch(self._normalised(frames)), self.grid(count, height, width)

    def _normalised(self, frames: torch.Tensor) -> torch.Tensor:
        # Rescaling is folded into mean and deviation as transformers folds it: dividing pixels
        # by 255 first would round differently.
        mean = torch.tensor(self.mean) * 255.0
        std = torch.tensor(self.std) * 255.0
        return frames.to(torch.float32).sub_(mean.view(-1, 1, 1)).div_(std.view(-1, 1, 1))

    def _patch(self, frames: torch.Tensor) -> torch.Tensor:
        missing = -frames.shape[0] % self.temporal_patch_size
        if missing:
            frames = torch.cat((frames, frames[-1:].expand(missing, -1, -1, -1)))
        side, merge = self.patch_size, self.merge_size
        groups = frames.shape[0] // self.temporal_patch_size
        down, across = frames.shape[2] // side, frames.shape[3] // side
        cut = frames.reshape(
            groups,
            self.temporal_patch_size,
            3,
            down // merge,
            merge,
            side,
            across // merge,
            merge,
            side,
        ).permute(0, 3, 6, 4, 7, 2, 1, 5, 8)
        return cut.reshape(groups * down * across, -1)
