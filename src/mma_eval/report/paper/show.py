"""Tables of the paper on a terminal, and the list of them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from mma_eval.report.paper.layout import table_lines
from mma_eval.report.paper.notes import Note
from mma_eval.report.paper.published import Exhibit, Paper
from mma_eval.report.paper.table import PaperTable


def print_table(console: Console, table: PaperTable) -> None:
    """Measured rows, reported rows, then what has to be known to read them."""
    console.print(Text(f"\n{table.exhibit.label}: {table.exhibit.title}, %\n", style="bold"))
    for line in table_lines(table, console.width):
        console.print(line, no_wrap=True, overflow="ignore", crop=False)
    if table.notes:
        console.print()
    _print_notes(console, table.notes)


def print_unmade(console: Console, paper: Paper, exhibit: Exhibit) -> None:
    """A table or figure that is not made from runs: what shows it, or why nothing does."""
    console.print(Text(f"\n{exhibit.label}: {exhibit.title}\n", style="bold"))
    if exhibit.shown_by is not None:
        console.print(Text(f"Shown by: {exhibit.shown_by}"), soft_wrap=True)
    else:
        console.print(Text(f"Not made here: {exhibit.lacking}."))
    notes = [] if exhibit.note is None else [Note(exhibit.note)]
    notes += [Note(f"Contradiction: {text}") for text in paper.contradictions_of(exhibit)]
    _print_notes(console, notes)


def print_list(console: Console, paper: Paper) -> None:
    """Every table and figure on a line, by how it can be had."""
    width = max(len(exhibit.id) for exhibit in paper.exhibits)
    for heading, listed in (
        ("From runs: mma-eval paper NAME RUN...", paper.measurable),
        (
            "Shown by another command: mma-eval paper NAME says which",
            [exhibit for exhibit in paper.exhibits if exhibit.shown_by is not None],
        ),
        (
            "Not made here: mma-eval paper NAME says why",
            [exhibit for exhibit in paper.exhibits if exhibit.lacking is not None],
        ),
    ):
        console.print(Text(f"\n{heading}", style="bold"))
        for exhibit in listed:
            line = Text(f"  {exhibit.id:<{width}}  {exhibit.title}")
            console.print(line, no_wrap=True, overflow="ellipsis")
    console.print(Text("\nAll of it, and where the sources disagree: mma-eval paper --map"))


def _print_notes(console: Console, notes: Iterable[Note]) -> None:
    for note in notes:
        wrapped = textwrap.wrap(note.text, console.width - 2)
        for mark, line in zip(["- ", *["  "] * len(wrapped)], wrapped, strict=False):
            console.print(Text(mark + line, style="dim"))
        if note.command is not None:
            # A command stays on one line, or it could not be copied.
            console.print(Text(f"  {note.command}"), soft_wrap=True)
