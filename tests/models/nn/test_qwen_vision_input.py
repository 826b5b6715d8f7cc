"""Patches are those of transformers' video processor."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mma_eval.models.nn.qwen_vision_input import Grid, VisionInput
from tests.models.plain_path import plain_patches, plain_size

LIMITS = (128 * 784, 768 * 784)


def pixels(frames: int, height: int, width: int) -> np.ndarray:
    draw = np.random.default_rng(0)
    return draw.integers(0, 256, (frames, height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("shape", [(2, 56, 84), (4, 50, 90), (2, 84, 84), (6, 30, 140)])
@pytest.mark.parametrize("limits", [(784, 10_000), (20_000, 60_000), LIMITS])
def test_patches_equal_those_cut_one_by_one(
    shape: tuple[int, int, int], limits: tuple[int, int]
) -> None:
    video = pixels(*shape)
    patches, grid = VisionInput(*limits).patches(video)
    expected, expected_grid = plain_patches(video, *limits)
    assert (grid.t, grid.h, grid.w) == expected_grid
    assert torch.equal(patches, torch.from_numpy(expected))


@pytest.mark.parametrize("size", [(128, 128), (480, 640), (1080, 1920), (28, 28), (101, 307)])
def test_sizes_stay_within_the_limits(size: tuple[int, int]) -> None:
    vision = VisionInput(*LIMITS)
    height, width = vision.resized(*size)
    assert (height, width) == plain_size(*size, *LIMITS)
    assert height % 28 == width % 28 == 0
    assert LIMITS[0] <= height * width <= LIMITS[1]


def test_an_odd_last_frame_is_doubled() -> None:
    vision = VisionInput(784, 10_000)
    video = pixels(3, 56, 56)
    patches, grid = vision.patches(video)
    doubled, _ = vision.patches(np.concatenate((video, video[-1:])))
    assert grid == Grid(2, 4, 4)
    assert torch.equal(patches, doubled)


def test_the_grid_is_known_without_pixels() -> None:
    vision = VisionInput(784, 20_000)
    assert vision.grid(5, 100, 180) == vision.patches(pixels(5, 100, 180))[1]


def test_elongated_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="elongated"):
        VisionInput(*LIMITS).resized(4, 1000)


def test_larger_patches_and_another_normalisation() -> None:
    half = (0.5, 0.5, 0.5)
    limits = (4 * 1024, 12 * 1024)
    vision = VisionInput(*limits, patch_size=16, mean=half, std=half)
    video = pixels(4, 70, 130)
    patches, grid = vision.patches(video)
    expected, expected_grid = plain_patches(video, *limits, 16, half, half)
    assert (grid.t, grid.h, grid.w) == expected_grid
    assert torch.equal(patches, torch.from_numpy(expected))
