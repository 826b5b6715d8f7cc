"""How much accuracy each condition costs, pair by pair against the same question without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mma_eval.eval.analysis.pairing import Pair, pair_records
from mma_eval.eval.analysis.questions import well_posed
from mma_eval.eval.scorecard import Drop, Estimate
from mma_eval.eval.scored import ScoredSample
from mma_eval.eval.task_names import baselines_of, is_control
from mma_eval.metrics.bootstrap import DIFFERENCE, resampled_mean
from mma_eval.metrics.paired import Flips, holm, mcnemar_exact
from mma_eval.metrics.words import same_name
from mma_eval.types import Outcome


def drops(records_by_task: Mapping[str, Sequence[ScoredSample]]) -> tuple[Drop, ...]:
    """One drop for each task that has an accuracy and a baseline in the same run.

    Controls, baselines and ill-posed questions have none, nor has a task whose right answer is
    another one than its baseline's (to decline, say).
    """
    found: list[tuple[str, str, list[Pair[ScoredSample]]]] = []
    for task, records in records_by_task.items():
        baseline = _baseline(task, records_by_task)
        if baseline is None:
            continue
        pairs = _comparable(records_by_task[baseline], records)
        if pairs:
            found.append((task, baseline, pairs))
    p_values = [mcnemar_exact(flips_of(pairs)) for _, _, pairs in found]
    return tuple(
        _drop(task, baseline, pairs, p, p_holm)
        for (task, baseline, pairs), p, p_holm in zip(found, p_values, holm(p_values), strict=True)
    )


def flips_of(pairs: Sequence[Pair[ScoredSample]]) -> Flips:
    """Pairs by which of their answers is right."""
    return Flips.of((_right(pair.first), _right(pair.second)) for pair in pairs)


def difference_of(pairs: Sequence[Pair[ScoredSample]]) -> Estimate:
    """Accuracy of the second answers less that of the first; resamples videos and sounds.

    Raises ValueError without pairs.
    """
    return Estimate.of(
        resampled_mean(
            [float(_right(pair.second)) - float(_right(pair.first)) for pair in pairs],
            [pair.video for pair in pairs],
            [pair.sound for pair in pairs],
            bounds=DIFFERENCE,
        )
    )


def _baseline(task: str, records_by_task: Mapping[str, Sequence[ScoredSample]]) -> str | None:
    if is_control(task):
        return None
    return next((name for name in baselines_of(task) if name in records_by_task), None)


def _comparable(
    baseline: Sequence[ScoredSample], condition: Sequence[ScoredSample]
) -> list[Pair[ScoredSample]]:
    """Pairs that have the same right answer."""
    pairs = pair_records(well_posed(baseline), well_posed(condition)).pairs
    return [pair for pair in pairs if same_name(pair.first.target, pair.second.target)]


def _drop(
    task: str, baseline: str, pairs: Sequence[Pair[ScoredSample]], p: float, p_holm: float
) -> Drop:
    flips = flips_of(pairs)
    return Drop(
        task=task,
        baseline=baseline,
        pairs=flips.pairs,
        before=flips.before,
        after=flips.after,
        difference=difference_of(pairs),
        lost=flips.lost,
        gained=flips.gained,
        p=p,
        p_holm=p_holm,
    )


def _right(record: ScoredSample) -> bool:
    return record.outcome is Outcome.CORRECT
