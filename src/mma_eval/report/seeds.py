"""Several seeds side by side on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from mma_eval.eval.analysis.seeds import SeedSummary
from mma_eval.report.columns import NO_NUMBER, Column, percent, percents, print_heading, table_of


def print_seeds(console: Console, summaries: Sequence[SeedSummary]) -> None:
    """Mean and standard deviation of each task's accuracy, and what every seed gave."""
    if not summaries:
        return
    columns = [
        Column("mean", percents(summary.spread.mean for summary in summaries), "bold"),
        Column("sd", tuple(_deviation(summary) for summary in summaries)),
        Column("measured", tuple(str(summary.spread.n) for summary in summaries)),
        Column("each seed", tuple(_each(summary) for summary in summaries), "dim"),
    ]
    print_heading(console, "Accuracy over seeds, %")
    console.print(table_of(console, [summary.task for summary in summaries], columns))
    if any(summary.spread.n < len(summary.accuracies) for summary in summaries):
        console.print()
        text = "Seeds that change nothing a task asks, decoded greedily, are measured once."
        console.print(Text(text, style="dim"))


def _deviation(summary: SeedSummary) -> str:
    deviation = summary.spread.deviation
    return NO_NUMBER if deviation is None else percent(deviation)


def _each(summary: SeedSummary) -> str:
    return " ".join(percent(accuracy) for accuracy in summary.accuracies)
