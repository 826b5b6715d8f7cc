"""What was done to the clips of a task, read from its samples and not from its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mma_eval.eval.analysis.questions import answered, is_conflict, is_ill_posed
from mma_eval.eval.scored import ScoredSample
from mma_eval.metrics.extract import is_abstention
from mma_eval.types import Stream

STREAMS: tuple[Stream, ...] = ("visual", "audio")


class Condition(StrEnum):
    """The conditions whose meaning a diagnosis rests on; `OTHER` is everything else."""

    INTACT = "intact"
    """Picture and sound agree and both are there."""
    ALONE = "alone"
    """Only the stream that is asked about is there."""
    CONFLICT = "conflict"
    """Picture and sound are of different classes."""
    OTHER = "other"


@dataclass(frozen=True)
class ConditionedTask:
    """A task of one condition and one modality, with its answered samples."""

    name: str
    condition: Condition
    ask: Stream
    may_decline: bool
    """Whether `None of the above` is among the options."""
    answered: tuple[ScoredSample, ...]


def conditioned_tasks(
    samples_by_task: Mapping[str, Sequence[ScoredSample]],
) -> tuple[ConditionedTask, ...]:
    """The tasks that ask about one modality and were answered at all, in their order."""
    found = []
    for name, samples in samples_by_task.items():
        kept = tuple(sample for sample in answered(samples) if sample.options)
        asks, conditions = {sample.ask for sample in kept}, {_condition(sample) for sample in kept}
        for ask in STREAMS:
            if asks == {ask} and len(conditions) == 1:
                may_decline = any(map(is_abstention, kept[0].options))
                found.append(ConditionedTask(name, conditions.pop(), ask, may_decline, kept))
    return tuple(found)


def _condition(sample: ScoredSample) -> Condition:
    if None in (sample.visual_label, sample.audio_label) or sample.caption or sample.filler:
        return Condition.OTHER
    if is_abstention(sample.target) or is_ill_posed(sample):
        return Condition.OTHER
    if sample.removed:
        return Condition.ALONE
    return Condition.CONFLICT if is_conflict(sample) else Condition.INTACT
