"""Changes to the sound of a sample."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

from mma_eval.errors import UsageError
from mma_eval.media.source import (
    AudioFile,
    BlackVideo,
    Clip,
    NoAudio,
    NoVideo,
    Silence,
    VideoFile,
)
from mma_eval.perturb.base import Donor, Part, Perturbation, PerturbContext
from mma_eval.types import Sample, Stream


class SwapAudio(Perturbation):
    """The sound of another class, fitted to the length of the clip's own.

    A sample that arrives with two labels in conflict is swapped already and stays as it is.
    """

    name: ClassVar[str] = "swap_audio"
    touches: ClassVar[Part] = "audio"

    fit: Literal["clip", "none"] = "clip"

    def apply(self, sample: Sample, context: PerturbContext) -> Sample:
        _refuse_removed(sample, self.name)
        if sample.labels.conflict:
            return sample
        donor = _donor(sample, context)
        sound = AudioFile(donor.audio, fit_to=_fitted_to(sample) if self.fit == "clip" else None)
        swapped = replace(
            sample,
            media=replace(sample.media, audio=sound),
            labels=replace(sample.labels, audio=donor.label),
            audio_source=donor.clip,
        )
        return swapped.perturbed(self.name)


class RemoveAudio(Perturbation):
    """Silence as long as the sound was; what was heard stays in the labels, to measure leak."""

    name: ClassVar[str] = "remove_audio"
    touches: ClassVar[Part] = "audio"
    removes: ClassVar[Stream | None] = "audio"

    def apply(self, sample: Sample, context: PerturbContext) -> Sample:
        _refuse_removed(sample, self.name)
        match sample.media.audio:
            case AudioFile(clip, fit_to):
                quiet = Silence(like=clip, fit_to=fit_to)
            case _:
                raise UsageError(f"{self.name}: the sample '{sample.id}' has no sound to remove")
        removed = replace(
            sample,
            media=replace(sample.media, audio=quiet),
            removed=sample.removed | {"audio"},
        )
        return removed.perturbed(self.name)


class StripAudio(Perturbation):
    """No sound track at all, which some models take for another kind of input than silence."""

    name: ClassVar[str] = "strip_audio"
    touches: ClassVar[Part] = "audio"
    removes: ClassVar[Stream | None] = "audio"

    def apply(self, sample: Sample, context: PerturbContext) -> Sample:
        _refuse_removed(sample, self.name)
        stripped = replace(
            sample,
            media=replace(sample.media, audio=NoAudio()),
            removed=sample.removed | {"audio"},
        )
        return stripped.perturbed(self.name)


def _donor(sample: Sample, context: PerturbContext) -> Donor:
    donor = context.donors.get(sample.clip)
    if donor is None:
        raise UsageError(f"swap_audio: the pair table has no donor for the clip '{sample.clip}'")
    return donor


def _fitted_to(sample: Sample) -> Clip:
    """The clip whose length the new sound must have."""
    match sample.media.audio:
        case AudioFile(clip, fit_to):
            return fit_to or clip
        case _:
            pass
    match sample.media.video:
        case VideoFile(clip) | BlackVideo(clip):
            return clip
        case NoVideo():
            raise UsageError(
                f"swap_audio: the sample '{sample.id}' has no stream to fit a sound to;"
                " use fit=none"
            )


def _refuse_removed(sample: Sample, name: str) -> None:
    if "audio" in sample.removed:
        raise UsageError(f"{name}: the sound of the sample '{sample.id}' was removed before")
