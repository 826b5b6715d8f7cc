"""What every number of a run is made of: as much of a sample as scoring looks at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

from mma_eval.eval.log import Pool, SampleRecord
from mma_eval.types import Ask, Attribution, Outcome, Status


class ScoredSample(Protocol):
    """A sample that has been read; SampleRecord says more of it, LeanSample just this."""

    @property
    def id(self) -> str: ...
    @property
    def task(self) -> str: ...
    @property
    def clip(self) -> str: ...
    @property
    def ask(self) -> Ask: ...
    @property
    def options(self) -> tuple[str, ...]: ...
    @property
    def target(self) -> str: ...
    @property
    def visual_label(self) -> str | None: ...
    @property
    def audio_label(self) -> str | None: ...
    @property
    def caption(self) -> str | None: ...
    @property
    def removed(self) -> tuple[str, ...]: ...
    @property
    def video_source(self) -> str | None: ...
    @property
    def audio_source(self) -> str | None: ...
    @property
    def filler(self) -> str | None: ...
    @property
    def status(self) -> Status: ...
    @property
    def by_likelihood(self) -> bool: ...
    @property
    def outcome(self) -> Outcome | None: ...
    @property
    def option(self) -> str | None: ...
    @property
    def attribution(self) -> Attribution | None: ...
    @property
    def lenient_outcome(self) -> Outcome | None: ...


S = TypeVar("S", bound=ScoredSample)


@dataclass(frozen=True, slots=True)
class _Question:
    """What the questions of one task about one class have in common."""

    task: str
    ask: Ask
    options: tuple[str, ...]
    target: str
    visual_label: str | None
    audio_label: str | None
    caption: str | None
    removed: tuple[str, ...]
    filler: str | None


@dataclass(frozen=True, slots=True)
class _Reading:
    """What came of a question; many have the same."""

    status: Status
    by_likelihood: bool
    outcome: Outcome | None
    option: str | None
    attribution: Attribution | None
    lenient_outcome: Outcome | None


@dataclass(frozen=True, slots=True)
class LeanSample:
    """A third of a record's memory, so that a run of many samples can be scored."""

    id: str
    clip: str
    video_source: str | None
    audio_source: str | None
    question: _Question
    reading: _Reading

    @property
    def task(self) -> str:
        return self.question.task

    @property
    def ask(self) -> Ask:
        return self.question.ask

    @property
    def options(self) -> tuple[str, ...]:
        return self.question.options

    @property
    def target(self) -> str:
        return self.question.target

    @property
    def visual_label(self) -> str | None:
        return self.question.visual_label

    @property
    def audio_label(self) -> str | None:
        return self.question.audio_label

    @property
    def caption(self) -> str | None:
        return self.question.caption

    @property
    def removed(self) -> tuple[str, ...]:
        return self.question.removed

    @property
    def filler(self) -> str | None:
        return self.question.filler

    @property
    def status(self) -> Status:
        return self.reading.status

    @property
    def by_likelihood(self) -> bool:
        return self.reading.by_likelihood

    @property
    def outcome(self) -> Outcome | None:
        return self.reading.outcome

    @property
    def option(self) -> str | None:
        return self.reading.option

    @property
    def attribution(self) -> Attribution | None:
        return self.reading.attribution

    @property
    def lenient_outcome(self) -> Outcome | None:
        return self.reading.lenient_outcome


def lean(records: Iterable[SampleRecord]) -> Iterator[LeanSample]:
    """What scoring needs of each record; equal values are one object."""
    pool = Pool()
    for record in records:
        question = _Question(
            record.task,
            record.ask,
            pool.of_all(record.options),
            pool.of(record.target),
            pool.of(record.visual_label),
            pool.of(record.audio_label),
            pool.of(record.caption),
            record.removed,
            pool.of(record.filler),
        )
        reading = _Reading(
            record.status,
            record.by_likelihood,
            record.outcome,
            pool.of(record.option),
            record.attribution,
            record.lenient_outcome,
        )
        yield LeanSample(
            record.id,
            pool.of(record.clip),
            pool.of(record.video_source),
            pool.of(record.audio_source),
            pool.of(question),
            pool.of(reading),
        )
