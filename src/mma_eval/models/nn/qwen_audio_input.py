"""Sound to the log-mel spectrogram that Qwen's audio tower takes, padded only to the clip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from mma_eval.models.nn.omni_family import audio_token_count, windowed_audio_token_count

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WINDOW_MARGIN = 3
"""Hops of silence after the clip, so that the last window's reflection touches only silence."""

FEWEST_FRAMES = 64
"""Matrix products of very few columns are rounded otherwise than those of many."""


@dataclass(frozen=True)
class AudioInput:
    """Whisper's log-mel; bit-equal to `WhisperFeatureExtractor` padded to its 300 s.

    Padding further adds frames that the model masks away, so it costs time and changes nothing.
    """

    extractor: Any

    @property
    def rate(self) -> int:
        return int(self.extractor.sampling_rate)

    def mel(self, samples: NDArray[np.float32]) -> torch.Tensor:
        """Mono samples `[n]` at `rate` to float32 `[1, bins, frames]`, one frame per 10 ms."""
        hop = int(self.extractor.hop_length)
        frames = -(-len(samples) // hop)
        made = self.extractor(
            samples,
            sampling_rate=self.rate,
            padding="max_length",
            max_length=max(frames + WINDOW_MARGIN, FEWEST_FRAMES) * hop,
            truncation=True,
            return_tensors="pt",
        )
        features: torch.Tensor = made["input_features"]
        return features[:, :, :frames]

    def tokens(self, samples: int) -> int:
        """Tokens that a sound of `samples` samples becomes; 0 where it is too short to encode."""
        frames = -(-samples // int(self.extractor.hop_length))
        return max(0, audio_token_count(frames))


class UnpaddedAudioInput(AudioInput):
    """Whisper's log-mel of the sound alone; as `Qwen3OmniMoeProcessor` calls the extractor."""

    def mel(self, samples: NDArray[np.float32]) -> torch.Tensor:
        """Mono samples `[n]` at `rate` to float32 `[1, bins, frames]`, a frame per whole 10 ms."""
        made = self.extractor(
            samples,
            sampling_rate=self.rate,
            padding=True,
            truncation=False,
            return_tensors="pt",
        )
        features: torch.Tensor = made["input_features"]
        return features

    def tokens(self, samples: int) -> int:
        """Tokens that a sound of `samples` samples becomes; 0 where it fills no window."""
        if samples <= int(self.extractor.n_fft) // 2:
            return 0
        return windowed_audio_token_count(samples // int(self.extractor.hop_length))
