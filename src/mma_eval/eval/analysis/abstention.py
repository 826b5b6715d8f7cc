"""Whether a model declines when it should, and only then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mma_eval.eval.analysis.questions import answered, declines
from mma_eval.eval.analysis.shares import share_where
from mma_eval.eval.scorecard import AbstentionSummary, Estimate, Share
from mma_eval.eval.scored import ScoredSample
from mma_eval.eval.task_names import CONTROL_ALIGNED, CONTROL_IRRELEVANT, without_control
from mma_eval.metrics.bootstrap import SHARE, resampled_mean
from mma_eval.metrics.extract import is_abstention


def abstention_summaries(
    records_by_task: Mapping[str, Sequence[ScoredSample]],
) -> tuple[AbstentionSummary, ...]:
    """One summary for each task whose every target is to decline."""
    controls = {
        (without_control(task), kind): records
        for task, records in records_by_task.items()
        for kind in (CONTROL_ALIGNED, CONTROL_IRRELEVANT)
        if kind in task
    }
    return tuple(
        abstention_summary(
            task,
            records,
            controls.get((task, CONTROL_ALIGNED), ()),
            controls.get((task, CONTROL_IRRELEVANT), ()),
        )
        for task, records in records_by_task.items()
        if records and all(is_abstention(record.target) for record in records)
    )


def abstention_summary(
    task: str,
    records: Iterable[ScoredSample],
    aligned: Iterable[ScoredSample],
    irrelevant: Iterable[ScoredSample],
) -> AbstentionSummary:
    """How a model declines on questions without their stream, against the two controls."""
    gone, on_aligned, on_irrelevant = (answered(part) for part in (records, aligned, irrelevant))
    return AbstentionSummary(
        task=task,
        recall=_declined(gone),
        false_abstention=_declined([*on_aligned, *on_irrelevant]),
        false_aligned=_declined(on_aligned),
        false_irrelevant=_declined(on_irrelevant),
        balanced_accuracy=_balanced_accuracy(gone, [*on_aligned, *on_irrelevant]),
    )


def _declined(records: Sequence[ScoredSample]) -> Share | None:
    return share_where(records, declines)


def _balanced_accuracy(
    gone: Sequence[ScoredSample], there: Sequence[ScoredSample]
) -> Estimate | None:
    """Mean of recall and of what is answered where it should be; resamples clips."""
    if not gone or not there:
        return None
    hits = [declines(record) for record in gone] + [not declines(record) for record in there]
    return Estimate.of(
        resampled_mean(
            [float(hit) for hit in hits],
            [record.clip for record in (*gone, *there)],
            bounds=SHARE,
            strata=[True] * len(gone) + [False] * len(there),
        )
    )
