"""The result table of a run in the terminal, readable at 80 columns and without colour."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mma_eval.eval.score import is_control, twin_of
from mma_eval.eval.scorecard import AbstentionSummary, Estimate, RunScores, Share, TaskScore
from mma_eval.types import Attribution

NO_NUMBER = "-"
NARROWEST_BAR, WIDEST_BAR = 10, 40
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


@dataclass(frozen=True)
class _Column:
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
    def fitting(cls, width: int, columns: Sequence[_Column], longest: int) -> _Layout:
        """The airiest layout that keeps the longest name on one line, else the tightest."""
        for gap, narrow in ((2, False), (1, False), (1, True)):
            taken = sum(column.width(narrow) + gap for column in columns)
            layout = cls(gap, narrow, max(width - taken, 8))
            if layout.name >= longest:
                break
        return layout


def print_results(
    console: Console,
    scores: RunScores,
    *,
    model: str,
    dataset: str,
    run_path: Path,
    baseline: str | None,
    next_command: str,
) -> None:
    """Print the numbers of a run, where its wrong answers came from, and what to do next.

    `baseline` says what the aligned baseline is, or the command that makes it; None where the run
    holds it itself.
    """
    shown = [score for score in scores.tasks if not is_control(score.task)]
    console.print()
    console.print(Text(f"{model} on {dataset}", style="bold"))
    console.print()
    console.print(_numbers(console, shown))
    _print_notes(console, shown)
    _print_attribution(console, shown)
    if scores.abstentions:
        _print_abstentions(console, scores.abstentions)
    _print_failures(console, scores)
    _print_next(console, scores, run_path, baseline, next_command)


def _numbers(console: Console, shown: Sequence[TaskScore]) -> Table:
    columns = [
        _Column("n", tuple(str(score.n) for score in shown)),
        _Column("accuracy\n95 % CI", _with_intervals([s.accuracy for s in shown]), "bold"),
    ]
    if any(score.conflicts for score in shown):
        columns.append(_Column("both\nright", _percents(s.both_right for s in shown)))
    if any(score.leak for score in shown):
        columns.append(_Column("leak", _percents(s.leak for s in shown)))
    columns += [
        _Column("macro", _percents(s.macro_accuracy for s in shown)),
        _Column("chance", _percents(s.chance for s in shown), "dim"),
        _Column("unparsed", _percents(s.unparsed_rate for s in shown), narrow="un-\nparsed"),
        _Column("coverage", _percents(s.coverage for s in shown), narrow="cov."),
    ]
    return _table(console, [score.task for score in shown], columns)


def _table(
    console: Console,
    names: Sequence[str],
    columns: Sequence[_Column],
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


def _cell(number: str) -> Text:
    return Text(number, style="bright_black" if number == NO_NUMBER else "")


def _print_notes(console: Console, shown: Sequence[TaskScore]) -> None:
    """What the table cannot say in a column."""
    console.print()
    console.print(Text("All in %. Accuracy: correct of all answered or declined.", style="dim"))
    lacking = [s.task for s in shown if s.conflicts and s.both_right is None]
    twins = [twin for task in lacking if (twin := twin_of(task))]
    if twins:
        console.print(Text(f"Both right needs the twin task too: {', '.join(twins)}.", style="dim"))
    if any(score.leak for score in shown):
        leak = "Leak: how often the label of the removed stream is named; lower is better."
        console.print(Text(leak, style="dim"))
    lenient = [
        f"{score.task} {_percent(score.lenient_accuracy)}"
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
    columns = [_Column("wrong", _percents(1 - s.correct / s.answered for s in erring), "bold")]
    for source, (heading, narrow, colour) in SOURCES.items():
        if any(score.attribution.get(source) for score in erring):
            cells = _percents(_attributed(score, source) for score in erring)
            columns.append(_Column(heading, cells, colour, narrow))

    def bars(width: int) -> list[Text]:
        return [_bar(score, width) for score in erring]

    _print_heading(console, "What the wrong answers named, % of all answers")
    names = [score.task for score in erring]
    # Without colour the parts of a bar look alike.
    console.print(_table(console, names, columns, bars if console.color_system else None))


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


def _print_abstentions(console: Console, summaries: Sequence[AbstentionSummary]) -> None:
    columns = [
        _Column("recall\n95 % CI", _with_intervals([s.recall for s in summaries]), "bold"),
        _Column("false,\naligned", _percents(s.false_aligned for s in summaries)),
        _Column("false, other\nremoved", _percents(s.false_irrelevant for s in summaries)),
        _Column("balanced\naccuracy", _percents(s.balanced_accuracy for s in summaries)),
    ]
    _print_heading(console, "Declining when the stream is gone, and only then, %")
    console.print(_table(console, [summary.task for summary in summaries], columns))


def _print_heading(console: Console, text: str) -> None:
    console.print()
    console.print(Text(text, style="bold"))
    console.print()


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


def _print_next(
    console: Console,
    scores: RunScores,
    run_path: Path,
    baseline: str | None,
    next_command: str,
) -> None:
    """The aligned baseline or how to get it, where the run is, what to type next."""
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
        f"{score.ask} {_percent(score.accuracy)}"
        for score in tasks
        if re.fullmatch(r"aligned_(visual|audio)", score.task) and score.accuracy
    ]
    return [f"aligned: {', '.join(named)}"] if named else []


def _percent(number: Share | Estimate | float | None) -> str:
    """One decimal, and none for 100; a dash where there is no number."""
    if number is None:
        return NO_NUMBER
    if isinstance(number, Share):
        number = number.rate
    elif isinstance(number, Estimate):
        number = number.value
    return "100" if number == 1 else f"{100 * number:.1f}"


def _percents(numbers: Iterable[Share | Estimate | float | None]) -> tuple[str, ...]:
    return tuple(_percent(number) for number in numbers)


def _with_intervals(shares: Sequence[Share | None]) -> tuple[str, ...]:
    """Percentages with their intervals in whole percent, each aligned with the others."""
    ends = [f"[{100 * s.low:.0f}-{100 * s.high:.0f}]" if s else "" for s in shares]
    width = max(map(len, ends), default=0)
    return tuple(
        f"{_percent(share)} {end:>{width}}" if share else NO_NUMBER
        for share, end in zip(shares, ends, strict=True)
    )


def _attributed(score: TaskScore, source: Attribution) -> float | None:
    """None where this source cannot occur in the task."""
    count = score.attribution.get(source)
    return None if count is None else count / score.answered


def _reads_otherwise(score: TaskScore) -> bool:
    lenient, strict = score.lenient_accuracy, score.accuracy
    return lenient is not None and strict is not None and lenient.k != strict.k


def _folded(name: str, width: int) -> Text:
    """A task's name on as many lines as it needs, broken after "_", "." or "+"."""
    lines = [""]
    for part in re.findall(r"[^_.+]*[_.+]?", name):
        if lines[-1] and len(lines[-1] + part) > max(width, 8):
            lines.append("  ")
        lines[-1] += part
    return Text("\n".join(lines))


def _plain(status: str) -> str:
    return status.replace("_", " ")
