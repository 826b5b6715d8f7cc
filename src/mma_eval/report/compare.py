"""A comparison on the terminal, readable at 80 columns and without colour, and its flips as CSV."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mma_eval.eval.analysis.compare import SIGNIFICANT, Comparison, Flip, TaskComparison
from mma_eval.report.columns import (
    Column,
    changes,
    percents,
    print_heading,
    probability,
    table_of,
)
from mma_eval.report.export.spreadsheet import csv_lines

FLIP_COLUMNS = tuple(Flip.model_fields)
LONGEST_ANSWER = 40


def print_comparison(console: Console, comparison: Comparison, *, flips: int | None) -> None:
    """Print what is compared, the numbers, and at most `flips` flips in all (None: every one)."""
    _print_sides(console, comparison)
    console.print(_numbers(console, comparison.tasks))
    _print_notes(console, comparison)
    _print_flips(console, comparison, flips)


def flip_lines(comparison: Comparison) -> Iterable[str]:
    """Every flip as a line of CSV."""
    rows = (
        [getattr(flip, column) for column in FLIP_COLUMNS]
        for task in comparison.tasks
        for flip in task.flips
    )
    return csv_lines(FLIP_COLUMNS, rows)


def _print_sides(console: Console, comparison: Comparison) -> None:
    if comparison.confounds:
        warning = "The two sides were not asked the same; the numbers mix that in:"
        console.print(Text(warning, style="bold yellow"))
        for found in comparison.confounds:
            console.print(Text(f"  {found.sentence()}", style="yellow"))
        console.print()
    for letter, side, model in (
        ("A", comparison.first, comparison.first_model),
        ("B", comparison.second, comparison.second_model),
    ):
        console.print(Text.assemble((f"{letter}  ", "bold"), f"{side} ({model})"), soft_wrap=True)
    differing = [found.sentence() for found in comparison.contrasts]
    for line in differing or ["the same model, adapter, seeds and conditions"]:
        console.print(Text(f"   {line}", style="dim"))
    console.print()


def _numbers(console: Console, tasks: Sequence[TaskComparison]) -> Table:
    columns = [
        Column("pairs", tuple(str(task.pairs) for task in tasks)),
        Column("A", percents(task.first for task in tasks)),
        Column("B", percents(task.second for task in tasks)),
        Column("B - A\n95 % CI", changes([task.difference for task in tasks]), "bold"),
        Column("only A", tuple(str(task.only_first) for task in tasks), narrow="only\nA"),
        Column("only B", tuple(str(task.only_second) for task in tasks), narrow="only\nB"),
        Column("p", tuple(probability(task.p) for task in tasks)),
    ]
    if len(tasks) > 1:
        corrected = tuple(probability(task.p_holm) for task in tasks)
        columns.append(Column("p, Holm", corrected, narrow="p,\nHolm"))
    return table_of(console, [_title(task) for task in tasks], columns)


def _print_notes(console: Console, comparison: Comparison) -> None:
    lines = [
        "A, B: right in % of the pairs. Interval: resampled by clip. p: exact McNemar"
        + (f", Holm over {len(comparison.tasks)}." if len(comparison.tasks) > 1 else ".")
    ]
    leaks = [task.first_task for task in comparison.tasks if task.measure == "leak"]
    if leaks:
        lines.append(
            f"Leak, not accuracy, in {', '.join(leaks)}: the removed label named; lower is better."
        )
    lines += _undecided(comparison.tasks)
    lines += _left_over(comparison.tasks)
    lines += [f"Not compared: {none.task}: {none.reason}." for none in comparison.not_compared]
    console.print()
    for line in lines:
        console.print(Text(line, style="dim"))


def _undecided(tasks: Iterable[TaskComparison]) -> list[str]:
    """What is not significant, with the smallest difference that these pairs would have shown."""
    together: dict[str, list[str]] = {}
    for task in tasks:
        if task.p_holm >= SIGNIFICANT:
            together.setdefault(_could_show(task), []).append(_title(task))
    return [f"Not significant: {', '.join(names)}; {what}." for what, names in together.items()]


def _could_show(task: TaskComparison) -> str:
    if task.smallest_detectable is None:
        return f"{task.pairs} pairs are too few to show any difference"
    points = 100 * task.smallest_detectable
    return f"{task.pairs} pairs show {points:.0f} points or more with 80 % power"


def _left_over(tasks: Iterable[TaskComparison]) -> list[str]:
    """Answered samples without a partner, tasks with equal counts together."""
    together: dict[tuple[int, int], list[str]] = {}
    for task in tasks:
        if task.left_first or task.left_second:
            together.setdefault((task.left_first, task.left_second), []).append(_title(task))
    return [
        f"Answered, but without a partner: {first} of A, {second} of B in {', '.join(names)}."
        for (first, second), names in together.items()
    ]


def _print_flips(console: Console, comparison: Comparison, limit: int | None) -> None:
    flipped = [task for task in comparison.tasks if task.flips]
    left = sum(len(task.flips) for task in flipped) if limit is None else limit
    for task in flipped:
        shown = task.flips[:left]
        left -= len(shown)
        if not shown:
            break
        print_heading(console, f"Flips in {_title(task)}: {len(task.flips)} of {task.pairs} pairs")
        console.print(_flip_table(task, shown))
    hidden = sum(len(task.flips) for task in flipped) - limit if limit is not None else 0
    if hidden > 0:
        more = f"\n{hidden} more flips: --flips all, or --flips-to FILE.csv"
        console.print(Text(more, style="dim"))


def _flip_table(task: TaskComparison, flips: Iterable[Flip]) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0),
        header_style="bold",
    )  # fmt: skip
    right = "right" if task.measure == "accuracy" else "names it"
    for heading in ("clip", "target", "A answered", "B answered", right):
        table.add_column(heading, overflow="fold")
    for flip in flips:
        cells = (flip.source, flip.target, flip.first_answer, flip.second_answer)
        table.add_row(*(Text(_one_line(cell)) for cell in cells), "A" if flip.first_right else "B")
    return table


def _one_line(text: str) -> str:
    """Printable and short: an answer may hold anything, escape sequences too."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= LONGEST_ANSWER else f"{line[: LONGEST_ANSWER - 3]}..."


def _title(task: TaskComparison) -> str:
    same = task.first_task == task.second_task
    return task.first_task if same else f"{task.first_task} against {task.second_task}"
