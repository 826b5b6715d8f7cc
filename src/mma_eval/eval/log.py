"""The lines of `samples.jsonl`: one typed record per sample, in and out."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import ConfigDict, TypeAdapter

from mma_eval.types import Ask, Attribution, OptionScore, Outcome, Status, TokenCounts

H = TypeVar("H", bound=Hashable)
R = TypeVar("R", bound="AnswerRecord")


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRecord:
    """What the model was asked and what came back, before any reading of it."""

    __pydantic_config__ = ConfigDict(extra="forbid", protected_namespaces=())

    id: str
    task: str
    clip: str
    ask: Ask
    prompt: str
    """Rendered question, without filler text."""
    options: tuple[str, ...]
    target: str
    visual_label: str | None
    audio_label: str | None
    caption: str | None
    removed: tuple[str, ...]
    video_source: str | None
    audio_source: str | None
    video_hash: str
    audio_hash: str
    edits: tuple[str, ...]
    filler: str | None
    status: Status
    answer: str | None
    option_scores: tuple[OptionScore, ...]
    tokens: TokenCounts | None
    seconds: float | None
    finish_reason: str | None
    model_version: str | None
    error: str | None
    notes: tuple[str, ...] = ()

    @property
    def by_likelihood(self) -> bool:
        """Whether options were scored, as opposed to a text being read."""
        return bool(self.option_scores)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRecord(AnswerRecord):
    """An answered sample with what scoring read from it."""

    __pydantic_config__ = ConfigDict(extra="forbid", protected_namespaces=())

    outcome: Outcome | None
    """None where the machinery failed or the task does not apply."""
    option: str | None
    attribution: Attribution | None
    lenient_option: str | None
    lenient_outcome: Outcome | None


REPEATED = (
    "task",
    "clip",
    "prompt",
    "target",
    "visual_label",
    "audio_label",
    "caption",
    "removed",
    "video_source",
    "audio_source",
    "video_hash",
    "audio_hash",
    "edits",
    "filler",
    "answer",
    "tokens",
    "finish_reason",
    "model_version",
    "notes",
)
"""Fields in which many samples say the same, beside the options."""


class Pool:
    """Equal values, kept once."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, Hashable] = {}

    def of(self, value: H) -> H:
        return cast(H, self._kept.setdefault(value, value))

    def of_all(self, values: tuple[str, ...]) -> tuple[str, ...]:
        """The same for each of them: two samples may offer equal options in another order."""
        if values not in self._kept:
            self._kept[values] = tuple(map(self.of, values))
        return cast(tuple[str, ...], self._kept[values])

    def share(self, record: R) -> R:
        """The same record, holding one copy of what others say too."""
        shared = {name: self.of(getattr(record, name)) for name in REPEATED}
        return replace(record, options=self.of_all(record.options), **shared)


def read_as(
    record: AnswerRecord,
    *,
    outcome: Outcome | None = None,
    option: str | None = None,
    attribution: Attribution | None = None,
    lenient_option: str | None = None,
    lenient_outcome: Outcome | None = None,
) -> SampleRecord:
    """An answer with a reading of it; with none, it has not been read."""
    return SampleRecord(
        **{name: getattr(record, name) for name in field_names(AnswerRecord)},
        outcome=outcome,
        option=option,
        attribution=attribution,
        lenient_option=lenient_option,
        lenient_outcome=lenient_outcome,
    )


@cache
def field_names(kind: type[AnswerRecord] | type[TokenCounts]) -> tuple[str, ...]:
    """The names of a record's fields, in the order of the file."""
    return tuple(field.name for field in fields(kind))


def to_line(record: SampleRecord) -> str:
    """One line of `samples.jsonl`, with its end."""
    return _adapter().dump_json(record).decode() + "\n"


def from_line(line: str | bytes) -> SampleRecord:
    """A record from its line; raises pydantic's ValidationError."""
    return _adapter().validate_json(line)


def to_json(record: SampleRecord, names: Collection[str]) -> dict[str, Any]:
    """Some fields of a record as plain JSON values."""
    dumped: dict[str, Any] = _adapter().dump_python(record, mode="json", include=set(names))
    return dumped


@cache
def _adapter() -> TypeAdapter[SampleRecord]:
    return TypeAdapter(SampleRecord)
