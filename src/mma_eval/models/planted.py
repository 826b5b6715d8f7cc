"""Specimens with one known fault, to check that the diagnosis names what is there.

A specimen recognises a media file by the manifest beside it, and goes by nothing else than what
every model receives: the two streams and the words of the question. It never sees the name of a
task, the id of a question or its target.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from mma_eval.media.source import AudioFile, Clip, Media, VideoFile
from mma_eval.metrics.words import same_name
from mma_eval.models.base import ModelArguments, OneByOne
from mma_eval.models.card import ModelCard
from mma_eval.models.mock import options_in, tokens_by_reference
from mma_eval.models.truth import Truth, read_truth, truth_beside
from mma_eval.perturb.word_tokenizer import WordTokenizer
from mma_eval.seeded import SeededStream
from mma_eval.types import (
    NONE_OF_THE_ABOVE,
    Answer,
    Group,
    Question,
    Stream,
    TextTokenizer,
    TokenCounts,
)

PlantedFault = Literal[
    "none",
    "sees_only",
    "hears_only",
    "visually_dominated",
    "aurally_dominated",
    "follows_captions",
    "always_abstains",
    "position_biased",
    "random",
]

GRADED: frozenset[PlantedFault] = frozenset(
    {"visually_dominated", "aurally_dominated", "follows_captions", "position_biased"}
)
"""Faults that strike in a share of the questions; the others always do."""

_ASKED = re.compile(r"\b(visual|audio) content\b")
_CAPTION = "Video_caption: "


class PlantedArguments(ModelArguments):
    """Which fault, how often it strikes, and how well the specimen recognises a stream."""

    fault: PlantedFault = "none"
    strength: float = Field(0.7, ge=0, le=1)
    """Chance that a graded fault strikes, drawn for every question."""
    skill: float = Field(0.95, ge=0, le=1)
    """Chance that a stream is recognised; else it is taken for another class, in every question."""
    seed: int = 0
    truth: Path | None = None
    """The manifest (JSONL) with the labels, where it does not lie beside the clips."""

    @field_validator("strength")
    @classmethod
    def _only_graded(cls, strength: float, info: ValidationInfo) -> float:
        fault = info.data.get("fault")
        if fault is not None and fault not in GRADED:
            raise ValueError(f"fault={fault} has no strength; {', '.join(sorted(GRADED))} have")
        return strength


@dataclass(frozen=True)
class Received:
    """All that a specimen goes by."""

    seen: str | None
    """The class that it takes the picture for; None for black frames and for no picture."""
    heard: str | None
    asked: Stream | None
    """The modality that the question names, if it names one."""
    options: tuple[str, ...]
    caption: str | None

    @property
    def asked_for(self) -> str | None:
        """What it perceives of the asked stream; of the picture first where none is named."""
        if self.asked is None:
            return self.seen or self.heard
        return self.seen if self.asked == "visual" else self.heard


@dataclass
class _Recogniser:
    """Streams to classes, with the mistakes of a model that always answers alike."""

    arguments: PlantedArguments
    _read: dict[Path, Truth] = field(default_factory=dict)

    def recognise(self, stream: Stream, clip: Clip) -> str:
        """Raises UsageError where the truth is missing or does not know the clip."""
        truth = self._truth(self.arguments.truth or truth_beside(clip))
        label = truth.label(stream, clip)
        place = (clip.path.name, str(clip.start), str(clip.end))
        draw = SeededStream(self.arguments.seed, "recognise", stream, *place)
        others = [other for other in truth.classes if not same_name(other, label)]
        if _strikes(draw, self.arguments.skill) or not others:
            return label
        return draw.choice(others)

    def _truth(self, path: Path) -> Truth:
        if path not in self._read:
            self._read[path] = read_truth(path)
        return self._read[path]


class Planted(OneByOne):
    """A recogniser with one fault, and honest but for it.

    Without the stream that it goes by, it declines where `None of the above` is offered and
    guesses elsewhere.
    """

    Arguments = PlantedArguments
    arguments: PlantedArguments

    def __init__(self, card: ModelCard, arguments: PlantedArguments) -> None:
        super().__init__(card, arguments)
        self._recogniser = _Recogniser(arguments)

    @property
    def tokenizer(self) -> TextTokenizer:
        return WordTokenizer()

    def fingerprint(self) -> str:
        """All arguments, and the labels where they were named."""
        truth = self.arguments.truth
        digest = sha256(truth.read_bytes()).hexdigest() if truth and truth.is_file() else ""
        return f"planted:{self.arguments.model_dump_json()}:{digest}"

    def answer(self, groups: Iterable[Group]) -> Iterator[Answer]:
        """A clip without a label is an error of the request, not of one question."""
        for group in groups:
            self._seen(group.media)
            self._heard(group.media)
            yield from super().answer([group])

    def reply(self, media: Media, question: Question) -> str:
        text = f"{question.before_media}\n{question.after_media}"
        options = tuple(options_in(question.after_media))
        received = Received(
            seen=self._seen(media),
            heard=self._heard(media),
            asked=_asked_in(text),
            options=options,
            caption=_caption_in(text),
        )
        draw = SeededStream(self.arguments.seed, "answer", *_names_of(media), text)
        chosen = self._choose(received, draw)
        wants_reasoning = "Final Answer:" in question.after_media
        return f"Final Answer: {chosen}" if wants_reasoning else chosen

    def count_tokens(self, media: Media, question: Question) -> TokenCounts:
        return tokens_by_reference(media, question)

    def _seen(self, media: Media) -> str | None:
        match media.video:
            case VideoFile(clip):
                return self._recogniser.recognise("visual", clip)
            case _:
                return None

    def _heard(self, media: Media) -> str | None:
        match media.audio:
            case AudioFile(clip):
                return self._recogniser.recognise("audio", clip)
            case _:
                return None

    def _choose(self, received: Received, draw: SeededStream) -> str:
        strikes = _strikes(draw, self.arguments.strength)
        match self.arguments.fault:
            case "always_abstains":
                return NONE_OF_THE_ABOVE
            case "random" if received.options:
                return draw.choice(received.options)
            case "sees_only":
                return _named(received.seen, received, draw)
            case "hears_only":
                return _named(received.heard, received, draw)
            case "visually_dominated" if strikes and received.seen:
                return _named(received.seen, received, draw)
            case "aurally_dominated" if strikes and received.heard:
                return _named(received.heard, received, draw)
            case "follows_captions" if strikes and received.caption:
                return received.caption
            case "position_biased" if strikes and received.options:
                return received.options[0]
            case _:
                return _named(received.asked_for, received, draw)


def _named(perceived: str | None, received: Received, draw: SeededStream) -> str:
    """The option for what is perceived; without one it declines if it may, else it guesses."""
    if not received.options:
        return perceived or NONE_OF_THE_ABOVE
    for option in received.options:
        if perceived is not None and same_name(option, perceived):
            return option
    if NONE_OF_THE_ABOVE in received.options:
        return NONE_OF_THE_ABOVE
    return draw.choice(received.options)


def _asked_in(text: str) -> Stream | None:
    found = _ASKED.search(text)
    if found is None:
        return None
    return "visual" if found.group(1) == "visual" else "audio"


def _caption_in(text: str) -> str | None:
    """The class that a line `Video_caption: X.` names."""
    _, found, rest = text.partition(_CAPTION)
    return rest.partition(". ")[0] if found else None


def _names_of(media: Media) -> tuple[str, str]:
    """Which streams these are, the same on every machine."""
    video, audio = media.video, media.audio
    return (
        video.clip.path.name if isinstance(video, VideoFile) else type(video).__name__,
        audio.clip.path.name if isinstance(audio, AudioFile) else type(audio).__name__,
    )


def _strikes(draw: SeededStream, chance: float) -> bool:
    return draw.bits() < chance * (1 << 64)
