"""A table or figure of the paper as bars: conditions side by side, a panel for each question."""

from __future__ import annotations

from mma_eval.report.paper.published import Column
from mma_eval.report.paper.table import PaperTable, TableRow
from mma_eval.report.svg.grouped_bars import Bar, BarGroup, grouped_bars


def picture(table: PaperTable) -> str:
    """An SVG of the measured rows and the reported ones, which are hatched.

    Numbers in doubt are left out; so are differences, which the bars show.
    """
    rows = (*table.measured, *table.reported)
    doubtful = any(cell is not None and cell.doubt for row in rows for cell in row.cells)
    notes = [f"Reported: {table.source.source}."]
    if any(column.metric == "leak" for column in table.columns):
        notes.append(
            "Asked about the removed stream, a bar is the leak: how often that stream's label is "
            "named; lower is better."
        )
    if doubtful:
        notes.append("Reported numbers that another source contradicts are left out.")
    notes += [note.text for note in table.notes if note.about_runs and note.command is None]
    return grouped_bars(
        f"{table.exhibit.label}: {table.exhibit.title}",
        _groups(table),
        subtitle="percent, measured ones with 95 % intervals" if table.measured else "percent",
        notes=notes,
    )


def _groups(table: PaperTable) -> list[BarGroup]:
    """A group for each model; the paper's bars of a measured model stand in its group."""
    groups: list[BarGroup] = []
    for row in table.measured:
        if row.kind == "measured":
            groups.append(_group(table.columns, row))
        elif row.kind == "reported":
            own, theirs = groups.pop(), _group(table.columns, row)
            groups.append(BarGroup(own.model, own.visual + theirs.visual, own.audio + theirs.audio))
    return groups + [_group(table.columns, row) for row in table.reported]


def _group(columns: tuple[Column, ...], row: TableRow) -> BarGroup:
    visual, audio = _bars(columns, row, "visual"), _bars(columns, row, "audio")
    return BarGroup(row.name, visual, audio)


def _bars(columns: tuple[Column, ...], row: TableRow, ask: str) -> tuple[Bar, ...]:
    return tuple(
        Bar(
            _series(column),
            cell.value / 100,
            None if cell.low is None else cell.low / 100,
            None if cell.high is None else cell.high / 100,
            reported=row.kind == "reported",
        )
        for column, cell in zip(columns, row.cells, strict=True)
        if cell is not None and not cell.doubt and column.task.endswith(f"_{ask}")
    )


def _series(column: Column) -> str:
    """`frames zeroed`, the same for both questions."""
    return column.task.rpartition("_")[0].replace("_", " ")
