"""Tables of the paper as files: text as on the terminal, CSV with one number a line, a picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.console import Console

from mma_eval.report.files import save_text
from mma_eval.report.paper.picture import picture
from mma_eval.report.paper.show import print_table
from mma_eval.report.paper.table import PaperTable

TEXT_WIDTH = 100
FIELDS = (
    "exhibit",
    "row",
    "kind",
    "source",
    "task",
    "metric",
    "value",
    "low",
    "high",
    "n",
    "doubt",
)


def csv_text(tables: Iterable[PaperTable]) -> str:
    """One line a number: percent, or points where `kind` is difference."""
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow(FIELDS)
    for table in tables:
        writer.writerows(_numbers(table))
    return output.getvalue()


def plain_text(table: PaperTable) -> str:
    """What the terminal shows, without colour."""
    output = io.StringIO()
    print_table(Console(file=output, width=TEXT_WIDTH, color_system=None, emoji=False), table)
    return output.getvalue().lstrip("\n")


def write_tables(folder: Path, tables: Iterable[PaperTable]) -> list[Path]:
    """`<id>.txt`, `.csv` and `.svg` of each table; raises StoreError where they cannot be kept."""
    written = []
    for table in tables:
        for suffix, text in (
            ("txt", plain_text(table)),
            ("csv", csv_text([table])),
            ("svg", picture(table)),
        ):
            path = folder / f"{table.exhibit.id}.{suffix}"
            save_text(path, text)
            written.append(path)
    return written


def _numbers(table: PaperTable) -> Iterator[tuple[object, ...]]:
    for row in (*table.measured, *table.reported):
        source = table.source.source if row.kind == "reported" else ""
        for column, cell in zip(table.columns, row.cells, strict=True):
            if cell is None:
                continue
            numbers = (
                "" if number is None else round(number, 4)
                for number in (cell.value, cell.low, cell.high)
            )
            count = "" if cell.n is None else cell.n
            yield (
                table.exhibit.id,
                row.name,
                row.kind,
                source,
                column.task,
                column.metric,
                *numbers,
                count,
                cell.doubt or "",
            )
