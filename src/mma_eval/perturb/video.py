"""Changes to the picture of a sample."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from mma_eval.errors import UsageError
from mma_eval.media.source import BlackVideo, NoVideo, VideoFile, VideoSource
from mma_eval.perturb.base import Part, Perturbation, PerturbContext
from mma_eval.types import Sample, Stream


class ZeroFrames(Perturbation):
    """Every frame black; what was seen stays in the labels, to measure leak."""

    name: ClassVar[str] = "zero_frames"
    touches: ClassVar[Part] = "visual"
    removes: ClassVar[Stream | None] = "visual"

    def apply(self, sample: Sample, context: PerturbContext) -> Sample:
        match sample.media.video:
            case VideoFile(clip):
                return _without_picture(sample, BlackVideo(clip), self.name)
            case _:
                raise UsageError(f"{self.name}: the sample '{sample.id}' has no picture to zero")


class StripVideo(Perturbation):
    """No picture at all."""

    name: ClassVar[str] = "strip_video"
    touches: ClassVar[Part] = "visual"
    removes: ClassVar[Stream | None] = "visual"

    def apply(self, sample: Sample, context: PerturbContext) -> Sample:
        return _without_picture(sample, NoVideo(), self.name)


def _without_picture(sample: Sample, video: VideoSource, name: str) -> Sample:
    if "visual" in sample.removed:
        raise UsageError(f"{name}: the picture of the sample '{sample.id}' was removed before")
    changed = replace(
        sample,
        media=replace(sample.media, video=video),
        removed=sample.removed | {"visual"},
    )
    return changed.perturbed(name)
