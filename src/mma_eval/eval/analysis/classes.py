"""A task by class: how often each is right, and what is named in its place."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from mma_eval.eval.analysis.questions import well_posed
from mma_eval.eval.analysis.shares import share_where
from mma_eval.eval.scorecard import ClassScore, ClassTable, ConfusionCell
from mma_eval.eval.scored import ScoredSample
from mma_eval.eval.task_names import is_control
from mma_eval.metrics.words import ClassNames
from mma_eval.types import Outcome


def class_tables(records_by_task: Mapping[str, Sequence[ScoredSample]]) -> tuple[ClassTable, ...]:
    """One table for each task with well-posed questions, controls aside."""
    tables = (
        class_table(task, records)
        for task, records in records_by_task.items()
        if not is_control(task)
    )
    return tuple(table for table in tables if table is not None)


def class_table(task: str, records: Sequence[ScoredSample]) -> ClassTable | None:
    """Classes and cells in alphabetical order; None without a well-posed question.

    Names that fold to the same words are one class, under the first spelling met.
    """
    names = ClassNames()
    of_class: defaultdict[str, list[ScoredSample]] = defaultdict(list)
    cells: Counter[tuple[str, str | None]] = Counter()
    for record in well_posed(records):
        target = names.of(record.target)
        of_class[target].append(record)
        cells[target, None if record.option is None else names.of(record.option)] += 1
    if not of_class:
        return None
    return ClassTable(
        task=task,
        classes=tuple(
            ClassScore(label=label, accuracy=share)
            for label in sorted(of_class)
            if (share := share_where(of_class[label], _right)) is not None
        ),
        confusion=tuple(
            ConfusionCell(target=target, named=named, count=cells[target, named])
            for target, named in sorted(cells, key=lambda cell: (cell[0], cell[1] or ""))
        ),
    )


def _right(record: ScoredSample) -> bool:
    return record.outcome is Outcome.CORRECT
