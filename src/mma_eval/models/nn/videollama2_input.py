"""What VideoLLaMA2.1-AV is fed: sixteen frames, and eight cuts of the sound as a filter bank.

Source: the behaviour of the released model, kept to by reference tensors (the parity tests); frames
as in "VideoLLaMA 2", arXiv 2406.07476.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from mma_eval.media.stretches import Stretches
from mma_eval.models.nn.fbank import FilterBank

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RATE = 16_000
SECONDS = 30
"""Length that the cuts are padded to with silence."""
CUTS = Stretches(8, 2.0)
FULL_SCALE = 2**15
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}


@dataclass(frozen=True)
class FrameInput:
    """Plain resizing to a square, and the vision tower's own mean and deviation."""

    side: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def __call__(self, pixels: NDArray[np.uint8]) -> torch.Tensor:
        """float32 `[T, 3, side, side]` of frames uint8 `[T, H, W, 3]`."""
        frames = torch.tensor(pixels).permute(0, 3, 1, 2)
        sized = functional.interpolate(
            frames, (self.side, self.side), mode="bicubic", antialias=True
        )
        mean, deviation = torch.tensor(self.mean), torch.tensor(self.deviation)
        made: torch.Tensor = (sized / 255 - mean[:, None, None]) / deviation[:, None, None]
        return made


def resampled(samples: NDArray[np.float32], rate: int) -> torch.Tensor:
    """float32 `[n]`, mono at 16 kHz in steps of 16 bits, from samples `[channels, n]`."""
    import av
    import numpy as np

    if samples.shape[0] not in LAYOUTS:
        samples = samples.mean(axis=0, keepdims=True, dtype=np.float32)
    frame = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(samples), format="fltp", layout=LAYOUTS[samples.shape[0]]
    )
    frame.sample_rate = rate
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    made = [*resampler.resample(frame), *resampler.resample(None)]
    whole = np.concatenate([part.to_ndarray()[0] for part in made])
    return torch.from_numpy(whole).float() / FULL_SCALE


def cuts(samples: torch.Tensor) -> torch.Tensor:
    """Eight cuts of two seconds from the samples `[n]`, one after the other.

    The last one ends before the sound does.
    """
    return torch.cat([samples[cut] for cut in CUTS.samples(len(samples), RATE)])


def bank(samples: torch.Tensor) -> torch.Tensor:
    """bfloat16 `[1, 2998, 128]` of 16 kHz samples `[n]`."""
    padded = functional.pad(samples, (0, max(0, SECONDS * RATE - len(samples))))
    made = FilterBank(mels=128, window="povey", rate=RATE)(padded * FULL_SCALE)
    return made.bfloat16()[None]
