"""From answers to numbers: one task, a pair of tasks, a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from mma_eval.eval.analysis.abstention import abstention_summaries, abstention_summary
from mma_eval.eval.analysis.attribution import attribution_counts
from mma_eval.eval.analysis.classes import class_tables
from mma_eval.eval.analysis.drops import drops
from mma_eval.eval.analysis.following import followings
from mma_eval.eval.analysis.questions import (
    answered,
    is_conflict,
    is_ill_posed,
    sound_of,
    stem,
    video_of,
    well_posed,
)
from mma_eval.eval.analysis.shares import share_where
from mma_eval.eval.reading import AnswerMode, score_answer
from mma_eval.eval.scorecard import (
    AbstentionSummary,
    Estimate,
    PairScore,
    RunScores,
    Share,
    TaskScore,
)
from mma_eval.eval.scored import ScoredSample
from mma_eval.eval.task_names import is_control, twin_of
from mma_eval.metrics.bootstrap import SHARE, resampled_mean
from mma_eval.metrics.words import ClassNames
from mma_eval.types import FAILURES, Attribution, Outcome, Status

__all__ = [
    "AbstentionSummary",
    "AnswerMode",
    "PairScore",
    "RunScores",
    "Share",
    "TaskScore",
    "abstention_summary",
    "both_right",
    "is_control",
    "score_answer",
    "score_run",
    "score_task",
    "twin_of",
]


def score_task(
    task: str,
    records: Sequence[ScoredSample],
    *,
    planned: int | None = None,
    pair: Share | None = None,
) -> TaskScore:
    """The numbers of one task; `planned` samples (default: as many as there are records)."""
    counted = answered(records)
    by_status = Counter(record.status for record in records)
    outcomes = Counter(record.outcome for record in counted)
    not_applicable = by_status[Status.NOT_APPLICABLE]
    planned = max(planned or 0, len(records))
    n = planned - not_applicable
    posed = [record for record in counted if not is_ill_posed(record)]
    leaking = [record for record in counted if is_ill_posed(record)]
    texts = [r for r in counted if r.status is Status.OK and not r.by_likelihood]
    asks = {record.ask for record in records}
    return TaskScore(
        task=task,
        ask=asks.pop() if len(asks) == 1 else None,
        n=n,
        answered=len(counted),
        coverage=len(counted) / n if n else None,
        accuracy=accuracy_of(records),
        macro_accuracy=_macro_accuracy(posed),
        chance=_mean([1 / len(r.options) for r in counted if r.options]),
        majority=_majority(posed),
        leak=share_where(leaking, lambda r: r.attribution is Attribution.REMOVED),
        both_right=pair,
        lenient_accuracy=share_where(
            [r for r in posed if r.lenient_outcome is not None],
            lambda r: r.lenient_outcome is Outcome.CORRECT,
        ),
        unparsed_rate=outcomes[Outcome.UNPARSED] / len(counted) if texts else None,
        correct=outcomes[Outcome.CORRECT],
        wrong=outcomes[Outcome.WRONG],
        abstained=outcomes[Outcome.ABSTAINED],
        ambiguous=outcomes[Outcome.AMBIGUOUS],
        unparsed=outcomes[Outcome.UNPARSED],
        refused=by_status[Status.REFUSED],
        context_overflow=by_status[Status.CONTEXT_OVERFLOW],
        conflicts=sum(is_conflict(record) for record in counted),
        attribution=attribution_counts(counted),
        failures={
            status: by_status[status]
            for status in Status
            if by_status[status] and status in FAILURES
        },
        unanswered=planned - len(records),
        not_applicable=not_applicable,
    )


def accuracy_of(records: Iterable[ScoredSample]) -> Share | None:
    """Share of right answers among what was answered and can be; None where that is nothing."""
    return share_where(well_posed(records), lambda r: r.outcome is Outcome.CORRECT)


def both_right(visual: Iterable[ScoredSample], audio: Iterable[ScoredSample]) -> Share | None:
    """Share of conflict clips with both questions right.

    Pairs of which one question failed are left out; None without a conflict answered twice.
    """
    other = {stem(record): record for record in audio if record.outcome is not None}
    pairs = [
        (record, other[stem(record)])
        for record in visual
        if record.outcome is not None and stem(record) in other
    ]
    return Share.where(
        one.outcome is Outcome.CORRECT and two.outcome is Outcome.CORRECT
        for one, two in pairs
        if is_conflict(one) and is_conflict(two)
    )


def score_run(
    records_by_task: Mapping[str, Sequence[ScoredSample]],
    *,
    planned: Mapping[str, int] | None = None,
) -> RunScores:
    """Scores of every task in order, of twin tasks together, and of abstention with its controls.

    `planned` gives the number of samples of a task where some may lack a record.
    """
    planned = planned or {}
    pairs = _pair_scores(records_by_task)
    pair_of = {name: p.both_right for p in pairs for name in (p.visual_task, p.audio_task)}
    tasks = tuple(
        score_task(task, records, planned=planned.get(task), pair=pair_of.get(task))
        for task, records in records_by_task.items()
    )
    n, counted = sum(score.n for score in tasks), sum(score.answered for score in tasks)
    return RunScores(
        tasks=tasks,
        pairs=pairs,
        abstentions=abstention_summaries(records_by_task),
        drops=drops(records_by_task),
        followings=followings(records_by_task),
        classes=class_tables(records_by_task),
        n=n,
        answered=counted,
        coverage=counted / n if n else None,
    )


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _macro_accuracy(records: Sequence[ScoredSample]) -> Estimate | None:
    """Mean over target classes of their accuracies; resamples videos and sounds."""
    if not records:
        return None
    names = ClassNames()
    return Estimate.of(
        resampled_mean(
            [float(record.outcome is Outcome.CORRECT) for record in records],
            [video_of(record) for record in records],
            [sound_of(record) for record in records],
            bounds=SHARE,
            strata=[names.of(record.target) for record in records],
        )
    )


def _majority(records: Sequence[ScoredSample]) -> float | None:
    names = ClassNames()
    targets = Counter(names.of(record.target) for record in records)
    return max(targets.values()) / len(records) if records else None


def _pair_scores(records_by_task: Mapping[str, Sequence[ScoredSample]]) -> tuple[PairScore, ...]:
    scores: list[PairScore] = []
    for task, records in records_by_task.items():
        twin = twin_of(task)
        if twin is None or twin not in records_by_task or {r.ask for r in records} != {"visual"}:
            continue
        share = both_right(records, records_by_task[twin])
        if share is not None:
            scores.append(PairScore(visual_task=task, audio_task=twin, both_right=share))
    return tuple(scores)
