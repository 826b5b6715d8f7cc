"""Which frames and which sound ImageBind takes from a clip; needs neither torch nor weights.

Source: the ImageBind paper (arXiv 2305.05665, section 4 and appendix B).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mma_eval.media.policy import AudioPolicy, FramePolicy, Sampling, StretchFrames
from mma_eval.media.stretches import Stretches

SECONDS = 2.0
VIDEO_STRETCHES, AUDIO_STRETCHES = 5, 3
FRAMES_EACH = 2


@dataclass(frozen=True)
class ImageBindSampling:
    """Stretches of two seconds: five with two frames each, three of sound."""

    spacing: Literal["stretches", "gaps"] = "stretches"
    """How far apart they begin; see `Stretches`."""

    @property
    def video(self) -> Stretches:
        return Stretches(VIDEO_STRETCHES, SECONDS, self.spacing)

    @property
    def audio(self) -> Stretches:
        return Stretches(AUDIO_STRETCHES, SECONDS, self.spacing)

    @property
    def policies(self) -> Sampling:
        """Sound is asked for as the file has it: both channels, and resampling is the model's."""
        frames = FramePolicy(StretchFrames(self.video, FRAMES_EACH))
        return Sampling(frames, AudioPolicy(rate=None, channels=None))
