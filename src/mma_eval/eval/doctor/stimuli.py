"""What a canary shows a model: clips with one stream exchanged or removed, all else unchanged."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from mma_eval.errors import UsageError
from mma_eval.media.container import probe
from mma_eval.media.source import (
    AudioFile,
    BlackVideo,
    Clip,
    Media,
    NoAudio,
    NoVideo,
    Silence,
    VideoFile,
)
from mma_eval.task.dataset import Dataset
from mma_eval.task.load import TaskCatalogue
from mma_eval.task.samples import SampleBuilder
from mma_eval.types import Generate, Group, Question, ScoreOptions, Seeds, Stream

Form = Literal["text", "options"]
"""How a question wants its answer: written, or as likelihoods of the options."""

FORMS: tuple[Form, ...] = ("text", "options")
ASKS: tuple[Stream, ...] = ("visual", "audio")
ANSWER_TOKENS = 16


class Variant(StrEnum):
    """What is shown of a clip; the streams that stay are bit-identical to the clip's own."""

    OWN = "own"
    SWAPPED = "swapped"
    """Its picture with another clip's sound."""
    SOUND_ONLY = "sound_only"
    """Black frames with its sound."""
    OTHER_SOUND_ONLY = "other_sound_only"
    PICTURE_ONLY = "picture_only"
    """Its picture with silence."""
    OTHER_PICTURE_ONLY = "other_picture_only"
    NEITHER = "neither"
    """Black frames with silence."""
    NO_SOUND_TRACK = "no_sound_track"
    NO_PICTURE_TRACK = "no_picture_track"


TRACKLESS = (Variant.NO_SOUND_TRACK, Variant.NO_PICTURE_TRACK)
"""Shown for their token counts only: not every backend takes a clip that lacks a stream."""


@dataclass(frozen=True)
class Wording:
    """One rendered question."""

    ask: Stream
    before_media: str
    after_media: str


@dataclass(frozen=True)
class Stimulus:
    """A clip, a clip of another class to exchange streams with, and the questions on it."""

    clip: str
    picture: Clip
    sound: Clip
    other_picture: Clip
    other_sound: Clip
    wordings: tuple[Wording, ...]
    options: tuple[str, ...]

    def media(self, variant: Variant) -> Media:
        picture, sound = VideoFile(self.picture), AudioFile(self.sound)
        black, silence = BlackVideo(self.picture), Silence(self.sound)
        # Another length of sound would itself be something to hear.
        other_sound = AudioFile(self.other_sound, fit_to=self.sound)
        return {
            Variant.OWN: Media(picture, sound),
            Variant.SWAPPED: Media(picture, other_sound),
            Variant.SOUND_ONLY: Media(black, sound),
            Variant.OTHER_SOUND_ONLY: Media(black, other_sound),
            Variant.PICTURE_ONLY: Media(picture, silence),
            Variant.OTHER_PICTURE_ONLY: Media(VideoFile(self.other_picture), silence),
            Variant.NEITHER: Media(black, silence),
            Variant.NO_SOUND_TRACK: Media(picture, NoAudio()),
            Variant.NO_PICTURE_TRACK: Media(NoVideo(), sound),
        }[variant]

    def question_id(self, variant: Variant, ask: Stream, form: Form) -> str:
        return f"doctor:{self.clip}/{ask}/{variant}/{form}"

    def groups(self, variant: Variant, forms: tuple[Form, ...]) -> list[Group]:
        """Every question on one variant; those with the same text before the media share it."""
        together: dict[str, list[Question]] = {}
        for wording in self.wordings:
            together.setdefault(wording.before_media, []).extend(
                Question(
                    self.question_id(variant, wording.ask, form),
                    wording.before_media,
                    wording.after_media,
                    ScoreOptions(self.options) if form == "options" else Generate(ANSWER_TOKENS),
                )
                for form in forms
            )
        media = self.media(variant)
        return [Group(media, before, tuple(asked)) for before, asked in together.items()]


def draw_stimuli(dataset: Dataset, count: int, *, seed: int = 0) -> tuple[Stimulus, ...]:
    """`count` clips of `dataset`, drawn by seed, with MMA-Bench's two questions.

    Clips without picture or sound are passed over, and those whose donor has vanished. Raises
    UsageError where none is left, and for a dataset without labels or of a single class.
    """
    catalogue = TaskCatalogue()
    tasks = {ask: catalogue.get(f"aligned_{ask}") for ask in ASKS}
    builder = SampleBuilder(dataset, Seeds.all(seed), limit=count)
    stimuli = []
    for row in builder.rows(tasks["audio"]):
        if not (probe(row.video.path).has_video and probe(row.audio.path).has_audio):
            continue
        if builder.pair_table[row.clip] in dataset.vanished:
            continue
        rendered = {ask: builder.render(task, row) for ask, task in tasks.items()}
        other = dataset.by_clip[builder.pair_table[row.clip]]
        stimuli.append(
            Stimulus(
                clip=row.clip,
                picture=row.video,
                sound=row.audio,
                other_picture=other.video,
                other_sound=other.audio,
                wordings=tuple(
                    Wording(ask, made.before_media, made.after_media)
                    for ask, made in rendered.items()
                ),
                options=rendered["audio"].sample.options,
            )
        )
    if not stimuli:
        raise UsageError(
            f"none of the {count} clips drawn from {dataset.name} has both picture and sound; "
            "try more clips or another dataset"
        )
    return tuple(stimuli)
