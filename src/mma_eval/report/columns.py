"""Tables of tasks on a terminal: columns that narrow, names that fold, numbers as text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mma_eval.eval.scorecard import Estimate, Share

NO_NUMBER = "-"
NARROWEST_BAR, WIDEST_BAR = 10, 40


@dataclass(frozen=True)
class Column:
    """A number of every task, under a heading that has a narrower form where room is short."""

    heading: str
    cells: tuple[str, ...]
    style: str = ""
    narrow: str | None = None

    def titled(self, narrow: bool) -> str:
        return self.narrow if narrow and self.narrow else self.heading

    def width(self, narrow: bool) -> int:
        return max(map(len, (*self.titled(narrow).split("\n"), *self.cells)))


@dataclass(frozen=True)
class _Layout:
    """What `width` columns leave: the gap between cells, the form of headings, a name's room."""

    gap: int
    narrow: bool
    name: int

    @classmethod
    def fitting(cls, width: int, columns: Sequence[Column], longest: int) -> _Layout:
        """The airiest layout that keeps the longest name on one line, else the tightest."""
        for gap, narrow in ((2, False), (1, False), (1, True)):
            taken = sum(column.width(narrow) + gap for column in columns)
            layout = cls(gap, narrow, max(width - taken, 8))
            if layout.name >= longest:
                break
        return layout


def table_of(
    console: Console,
    names: Sequence[str],
    columns: Sequence[Column],
    bars: Callable[[int], Sequence[Text]] | None = None,
) -> Table:
    """One row a task; the name takes what the numbers leave, and a bar what the name leaves."""
    longest = max(map(len, names), default=0)
    layout = _Layout.fitting(console.width, columns, longest)
    spare = min(layout.name - longest - layout.gap, WIDEST_BAR)
    table = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, layout.gap - 1, 0, 0),
        header_style="bold",
    )
    table.add_column("task", no_wrap=True, vertical="bottom")
    for column in columns:
        heading = column.titled(layout.narrow)
        table.add_column(heading, justify="right", style=column.style, no_wrap=True)
    drawn = bars(spare) if bars and spare >= NARROWEST_BAR else None
    if drawn is not None:
        table.add_column("", no_wrap=True)
    for at, name in enumerate(names):
        cells = [_cell(column.cells[at]) for column in columns]
        table.add_row(_folded(name, layout.name), *cells, *([drawn[at]] if drawn else []))
    return table


def print_heading(console: Console, text: str) -> None:
    console.print()
    console.print(Text(text, style="bold"))
    console.print()


def percent(number: Share | Estimate | float | None) -> str:
    """One decimal, and none for 100; a dash where there is no number."""
    if number is None:
        return NO_NUMBER
    if isinstance(number, Share):
        number = number.rate
    elif isinstance(number, Estimate):
        number = number.value
    return "100" if number == 1 else f"{100 * number:.1f}"


def percents(numbers: Iterable[Share | Estimate | float | None]) -> tuple[str, ...]:
    return tuple(percent(number) for number in numbers)


def with_intervals(shares: Sequence[Share | None]) -> tuple[str, ...]:
    """Percentages with their intervals in whole percent, each aligned with the others."""
    ends = [f"[{100 * s.low:.0f}-{100 * s.high:.0f}]" if s else "" for s in shares]
    width = max(map(len, ends), default=0)
    return tuple(
        f"{percent(share)} {end:>{width}}" if share else NO_NUMBER
        for share, end in zip(shares, ends, strict=True)
    )


def changes(estimates: Sequence[Estimate | None]) -> tuple[str, ...]:
    """Signed percentage points with their intervals in whole points, each under the others."""
    ends = [f"[{_signed(e.low, 0)}, {_signed(e.high, 0)}]" if e else "" for e in estimates]
    width = max(map(len, ends), default=0)
    return tuple(
        f"{_signed(estimate.value, 1)} {end:>{width}}" if estimate else NO_NUMBER
        for estimate, end in zip(estimates, ends, strict=True)
    )


def probability(p: float) -> str:
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _signed(value: float, decimals: int) -> str:
    """Percentage points with their sign; nothing has none."""
    points = round(100 * value, decimals)
    return f"{points:+.{decimals}f}" if points else f"{0:.{decimals}f}"


def _cell(number: str) -> Text:
    return Text(number, style="bright_black" if number == NO_NUMBER else "")


def _folded(name: str, width: int) -> Text:
    """A task's name on as many lines as it needs, broken after "_", "." or "+"."""
    lines = [""]
    for part in re.findall(r"[^_.+]*[_.+]?", name):
        if lines[-1] and len(lines[-1] + part) > max(width, 8):
            lines.append("  ")
        lines[-1] += part
    return Text("\n".join(lines))
