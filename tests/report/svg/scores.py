"""Scores to draw, without a run."""

from __future__ import annotations

from mma_eval.eval.scorecard import ClassScore, ClassTable, RunScores, Share, TaskScore
from mma_eval.types import Ask, Attribution

HOSTILE = "</text></svg><script>alert(1)</script>\"'&\x00\x1b\ud800"


def task(
    name: str,
    *,
    right: int = 0,
    leak: int | None = None,
    n: int = 100,
    chance: float | None = 0.1,
    attribution: dict[Attribution, int] | None = None,
) -> TaskScore:
    """`right` of `n` answers; with `leak`, an ill-posed task instead; n = 0 has no score."""
    ask: Ask = "audio" if "_audio" in name else "visual"
    return TaskScore(
        task=name,
        ask=ask,
        n=n,
        answered=n,
        coverage=1.0 if n else None,
        accuracy=Share.of(right, n) if leak is None else None,
        macro_accuracy=None,
        chance=chance,
        majority=None,
        leak=None if leak is None else Share.of(leak, n),
        both_right=None,
        lenient_accuracy=None,
        unparsed_rate=None,
        correct=right,
        wrong=n - right,
        abstained=0,
        ambiguous=0,
        unparsed=0,
        refused=0,
        context_overflow=0,
        conflicts=0,
        attribution=attribution or {},
        failures={},
        unanswered=0,
        not_applicable=0,
    )


def scores_of(*tasks: TaskScore, classes: tuple[ClassTable, ...] = ()) -> RunScores:
    return RunScores(
        tasks=tasks, pairs=(), abstentions=(), classes=classes, n=0, answered=0, coverage=None
    )


def class_table(name: str, right_of_ten: dict[str, int]) -> ClassTable:
    """Classes of ten samples each."""
    classes = []
    for label, right in right_of_ten.items():
        share = Share.of(right, 10)
        assert share is not None
        classes.append(ClassScore(label=label, accuracy=share))
    return ClassTable(task=name, classes=tuple(classes), confusion=())
