"""A run and its repetition, sample by sample."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from mma_eval.eval.log import SampleRecord
from mma_eval.types import FAILURES, Outcome

ASKED_FIELDS = (
    "prompt",
    "options",
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
)
ANSWER_FIELDS = (
    "status",
    "answer",
    "option",
    "outcome",
    "attribution",
    "tokens",
    "finish_reason",
    "model_version",
)


class Kind(StrEnum):
    """What became of one sample."""

    IDENTICAL = "identical"
    CHANGED = "changed"
    FAILED_BEFORE = "failed in the original, answered now"
    FAILED_NOW = "answered in the original, failed now"
    FAILED_TWICE = "failed both times"
    GONE = "only in the original"
    NEW = "only in the rerun"


@dataclass(frozen=True)
class FieldChange:
    """One field of a sample's record that differs."""

    field: str
    before: str
    now: str


@dataclass(frozen=True)
class SampleComparison:
    """One sample, before and now."""

    task: str
    id: str
    kind: Kind
    changes: tuple[FieldChange, ...] = ()
    score_difference: float | None = None
    """The largest change in an option's log-likelihood, in nats; None without option scores."""


@dataclass(frozen=True)
class TaskTally:
    """Right answers of one task, before and now, over the samples that both have."""

    task: str
    before: int
    now: int
    n: int


@dataclass(frozen=True)
class RunComparison:
    """Everything that differs between a run and its repetition."""

    samples: tuple[SampleComparison, ...]
    tallies: tuple[TaskTally, ...]
    """Empty for a run that only predicted."""
    tolerance: float

    @property
    def differing(self) -> tuple[SampleComparison, ...]:
        return tuple(sample for sample in self.samples if sample.kind is not Kind.IDENTICAL)

    @property
    def identical(self) -> int:
        return len(self.samples) - len(self.differing)

    @property
    def kinds(self) -> dict[Kind, int]:
        return dict(Counter(sample.kind for sample in self.samples))

    @property
    def fields(self) -> dict[str, int]:
        """How many samples differ in each field, over those that were answered both times."""
        changes = (c.field for s in self.samples if s.kind is Kind.CHANGED for c in s.changes)
        return dict(Counter(changes))

    @property
    def largest_score_difference(self) -> float | None:
        found = [s.score_difference for s in self.samples if s.score_difference is not None]
        return max(found, default=None)


def compare_runs(
    before: Sequence[SampleRecord], now: Sequence[SampleRecord], *, tolerance: float = 0.0
) -> RunComparison:
    """Hold two runs' samples against each other by task and id.

    Option scores that differ by at most `tolerance` nats count as equal.
    """
    old = {(record.task, record.id): record for record in before}
    new = {(record.task, record.id): record for record in now}
    samples = tuple(
        _compare(old.get(key), new.get(key), key, tolerance) for key in dict.fromkeys((*old, *new))
    )
    shared = [(old[key], new[key]) for key in old if key in new]
    return RunComparison(samples, _tallies(shared), tolerance)


def of_the_same_clips(
    before: Sequence[SampleRecord], now: Sequence[SampleRecord]
) -> list[SampleRecord]:
    """The samples of `before` on clips that `now` asks about, for a rerun of fewer clips."""
    clips = {(record.task, record.clip) for record in now}
    return [record for record in before if (record.task, record.clip) in clips]


def _compare(
    old: SampleRecord | None, new: SampleRecord | None, key: tuple[str, str], tolerance: float
) -> SampleComparison:
    task, name = key
    if old is None or new is None:
        return SampleComparison(task, name, Kind.NEW if old is None else Kind.GONE)
    difference = _score_difference(old, new)
    changes = [
        FieldChange(field, _text(getattr(old, field)), _text(getattr(new, field)))
        for field in (*ASKED_FIELDS, *ANSWER_FIELDS)
        if getattr(old, field) != getattr(new, field)
    ]
    if _scored_options(old) != _scored_options(new):
        changes.append(
            FieldChange("option_scores", _text(_scored_options(old)), _text(_scored_options(new)))
        )
    elif difference is not None and difference > tolerance:
        changes.append(FieldChange("option_scores", *_furthest(old, new)))
    return SampleComparison(task, name, _kind(old, new, changes), tuple(changes), difference)


def _kind(old: SampleRecord, new: SampleRecord, changes: list[FieldChange]) -> Kind:
    match old.status in FAILURES, new.status in FAILURES:
        case True, True:
            return Kind.FAILED_TWICE
        case True, False:
            return Kind.FAILED_BEFORE
        case False, True:
            return Kind.FAILED_NOW
        case _:
            return Kind.CHANGED if changes else Kind.IDENTICAL


def _scored_options(record: SampleRecord) -> tuple[str, ...]:
    return tuple(score.option for score in record.option_scores)


def _score_difference(old: SampleRecord, new: SampleRecord) -> float | None:
    if not old.option_scores or _scored_options(old) != _scored_options(new):
        return None
    pairs = zip(old.option_scores, new.option_scores, strict=True)
    return max(abs(one.log_likelihood - two.log_likelihood) for one, two in pairs)


def _furthest(old: SampleRecord, new: SampleRecord) -> tuple[str, str]:
    """The option whose log-likelihood changed most, before and now."""
    one, two = max(
        zip(old.option_scores, new.option_scores, strict=True),
        key=lambda pair: abs(pair[0].log_likelihood - pair[1].log_likelihood),
    )
    return f"{one.option} {one.log_likelihood:.9g}", f"{two.option} {two.log_likelihood:.9g}"


def _tallies(shared: Sequence[tuple[SampleRecord, SampleRecord]]) -> tuple[TaskTally, ...]:
    by_task: dict[str, list[tuple[SampleRecord, SampleRecord]]] = {}
    for old, new in shared:
        if old.outcome is not None or new.outcome is not None:
            by_task.setdefault(old.task, []).append((old, new))
    return tuple(
        TaskTally(
            task,
            sum(old.outcome is Outcome.CORRECT for old, _ in pairs),
            sum(new.outcome is Outcome.CORRECT for _, new in pairs),
            len(pairs),
        )
        for task, pairs in by_task.items()
    )


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(part) for part in value)
    return str(value)
