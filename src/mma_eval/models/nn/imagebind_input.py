"""What ImageBind is shown and played: views of short stretches, and their spectrograms.

Source: the ImageBind paper (arXiv 2305.05665, section 4 and appendix B) for lengths and sizes, and
AST (Gong et al., arXiv 2104.01778) for the filter bank.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from mma_eval.errors import ModalityMissingError
from mma_eval.media.audio import Sound
from mma_eval.models.nn.clip_pixels import CLIP_MEAN, CLIP_STD
from mma_eval.models.nn.fbank import FilterBank
from mma_eval.models.nn.imagebind_sampling import FRAMES_EACH, ImageBindSampling
from mma_eval.models.nn.sinc import sinc_resampled

CROPS = 3
SIDE = 224

RATE = 16_000
MELS = 128
WINDOWS = 204
"""Rows of a spectrogram: those of two seconds, and a little nothing."""
ENERGY_MEAN, ENERGY_STD = -4.268, 9.138
"""Of the filter bank over AudioSet, as the published weights were trained."""
FULL_SCALE = 2.0**15


@dataclass(frozen=True)
class ImageBindInput:
    """Fifteen views of a picture (five stretches, three crops), three spectrograms of a sound."""

    taken: ImageBindSampling = ImageBindSampling()

    def views(self, pixels: NDArray[np.uint8]) -> torch.Tensor:
        """float32 `[15, 3, 2, 224, 224]` of frames uint8 `[10, H, W, 3]`; crops vary fastest."""
        shades = torch.stack([_scaled(one) for one in pixels])
        stretches = shades.view(-1, FRAMES_EACH, *shades.shape[1:]).transpose(1, 2)
        crops = [_cropped(stretches, crop) for crop in range(CROPS)]
        return torch.stack(crops, dim=1).flatten(0, 1)

    def spectrograms(self, sound: Sound) -> torch.Tensor:
        """float32 `[3, 1, 128, 204]`.

        The samples are rounded to those of a 16-bit recording, as the reference's were. Raises
        ModalityMissingError for a sound shorter than one window.
        """
        exact = np.round(sound.samples * FULL_SCALE).clip(-FULL_SCALE, FULL_SCALE - 1) / FULL_SCALE
        samples = np.stack(
            [sinc_resampled(one, sound.rate, RATE) for one in exact.astype(np.float32)]
        )
        bank = FilterBank(mels=MELS, window="hann", rate=RATE)
        if samples.shape[1] < bank.length:
            raise ModalityMissingError("the sample has sound, but too little of it to be encoded")
        stretches = self.taken.audio.samples(samples.shape[1], RATE)
        return torch.stack([_spectrogram(samples[:, one], bank) for one in stretches])


def _scaled(pixels: NDArray[np.uint8]) -> torch.Tensor:
    """float32 `[3, H, W]` of one frame `[H, W, 3]`, its short side `SIDE`, normalised."""
    height, width = pixels.shape[:2]
    short = min(height, width)
    size = (math.floor(height / short * SIDE), math.floor(width / short * SIDE))
    shades = torch.tensor(pixels).permute(2, 0, 1)[None].float()
    scaled = torch.nn.functional.interpolate(
        shades, size=size, mode="bilinear", align_corners=False
    )[0]
    mean, std = (torch.tensor(of).view(3, 1, 1) for of in (CLIP_MEAN, CLIP_STD))
    return (scaled / 255 - mean) / std


def _cropped(picture: torch.Tensor, crop: int) -> torch.Tensor:
    """One of three squares along the long side of `[..., H, W]`: its start, middle or end."""
    height, width = picture.shape[-2:]
    top, left = (_offset(length, crop) for length in (height, width))
    return picture[..., top : top + SIDE, left : left + SIDE]


def _offset(length: int, crop: int) -> int:
    room = length - SIDE
    return (0, math.ceil(room / 2), room)[crop]


def _spectrogram(samples: NDArray[np.float32], bank: FilterBank) -> torch.Tensor:
    """`[1, 128, 204]` of `[channels, n]`: the first channel, less the mean of all of them."""
    wave = torch.from_numpy(samples)
    energies = bank((wave - wave.mean())[0])[:WINDOWS].T
    padded = torch.nn.functional.pad(energies, (0, WINDOWS - energies.shape[1]))
    return ((padded - ENERGY_MEAN) / ENERGY_STD)[None]
