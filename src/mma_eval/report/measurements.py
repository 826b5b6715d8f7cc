"""Scores as a flat list of named numbers, for the formats of other programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mma_eval.eval.scorecard import (
    AbstentionSummary,
    Drop,
    Estimate,
    Following,
    RunScores,
    Share,
    TaskScore,
)


@dataclass(frozen=True)
class Measurement:
    """One number of one task; rates in 0 to 1.

    `n` counts what the number was taken over; `low` and `high` are its 95 % interval, None where
    it has none.
    """

    task: str
    metric: str
    value: float
    n: int
    low: float | None = None
    high: float | None = None


def measurements(scores: RunScores) -> list[Measurement]:
    """Every number that exists, task by task; what does not exist has no entry."""
    found = [measured for score in scores.tasks for measured in _of_task(score)]
    found += [measured for summary in scores.abstentions for measured in _of_abstention(summary)]
    found += [_of_drop(drop) for drop in scores.drops]
    found += [measured for following in scores.followings for measured in _of_following(following)]
    place = {score.task: at for at, score in enumerate(scores.tasks)}
    return sorted(found, key=lambda measured: place[measured.task])


def _of_task(score: TaskScore) -> Iterator[Measurement]:
    task = score.task
    yield from _number(task, "accuracy", score.accuracy)
    yield from _number(task, "macro_accuracy", score.macro_accuracy)
    yield from _number(task, "lenient_accuracy", score.lenient_accuracy)
    yield from _number(task, "leak", score.leak)
    yield from _number(task, "both_right", score.both_right)
    for source, count in score.attribution.items():
        yield from _number(task, f"named_{source}", Share.of(count, score.answered))
    for name, value, n in (
        ("chance", score.chance, score.answered),
        ("majority", score.majority, score.answered),
        ("unparsed", score.unparsed_rate, score.answered),
        ("coverage", score.coverage, score.n),
    ):
        if value is not None:
            yield Measurement(task, name, value, n)


def _of_abstention(summary: AbstentionSummary) -> Iterator[Measurement]:
    yield from _number(summary.task, "abstention_recall", summary.recall)
    yield from _number(summary.task, "false_abstention", summary.false_abstention)
    yield from _number(summary.task, "balanced_accuracy", summary.balanced_accuracy)


def _of_drop(drop: Drop) -> Measurement:
    change = drop.difference
    name = f"difference_from_{drop.baseline}"
    return Measurement(drop.task, name, change.value, drop.pairs, change.low, change.high)


def _of_following(following: Following) -> Iterator[Measurement]:
    name = f"following_{following.source}"
    yield from _number(following.task, name, following.share)
    yield from _number(following.task, f"{name}_net", following.net)
    yield from _number(following.task, f"{name}_able", following.able_share)
    yield from _number(following.task, f"{name}_able_net", following.able_net)


def _number(task: str, metric: str, number: Share | Estimate | None) -> Iterator[Measurement]:
    if number is None:
        return
    value = number.rate if isinstance(number, Share) else number.value
    yield Measurement(task, metric, value, number.n, number.low, number.high)
