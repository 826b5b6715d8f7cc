"""The numbers that a submission claims, task by task, as counts that can be compared exactly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from mma_eval.eval.analysis.questions import answered, is_ill_posed
from mma_eval.eval.log import SampleRecord
from mma_eval.eval.score import accuracy_of, both_right
from mma_eval.eval.scorecard import Share
from mma_eval.eval.task_names import twin_of
from mma_eval.leaderboard.plain_text import TaskName
from mma_eval.types import Attribution, Outcome, Status

_Number = Annotated[int, Field(ge=0, le=10_000_000)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class CountedShare(_Part):
    """`k` of `n`."""

    k: _Number
    n: _Number

    @classmethod
    def of(cls, share: Share | None) -> CountedShare | None:
        return None if share is None else cls(k=share.k, n=share.n)


class Claim(_Part):
    """One task: everything that a row's numbers are made of."""

    task: TaskName
    n: _Number
    """Samples, less those that do not apply."""
    answered: _Number
    accuracy: CountedShare | None
    leak: CountedShare | None
    both_right: CountedShare | None
    correct: _Number
    wrong: _Number
    abstained: _Number
    ambiguous: _Number
    unparsed: _Number
    refused: _Number
    context_overflow: _Number
    not_applicable: _Number


def claims_of(records_by_task: Mapping[str, Sequence[SampleRecord]]) -> tuple[Claim, ...]:
    """The counts of every task, from records that have been read."""
    return tuple(
        _claim(task, records, _pair(task, records_by_task))
        for task, records in records_by_task.items()
    )


def differences(claimed: Claim, found: Claim) -> Iterable[str]:
    """Every number of a task that is not what scoring finds, in words."""
    for name in Claim.model_fields:
        one, other = getattr(claimed, name), getattr(found, name)
        if one != other:
            yield f"{name.replace('_', ' ')} is claimed as {_said(one)} and is {_said(other)}"


def _said(number: CountedShare | int | str | None) -> str:
    if isinstance(number, CountedShare):
        return f"{number.k} of {number.n}"
    return "none" if number is None else str(number)


def _pair(task: str, records_by_task: Mapping[str, Sequence[SampleRecord]]) -> CountedShare | None:
    """Both right with the twin task, the same for either."""
    twin = twin_of(task)
    if twin is None or twin not in records_by_task:
        return None
    visual, audio = (task, twin) if "_visual" in task else (twin, task)
    return CountedShare.of(both_right(records_by_task[visual], records_by_task[audio]))


def _claim(task: str, records: Sequence[SampleRecord], pair: CountedShare | None) -> Claim:
    counted = answered(records)
    outcomes = Counter(record.outcome for record in counted)
    statuses = Counter(record.status for record in records)
    removed = (r.attribution is Attribution.REMOVED for r in counted if is_ill_posed(r))
    return Claim(
        task=task,
        n=len(records) - statuses[Status.NOT_APPLICABLE],
        answered=len(counted),
        accuracy=CountedShare.of(accuracy_of(records)),
        leak=CountedShare.of(Share.where(removed)),
        both_right=pair,
        correct=outcomes[Outcome.CORRECT],
        wrong=outcomes[Outcome.WRONG],
        abstained=outcomes[Outcome.ABSTAINED],
        ambiguous=outcomes[Outcome.AMBIGUOUS],
        unparsed=outcomes[Outcome.UNPARSED],
        refused=statuses[Status.REFUSED],
        context_overflow=statuses[Status.CONTEXT_OVERFLOW],
        not_applicable=statuses[Status.NOT_APPLICABLE],
    )
