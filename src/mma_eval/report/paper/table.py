"""One table or figure of the paper with measured rows, and the reported ones beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mma_eval.eval.analysis.subject import Subject
from mma_eval.eval.scorecard import Share
from mma_eval.report.paper.notes import Note, notes_on
from mma_eval.report.paper.published import Column, Exhibit, Paper, Source
from mma_eval.report.paper.setting import on_the_benchmark

Kind = Literal["measured", "reported", "difference"]


@dataclass(frozen=True)
class Cell:
    """A percentage, or a difference in points; interval and count where it was measured here."""

    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    doubt: str | None = None
    """Why a reported number cannot be taken as printed."""


@dataclass(frozen=True)
class TableRow:
    """One row; a cell is None where there is no number."""

    name: str
    kind: Kind
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True)
class PaperTable:
    """A table or figure of the paper, ready to be shown.

    `measured` holds each subject's row, with the paper's row of the same model and the difference
    below it; `reported` holds the models that were not measured.
    """

    exhibit: Exhibit
    source: Source
    measured: tuple[TableRow, ...]
    reported: tuple[TableRow, ...]
    notes: tuple[Note, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.source.columns


def make_table(paper: Paper, exhibit: Exhibit, subjects: Sequence[Subject]) -> PaperTable:
    """The numbers of `subjects` under the columns of one table or figure.

    Raises UsageError for a table or figure that is not made from runs.
    """
    source = paper.numbers_of(exhibit)
    measured: list[TableRow] = []
    beside: set[str] = set()
    for subject in subjects:
        own = TableRow(subject.name, "measured", _measured_cells(subject, source))
        measured.append(own)
        for name in paper.printed_as(subject.manifest.card.name, tuned=subject.adapter is not None):
            if not any(row.model == name for row in source.rows):
                continue
            beside.add(name)
            theirs = _reported_row(source, name)
            measured.append(theirs)
            if on_the_benchmark(subject):
                measured.append(_difference(own, theirs))
    rest = [row.model for row in source.rows if row.model not in beside]
    return PaperTable(
        exhibit,
        source,
        tuple(measured),
        tuple(_reported_row(source, name) for name in rest),
        notes_on(paper, exhibit, source, subjects),
    )


def share_of(subject: Subject, column: Column) -> Share | None:
    """What a subject scored under a column; None where its runs do not tell."""
    if column.metric == "abstention":
        return next((s.recall for s in subject.scores.abstentions if s.task == column.task), None)
    for score in subject.scores.tasks:
        if score.task == column.task:
            return score.leak if column.metric == "leak" else score.accuracy
    return None


def _measured_cells(subject: Subject, source: Source) -> tuple[Cell | None, ...]:
    shares = [share_of(subject, column) for column in source.columns]
    return tuple(
        None
        if share is None
        else Cell(100 * share.rate, 100 * share.low, 100 * share.high, share.n)
        for share in shares
    )


def _reported_row(source: Source, model: str) -> TableRow:
    cells: list[Cell | None] = []
    for column in source.columns:
        value = source.value(model, column)
        doubt = source.doubt(model, column.task)
        cells.append(None if value is None else Cell(value, doubt=doubt))
    return TableRow(model, "reported", tuple(cells))


def _difference(own: TableRow, theirs: TableRow) -> TableRow:
    """Measured less reported, in points; nothing is subtracted from a number in doubt."""
    cells = tuple(
        None if a is None or b is None or b.doubt else Cell(a.value - b.value)
        for a, b in zip(own.cells, theirs.cells, strict=True)
    )
    return TableRow("difference", "difference", cells)
