"""Lines of a table of the paper: models down, conditions across, as many as the width takes."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.text import Text

from mma_eval.report.paper.published import Column
from mma_eval.report.paper.table import PaperTable, TableRow

NO_NUMBER = "-"
GAP = 2
WIDEST_NAME = 30
NARROWEST_NAME = 14
STYLES = {"measured": "bold", "reported": "", "difference": "italic"}


@dataclass(frozen=True)
class _Row:
    """A row on the screen; a cell is one or more lines, and a row without cells is a label."""

    name: str
    cells: tuple[tuple[str, ...], ...]
    style: str


def table_lines(table: PaperTable, width: int) -> list[Text]:
    """All columns side by side where they fit in `width`, else a block for each question."""
    places = list(range(len(table.columns)))
    by_question = [list(group) for _, group in groupby(places, lambda at: _ask(table, at))]
    whole = _rows(table, places)
    if _numbers_width(whole) + _longest_name(whole) <= width:
        return _lines(whole, width)
    blocks = [_lines(_rows(table, block), width) for block in by_question]
    return [line for at, block in enumerate(blocks) for line in ([Text()] if at else []) + block]


def _rows(table: PaperTable, places: Sequence[int]) -> list[_Row]:
    """Headings, labels and numbers of some columns, and how many answers stand behind them."""
    counted = bool(table.measured)
    headings = [_heading(table.columns[at]) for at in places] + ([("n",)] if counted else [])
    rows = [_Row("", tuple(_bottom(headings)), "bold")]
    if table.measured:
        rows.append(_Row("measured", (), "dim"))
    for row in table.measured:
        name = {"reported": f"  {row.name}, reported", "difference": f"  {row.name}"}
        rows.append(_row(row, table, places, name.get(row.kind, row.name), counted))
    if table.reported:
        rows.append(_Row(f"reported: {table.source.source}", (), "dim"))
    rows += [_row(row, table, places, row.name, counted) for row in table.reported]
    return rows


def _row(row: TableRow, table: PaperTable, places: Sequence[int], name: str, counted: bool) -> _Row:
    cells = [_cell(row, table, at) for at in places]
    if counted:
        cells.append((_counts(row, places),))
    return _Row(name, tuple(cells), STYLES[row.kind])


def _cell(row: TableRow, table: PaperTable, at: int) -> tuple[str, ...]:
    """A number as its source prints it, with the interval below; `?` marks one in doubt."""
    cell = row.cells[at]
    decimals = table.source.decimals
    if cell is None:
        return ("" if row.kind == "difference" else NO_NUMBER,)
    if row.kind == "difference":
        return (f"{cell.value:+.{decimals}f}",)
    number = f"{cell.value:.{decimals}f}{'?' if cell.doubt else ''}"
    return (number,) if cell.low is None else (number, f"[{cell.low:.0f}-{cell.high:.0f}]")


def _counts(row: TableRow, places: Sequence[int]) -> str:
    """Answers behind the numbers of a row: one count, or the least and the most."""
    counts = sorted({cell.n for at in places if (cell := row.cells[at]) and cell.n is not None})
    return "-".join(str(count) for count in dict.fromkeys([*counts[:1], *counts[-1:]]))


def _heading(column: Column) -> tuple[str, ...]:
    """`misleading`, `caption`, `audio`: a word a line, and the metric where it is no accuracy."""
    words = column.task.split("_")
    return (*words, f"({column.metric})") if column.metric == "leak" else tuple(words)


def _bottom(headings: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Headings of one depth, their last lines level."""
    depth = max(map(len, headings))
    return [(*[""] * (depth - len(heading)), *heading) for heading in headings]


def _ask(table: PaperTable, at: int) -> str:
    return table.columns[at].task.rpartition("_")[2]


def _longest_name(rows: Sequence[_Row]) -> int:
    return min(max(len(row.name) for row in rows if row.cells), WIDEST_NAME)


def _widths(rows: Sequence[_Row]) -> list[int]:
    numbers = [row.cells for row in rows if row.cells]
    return [
        max(len(line) for cell in column for line in cell) for column in zip(*numbers, strict=True)
    ]


def _numbers_width(rows: Sequence[_Row]) -> int:
    return sum(width + GAP for width in _widths(rows))


def _lines(rows: Sequence[_Row], width: int) -> list[Text]:
    room = max(width - _numbers_width(rows), NARROWEST_NAME)
    name_width = min(_longest_name(rows), room)
    widths = _widths(rows)
    lines = []
    for row in rows:
        if not row.cells:
            lines += [Text(), Text(row.name, style=row.style)]
            continue
        indent = " " * (len(row.name) - len(row.name.lstrip()))
        names = textwrap.wrap(row.name, name_width, subsequent_indent=f"{indent}  ")
        for at in range(max(len(names), *map(len, row.cells))):
            numbers = [cell[at] if at < len(cell) else "" for cell in row.cells]
            padded = [f"{n:>{w + GAP}}" for n, w in zip(numbers, widths, strict=True)]
            name = names[at] if at < len(names) else ""
            lines.append(Text(f"{name:<{name_width}}{''.join(padded)}".rstrip(), style=row.style))
    return lines
