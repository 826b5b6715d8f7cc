"""The result table of a run in the terminal, readable at 80 columns and without colour."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mma_eval.eval.scorecard import RunScores, TaskScore
from mma_eval.eval.task_names import is_control, twin_of
from mma_eval.report.columns import (
    Column,
    percent,
    percents,
    print_heading,
    table_of,
    with_intervals,
)
from mma_eval.report.robustness import (
    print_abstentions,
    print_drops,
    print_followings,
    print_leaks,
)
from mma_eval.types import Attribution

SOURCES = {
    Attribution.OTHER_MODALITY: ("other\nmodality", None, "red"),
    Attribution.CAPTION: ("caption", None, "magenta"),
    Attribution.REMOVED: ("removed", "re-\nmoved", "yellow"),
    Attribution.ABSTENTION: ("abstained", "ab-\nstained", "blue"),
    Attribution.OTHER_OPTION: ("other\noption", None, "cyan"),
    Attribution.SEVERAL_OPTIONS: ("several", "sev-\neral", "bright_black"),
    Attribution.NOTHING: ("nothing", "noth-\ning", "white"),
}
"""Heading, narrow heading and colour of each source of a wrong answer, in order of interest."""


def print_results(console: Console, scores: RunScores, *, model: str, dataset: str) -> None:
    """Print the numbers of a run and where its wrong answers came from."""
    shown = [score for score in scores.tasks if not is_control(score.task)]
    console.print()
    console.print(Text(f"{model} on {dataset}", style="bold"))
    console.print()
    console.print(_numbers(console, shown))
    _print_notes(console, shown)
    print_drops(console, scores.drops)
    _print_attribution(console, shown)
    print_followings(console, scores.followings, shown)
    print_leaks(console, shown)
    print_abstentions(console, scores.abstentions)
    _print_failures(console, scores)


def _numbers(console: Console, shown: Sequence[TaskScore]) -> Table:
    columns = [
        Column("n", tuple(str(score.n) for score in shown)),
        Column("accuracy\n95 % CI", with_intervals([s.accuracy for s in shown]), "bold"),
    ]
    if any(score.conflicts for score in shown):
        columns.append(Column("both\nright", percents(s.both_right for s in shown)))
    columns += [
        Column("macro", percents(s.macro_accuracy for s in shown)),
        Column("chance", percents(s.chance for s in shown), "dim"),
        Column("unparsed", percents(s.unparsed_rate for s in shown), narrow="un-\nparsed"),
        Column("coverage", percents(s.coverage for s in shown), narrow="cov."),
    ]
    return table_of(console, [score.task for score in shown], columns)


def _print_notes(console: Console, shown: Sequence[TaskScore]) -> None:
    """What the table cannot say in a column."""
    console.print()
    console.print(Text("All in %. Accuracy: correct of all answered or declined.", style="dim"))
    lacking = [s.task for s in shown if s.conflicts and s.both_right is None]
    twins = [twin for task in lacking if (twin := twin_of(task))]
    if twins:
        console.print(Text(f"Both right needs the twin task too: {', '.join(twins)}.", style="dim"))
    lenient = [
        f"{score.task} {percent(score.lenient_accuracy)}"
        for score in shown
        if _reads_otherwise(score)
    ]
    if lenient:
        text = "Accuracy by the lenient reading (first option mentioned anywhere): "
        console.print(Text(text + ", ".join(lenient) + ".", style="dim"))


def _print_attribution(console: Console, shown: Sequence[TaskScore]) -> None:
    """Where the answers that are not correct came from, as shares of all answered."""
    erring = [score for score in shown if score.correct < score.answered]
    if not erring:
        return
    columns = [Column("wrong", percents(1 - s.correct / s.answered for s in erring), "bold")]
    for source, (heading, narrow, colour) in SOURCES.items():
        if any(score.attribution.get(source) for score in erring):
            cells = percents(_attributed(score, source) for score in erring)
            columns.append(Column(heading, cells, colour, narrow))

    def bars(width: int) -> list[Text]:
        return [_bar(score, width) for score in erring]

    print_heading(console, "What the wrong answers named, % of all answers")
    names = [score.task for score in erring]
    # Without colour the parts of a bar look alike.
    console.print(table_of(console, names, columns, bars if console.color_system else None))


def _bar(score: TaskScore, width: int) -> Text:
    """Stacked sources, `width` cells for all answers; largest remainders fill it exactly."""
    parts = [(style, score.attribution.get(key, 0)) for key, (_, _, style) in SOURCES.items()]
    wrong = sum(count for _, count in parts)
    total = round(width * wrong / score.answered)
    exact = [total * count / wrong if wrong else 0.0 for _, count in parts]
    cells = [int(length) for length in exact]
    by_remainder = sorted(range(len(parts)), key=lambda at: cells[at] - exact[at])
    for at in by_remainder[: total - sum(cells)]:
        cells[at] += 1
    pieces = [("\u2588" * n, colour) for n, (colour, _) in zip(cells, parts, strict=True) if n]
    return Text.assemble(*pieces)


def _print_failures(console: Console, scores: RunScores) -> None:
    """Samples without a score, by reason, over every task of the run."""
    failed: dict[str, int] = {}
    for score in scores.tasks:
        for status, count in score.failures.items():
            failed[status.value] = failed.get(status.value, 0) + count
    lines = []
    if failed:
        reasons = ", ".join(f"{count} {_plain(status)}" for status, count in failed.items())
        lines.append((f"Failed, left out, asked again by the next run: {reasons}.", "red"))
    for count, text, style in (
        (sum(s.unanswered for s in scores.tasks), "Not asked yet", "yellow"),
        (sum(s.not_applicable for s in scores.tasks), "Not applicable to this model", "dim"),
        (sum(s.refused for s in scores.tasks), "Refused by the model, counted as wrong", "yellow"),
        (
            sum(s.context_overflow for s in scores.tasks),
            "Too long for the model's context, counted as wrong",
            "yellow",
        ),
    ):
        if count:
            lines.append((f"{text}: {count}.", style))
    if lines:
        console.print()
    for line, style in lines:
        console.print(Text(line, style=style))


def print_next(
    console: Console,
    scores: RunScores,
    *,
    run_path: Path,
    baseline: str | None,
    next_command: str,
) -> None:
    """Print the aligned baseline or how to get it, where the run is, and what to type next.

    `baseline` says what the aligned baseline is, or the command that makes it; None where the run
    holds it itself.
    """
    rows = [("Baseline", baseline) for baseline in _baselines(scores.tasks)]
    if baseline is not None:
        rows.append(("Baseline", baseline))
    rows += [("Run", str(run_path)), ("Next", next_command)]
    width = max(len(name) for name, _ in rows)
    console.print()
    for name, text in rows:
        # Commands and paths stay on one line, or they could not be copied.
        line = Text.assemble((f"{name:<{width}}  ", "bold"), text)
        console.print(line, soft_wrap=True, highlight=False)


def _baselines(tasks: Iterable[TaskScore]) -> list[str]:
    """The aligned accuracies of the run on one line, or nothing."""
    named = [
        f"{score.ask} {percent(score.accuracy)}"
        for score in tasks
        if re.fullmatch(r"aligned_(visual|audio)", score.task) and score.accuracy
    ]
    return [f"aligned: {', '.join(named)}"] if named else []


def _attributed(score: TaskScore, source: Attribution) -> float | None:
    """None where this source cannot occur in the task."""
    count = score.attribution.get(source)
    return None if count is None else count / score.answered


def _reads_otherwise(score: TaskScore) -> bool:
    lenient, strict = score.lenient_accuracy, score.accuracy
    return lenient is not None and strict is not None and lenient.k != strict.k


def _plain(status: str) -> str:
    return status.replace("_", " ")
