"""The log-mel filter bank of Kaldi, as audio transformers trained on AudioSet expect it.

Source: Kaldi's `compute-fbank-feats` (Povey et al., "The Kaldi Speech Recognition Toolkit", 2011)
with its defaults, without dither and without the energy column.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

PREEMPHASIS = 0.97
LOWEST_HZ = 20.0
POVEY_POWER = 0.85
FLOOR = torch.finfo(torch.float32).eps


@dataclass(frozen=True)
class FilterBank:
    """Log-mel energies of a sound, one row for every `step_ms`.

    Only whole windows count: what is left at the end is cut.
    """

    mels: int = 128
    window: Literal["povey", "hann"] = "povey"
    rate: int = 16_000
    window_ms: float = 25.0
    step_ms: float = 10.0

    @property
    def length(self) -> int:
        """Samples in one window."""
        return int(self.rate * self.window_ms / 1000)

    @property
    def step(self) -> int:
        """Samples from one window to the next."""
        return int(self.rate * self.step_ms / 1000)

    @property
    def transform_length(self) -> int:
        """Samples of the Fourier transform: the next power of two."""
        return 1 << (self.length - 1).bit_length()

    def __call__(self, samples: torch.Tensor) -> torch.Tensor:
        """float32 `[windows, mels]` of float samples `[n]`, in whatever scale they have."""
        if len(samples) < self.length:
            return torch.zeros(0, self.mels)
        frames = samples.float().unfold(0, self.length, self.step)
        frames = frames - frames.mean(dim=1, keepdim=True)
        before = torch.cat([frames[:, :1], frames[:, :-1]], dim=1)
        frames = (frames - PREEMPHASIS * before) * self._window()
        power: torch.Tensor = torch.fft.rfft(frames, n=self.transform_length).abs() ** 2
        return (power @ self._triangles().T).clamp_min(FLOOR).log()

    def _window(self) -> torch.Tensor:
        hann = torch.hann_window(self.length, periodic=False)
        return hann if self.window == "hann" else hann**POVEY_POWER

    def _triangles(self) -> torch.Tensor:
        """`[mels, bins]`: triangles of equal width on the mel scale, each one peaking at 1."""
        bins = self.transform_length // 2 + 1
        frequencies = torch.arange(bins) * (self.rate / self.transform_length)
        lowest, highest = _mel(torch.tensor([LOWEST_HZ, self.rate / 2]))
        edges = lowest + (highest - lowest) / (self.mels + 1) * torch.arange(self.mels + 2)
        left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
        mels = _mel(frequencies)[None]
        rising, falling = (mels - left) / (centre - left), (right - mels) / (right - centre)
        triangles = torch.minimum(rising, falling).clamp_min(0)
        triangles[:, -1] = 0
        return triangles


def _mel(hertz: torch.Tensor) -> torch.Tensor:
    return 1127 * (1 + hertz / 700).log()
