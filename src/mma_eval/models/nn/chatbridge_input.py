"""What ChatBridge is shown and played: scaled frames and one spectrogram.

Source: ChatBridge (arXiv 2305.16103), section 4.1, and the public configuration of its demo.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from mma_eval.media.audio import Sound
from mma_eval.models.nn.beats import normalised
from mma_eval.models.nn.clip_pixels import CLIP_MEAN, CLIP_STD
from mma_eval.models.nn.fbank import FilterBank
from mma_eval.models.nn.sinc import sinc_resampled

RATE = 16_000
FULL_SCALE = 2.0**15
"""The model was trained on sound that had been written to 16-bit files first."""
MELS = 64
WINDOWS = 1024
"""Rows of the one slice that is heard."""


def pictures(pixels: NDArray[np.uint8]) -> torch.Tensor:
    """float32 `[T, 3, H, W]` of frames uint8 `[T, H, W, 3]`."""
    shades = torch.tensor(pixels).permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(of).view(3, 1, 1) for of in (CLIP_MEAN, CLIP_STD))
    return (shades - mean) / std


def spectrogram(sound: Sound) -> torch.Tensor | None:
    """float32 `[1024, 64]` of the first channel: the middle slice where it lasts longer.

    What is missing to a whole slice is filled with zeros after normalisation. None for a sound that
    does not fill one window.
    """
    whole = (sound.samples[0] * FULL_SCALE).round().clip(-FULL_SCALE, FULL_SCALE - 1)
    samples = sinc_resampled(whole, sound.rate, RATE)
    energies = FilterBank(mels=MELS, rate=RATE)(torch.from_numpy(samples))
    if not len(energies):
        return None
    energies = normalised(energies)
    slices = len(energies) // WINDOWS + 1
    padded = torch.nn.functional.pad(energies, (0, 0, 0, slices * WINDOWS - len(energies)))
    return padded.view(slices, WINDOWS, MELS)[(slices + 1) // 2 - 1]
