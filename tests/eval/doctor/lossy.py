"""Real backends that lose a stream on the way: tiny-omni behind a fault."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import yaml

from mma_eval.media.source import AudioFile, BlackVideo, Media, NoAudio, Silence, VideoFile
from mma_eval.models.base import Model, failed_answer, register_model
from mma_eval.models.card import ModelCard
from mma_eval.models.catalogue import CardCatalogue, create_model
from mma_eval.models.qwen.backend import QwenOmni
from mma_eval.types import Answer, Generate, Group, Question


def without_track(media: Media) -> Media:
    return replace(media, audio=NoAudio())


def silenced(media: Media) -> Media:
    match media.audio:
        case AudioFile(clip, fit_to):
            return replace(media, audio=Silence(clip, fit_to))
        case _:
            return media


def blacked_out(media: Media) -> Media:
    match media.video:
        case VideoFile(clip):
            return replace(media, video=BlackVideo(clip))
        case _:
            return media


@register_model("drops-sound")
class DropsSound(QwenOmni):
    """Loses the sound track, and counts honestly."""

    def answer(self, groups: Iterable[Group]) -> Iterator[Answer]:
        return super().answer(replace(g, media=without_track(g.media)) for g in groups)


@register_model("feeds-silence")
class FeedsSilence(QwenOmni):
    """Puts silence in the place of sound, so that its counts look right."""

    def answer(self, groups: Iterable[Group]) -> Iterator[Answer]:
        return super().answer(replace(g, media=silenced(g.media)) for g in groups)


@register_model("feeds-black")
class FeedsBlack(QwenOmni):
    """Puts black frames in the place of the picture, so that its counts look right."""

    def answer(self, groups: Iterable[Group]) -> Iterator[Answer]:
        return super().answer(replace(g, media=blacked_out(g.media)) for g in groups)


@register_model("writes-only")
class WritesOnly(QwenOmni):
    """As many servers are: no likelihoods, no token counts, and all else in order."""

    def answer(self, groups: Iterable[Group]) -> Iterator[Answer]:
        for group in groups:
            written = [q for q in group.questions if isinstance(q.request, Generate)]
            yield from (_refused(q) for q in group.questions if q not in written)
            for answer in super().answer([replace(group, questions=tuple(written))]):
                yield replace(answer, tokens=None)


@register_model("deaf-server")
class DeafServer(WritesOnly):
    """A server that drops the track of every clip and says nothing of tokens."""

    def answer(self, groups: Iterable[Group]) -> Iterator[Answer]:
        return super().answer(replace(g, media=without_track(g.media)) for g in groups)


@register_model("breaks")
class Breaks(QwenOmni):
    """Dies after its third answer."""

    def answer(self, groups: Iterable[Group]) -> Iterator[Answer]:
        for number, answer in enumerate(super().answer(groups)):
            if number == 3:
                raise RuntimeError("the engine is gone")
            yield answer


def _refused(question: Question) -> Answer:
    return failed_answer(question.id, NotImplementedError("no logprobs on this server"))


def lossy_card(backend: str) -> ModelCard:
    card = CardCatalogue().get("tiny-omni")
    return card.model_copy(update={"name": backend, "backend": backend, "path": None})


def lossy_model(backend: str) -> Model:
    return create_model(lossy_card(backend))


def write_card(folder: Path, backend: str) -> Path:
    """The card as a file, for `--model`."""
    path = folder / f"{backend}.yaml"
    fields = lossy_card(backend).model_dump(mode="json", exclude_none=True)
    path.write_text(yaml.safe_dump(fields), encoding="utf-8")
    return path
