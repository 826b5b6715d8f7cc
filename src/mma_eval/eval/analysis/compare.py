"""Two runs, or two conditions of one run, pair by pair."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from mma_eval.errors import UsageError
from mma_eval.eval.analysis.agreement import Difference, confounds, contrasts
from mma_eval.eval.analysis.operands import Operand
from mma_eval.eval.analysis.pairing import Pair, Pairing, asked_source, pair_records
from mma_eval.eval.analysis.questions import answered, is_ill_posed, well_posed
from mma_eval.eval.log import SampleRecord
from mma_eval.eval.scorecard import Estimate
from mma_eval.metrics.bootstrap import DIFFERENCE, resampled_mean
from mma_eval.metrics.intervals import smallest_detectable_difference
from mma_eval.metrics.paired import Flips, holm, mcnemar_exact
from mma_eval.types import Attribution, Outcome

SIGNIFICANT = 0.05
Measure = Literal["accuracy", "leak"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Flip(_Part):
    """A pair of which one side is right (of leak: names the removed label) and the other not."""

    task: str
    """Of the first side."""
    source: str
    """The clip that the asked stream comes from."""
    first_id: str
    second_id: str
    target: str
    first_answer: str
    second_answer: str
    first_option: str | None
    second_option: str | None
    first_right: bool


class TaskComparison(_Part):
    """A task against a task over the pairs of both; shares in 0 to 1."""

    first_task: str
    second_task: str
    measure: Measure
    """Leak where the asked stream is gone on both sides."""
    pairs: int
    left_first: int
    """Answered samples of the first side without a partner."""
    left_second: int
    first: float
    second: float
    difference: Estimate
    """Second minus first; the interval resamples clips, by video and by sound."""
    only_first: int
    only_second: int
    p: float
    """Exact McNemar, two-sided."""
    p_holm: float
    """The same, corrected for all comparisons made at once."""
    smallest_detectable: float | None
    """The smallest difference that this many pairs show with 80 % power, whatever the other
    comparisons show; None where none can."""
    flips: tuple[Flip, ...]


class NotCompared(_Part):
    """A task of both sides that has no pairs, and why."""

    task: str
    reason: str


class Comparison(_Part):
    """Everything that `compare` says."""

    first: str
    """As it was given."""
    second: str
    first_model: str
    second_model: str
    contrasts: tuple[Difference, ...]
    """What is compared."""
    confounds: tuple[Difference, ...]
    """What should have been equal and is not; empty unless differences are allowed."""
    tasks: tuple[TaskComparison, ...]
    not_compared: tuple[NotCompared, ...]


def compare(first: Operand, second: Operand, *, allow_differences: bool = False) -> Comparison:
    """Compare every task that both sides have, or the two that they name.

    Raises UsageError for one run against itself, for sides that share no pair, and for sides that
    differ in more than what is compared, unless that is allowed.
    """
    matched = [_match(first, second, names) for names in _tasks(first, second)]
    confounding = _distinct(
        found
        for match in matched
        for found in confounds(first, second, match.tasks, match.pairing.pairs)
    )
    if confounding and not allow_differences:
        what = ", ".join(found.sentence() for found in confounding)
        raise UsageError(
            f"the two sides differ in {what}; --allow-differences compares them all the same"
        )
    paired = [match for match in matched if match.pairing.pairs]
    compared = [_compare_pairs(match, alpha=SIGNIFICANT / len(paired)) for match in paired]
    skipped = [
        NotCompared(task=_versus(match.tasks), reason=match.why_none)
        for match in matched
        if not match.pairing.pairs
    ]
    if not compared:
        reasons = "; ".join(f"{none.task}: {none.reason}" for none in skipped)
        raise UsageError(f"{first.text} and {second.text} have no pair in common ({reasons})")
    return Comparison(
        first=first.text,
        second=second.text,
        first_model=first.subject.name,
        second_model=second.subject.name,
        contrasts=_distinct(
            found
            for match in matched
            for found in contrasts(first, second, match.tasks, match.pairing.pairs)
        ),
        confounds=confounding,
        tasks=tuple(
            task.model_copy(update={"p_holm": p})
            for task, p in zip(compared, holm([task.p for task in compared]), strict=True)
        ),
        not_compared=tuple(skipped),
    )


@dataclass(frozen=True)
class _Match:
    """Two tasks with their pairs, or the reason why there are none."""

    tasks: tuple[str, str]
    measure: Measure
    pairing: Pairing[SampleRecord]
    why_none: str = ""


def _distinct(found: Iterable[Difference]) -> tuple[Difference, ...]:
    return tuple(dict.fromkeys(found))


def _tasks(first: Operand, second: Operand) -> list[tuple[str, str]]:
    """The names to compare; a task that only one side names is meant on both."""
    one, two = first.task or second.task, second.task or first.task
    if one is not None and two is not None:
        names = [(first.entry(one).name, second.entry(two).name)]
    else:
        others = {entry.name for entry in second.subject.manifest.tasks}
        shared = [entry.name for entry in first.subject.manifest.tasks if entry.name in others]
        names = [(name, name) for name in shared]
    if not names:
        raise UsageError(
            f"{first.text} and {second.text} have no task in common; compare two tasks as "
            "RUN:TASK RUN:TASK"
        )
    if all(_is_itself(first, second, pair) for pair in names):
        raise UsageError(
            f"{first.text} and {second.text} are the same run; give two runs, or two tasks of one "
            "as RUN:TASK RUN:TASK"
        )
    return names


def _is_itself(first: Operand, second: Operand, tasks: tuple[str, str]) -> bool:
    """Whether both sides would take their answers from one task of one run."""
    return tasks[0] == tasks[1] and first.holder(tasks[0]) == second.holder(tasks[1])


def _match(first: Operand, second: Operand, tasks: tuple[str, str]) -> _Match:
    sides = (first.subject.samples_of(tasks[0]), second.subject.samples_of(tasks[1]))
    measure = _measure(*sides)
    if _is_itself(first, second, tasks):
        return _Match(tasks, measure, Pairing((), 0, 0), "both sides take it from the same run")
    pairing = pair_records(*(_counted(side, measure) for side in sides))
    return _Match(tasks, measure, pairing, "" if pairing.pairs else _why_none(*sides))


def _measure(first: Sequence[SampleRecord], second: Sequence[SampleRecord]) -> Measure:
    both_gone = all(answered(side) and not well_posed(side) for side in (first, second))
    return "leak" if both_gone else "accuracy"


def _counted(records: Sequence[SampleRecord], measure: Measure) -> list[SampleRecord]:
    """Answered samples that the measure is a share of."""
    return [record for record in answered(records) if is_ill_posed(record) == (measure == "leak")]


def _hit(record: SampleRecord, measure: Measure) -> bool:
    if measure == "leak":
        return record.attribution is Attribution.REMOVED
    return record.outcome is Outcome.CORRECT


def _compare_pairs(match: _Match, *, alpha: float) -> TaskComparison:
    """`alpha` is what the smallest of several p-values has to stay below to count (Holm 1979)."""
    pairs, measure = match.pairing.pairs, match.measure
    hits = [(_hit(pair.first, measure), _hit(pair.second, measure)) for pair in pairs]
    flips = Flips.of(hits)
    changes = [float(second) - float(first) for first, second in hits]
    resampled = resampled_mean(
        changes, [p.video for p in pairs], [p.sound for p in pairs], bounds=DIFFERENCE
    )
    p = mcnemar_exact(flips)
    return TaskComparison(
        first_task=match.tasks[0],
        second_task=match.tasks[1],
        measure=measure,
        pairs=flips.pairs,
        left_first=match.pairing.left_first,
        left_second=match.pairing.left_second,
        first=flips.before,
        second=flips.after,
        difference=Estimate.of(resampled),
        only_first=flips.lost,
        only_second=flips.gained,
        p=p,
        p_holm=p,
        smallest_detectable=smallest_detectable_difference(
            flips.pairs, p0=flips.before, alpha=alpha
        ),
        flips=tuple(
            _flip(match.tasks[0], pair, first)
            for pair, (first, second) in zip(pairs, hits, strict=True)
            if first != second
        ),
    )


def _flip(task: str, pair: Pair[SampleRecord], first_right: bool) -> Flip:
    return Flip(
        task=task,
        source=asked_source(pair.first) or pair.first.clip,
        first_id=pair.first.id,
        second_id=pair.second.id,
        target=pair.first.target,
        first_answer=_said(pair.first),
        second_answer=_said(pair.second),
        first_option=pair.first.option,
        second_option=pair.second.option,
        first_right=first_right,
    )


def _said(record: SampleRecord) -> str:
    """The raw answer; the likeliest option where options were scored, the status where nothing."""
    if record.by_likelihood:
        return record.option or ""
    return record.answer if record.answer is not None else f"({record.status})"


def _why_none(first: Sequence[SampleRecord], second: Sequence[SampleRecord]) -> str:
    for name, side in (("first", first), ("second", second)):
        if not answered(side):
            return f"the {name} side has no answered sample"
    gone = [not well_posed(side) for side in (first, second)]
    if any(gone):
        which = "first" if gone[0] else "second"
        return f"the {which} side asks about a stream that is gone, which has leak and no accuracy"
    return "no clip's asked stream occurs on both sides"


def _versus(tasks: tuple[str, str]) -> str:
    return tasks[0] if tasks[0] == tasks[1] else f"{tasks[0]} against {tasks[1]}"
