"""Projectors that are tuned too: what towers make is kept, and projected anew in every step.

Source: arXiv 2511.22826, supplement, "VideoLLaMA2": projection and self-attention are tuned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch

from mma_eval.errors import UsageError
from mma_eval.media.source import Media
from mma_eval.models.local.embedded_answers import Embedded, EmbeddedAnswerer
from mma_eval.models.local.features import FeatureCache
from mma_eval.models.local.group_answers import GroupAnswerer
from mma_eval.models.local.streams import encoded_streams
from mma_eval.models.videollama2.model import (
    MISSING_SOUND,
    VideoLlama2,
    silence_input,
    sound_input,
)


@dataclass(frozen=True)
class Unprojected:
    """What a tower made of one stream, before its projector."""

    stream: Literal["video", "audio"]
    made: torch.Tensor

    @property
    def nbytes(self) -> int:
        return self.made.nbytes


class ProjectedLate(VideoLlama2):
    """The same model, which keeps what its towers make: its projectors change while it is tuned."""

    def streams(self, media: Media, features: FeatureCache) -> list[Embedded]:
        return [self.projected(one) for one in self.towers(media, features)]

    def towers(self, media: Media, features: FeatureCache) -> list[Unprojected]:
        """Picture and sound as their towers made them; raises MediaError."""
        with torch.inference_mode():
            seen, heard = encoded_streams(
                media,
                self.sampling,
                features,
                lambda pixels: Unprojected("video", self.look(self.frame_input(pixels))),
                lambda sound: Unprojected("audio", self.listen(sound_input(sound))),
            )
            if seen is not None and heard is None:
                heard = features.get(MISSING_SOUND, self._no_sound)
        return [stream for stream in (seen, heard) if stream is not None]

    def projected(self, one: Unprojected) -> Embedded:
        """Tokens of the decoder, `[tokens, width]`."""
        return Embedded(one.stream, self.projectors[one.stream](one.made.to(self.engine.device)))

    @property
    def projectors(self) -> Mapping[str, Callable[[torch.Tensor], torch.Tensor]]:
        return {"video": self.project_video, "audio": self.project_audio}

    def _no_sound(self) -> Unprojected:
        return Unprojected("audio", self.listen(silence_input()))


def project_late(answerer: GroupAnswerer[Any]) -> ProjectedLate:
    """Make the model that `answerer` asks keep what its towers make.

    Raises UsageError for a model whose projectors cannot be tuned apart.
    """
    if not isinstance(answerer, EmbeddedAnswerer) or not isinstance(answerer.family, VideoLlama2):
        raise UsageError(
            "lora.projectors: this model has no projectors of its own to tune; leave it false"
        )
    late = ProjectedLate(**vars(answerer.family))
    answerer.family = late
    return late
