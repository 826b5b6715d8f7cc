"""The columns of the board: every task that some row has a number for, in the catalogue's order."""

from __future__ import annotations

from collections.abc import Iterable

from mma_eval.eval.task_names import condition_of, twin_of
from mma_eval.leaderboard.board import BoardRow, CellMetric, ConditionColumn
from mma_eval.types import Ask

ORDER = (
    "aligned",
    "misalign",
    "audio_removed",
    "frames_zeroed",
    "misleading_caption",
    "long_context",
    "abstention",
    "cot_aligned",
    "cot_misalign",
)
WORDS = {
    "misalign": "misaligned",
    "cot_aligned": "aligned, chain of thought",
    "cot_misalign": "misaligned, chain of thought",
}


def columns_of(rows: Iterable[BoardRow]) -> tuple[ConditionColumn, ...]:
    """A column for each task and its metric; questions about sight before those about sound."""
    metrics: dict[str, CellMetric] = {}
    for row in rows:
        for task, cell in row.cells.items():
            metrics.setdefault(task, cell.metric)
    return tuple(_column(task, metrics[task]) for task in sorted(metrics, key=_place))


def _column(task: str, metric: CellMetric) -> ConditionColumn:
    condition = condition_of(task)
    return ConditionColumn(
        task=task,
        condition=condition,
        ask=_ask(task),
        title=WORDS.get(condition, condition.replace("_", " ")),
        metric=metric,
        better="lower" if metric == "leak" else "higher",
    )


def _ask(task: str) -> Ask | None:
    """The modality in a task's name; None for question sets, whose rows say it."""
    twin = twin_of(task)
    if twin is None:
        return None
    return "visual" if task.replace("_visual", "_audio", 1) == twin else "audio"


def _place(task: str) -> tuple[int, str, bool]:
    condition = condition_of(task)
    known = ORDER.index(condition) if condition in ORDER else len(ORDER)
    return known, condition, _ask(task) == "audio"
