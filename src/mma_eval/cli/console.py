"""Consoles and the progress bar of the command line.

What is shown is shown as it is: a path or an answer with `:dog:` in it holds no emoji.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

PIPED_WIDTH = 100
SECONDS_BETWEEN_LINES = 30.0


def output() -> Console:
    """Standard output; a fixed width when it is not a terminal."""
    return Console(width=None if sys.stdout.isatty() else PIPED_WIDTH, highlight=False, emoji=False)


def canvas() -> Console:
    """A console that only records what is printed, in colour, for a picture."""
    return Console(
        record=True,
        file=io.StringIO(),
        width=PIPED_WIDTH,
        force_terminal=True,
        highlight=False,
        emoji=False,
    )


def diagnostics() -> Console:
    """Standard error: progress, warnings and errors."""
    return Console(stderr=True, highlight=False, emoji=False)


class RateColumn(ProgressColumn):
    """Answers a second, over the last while."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f}/s", style="progress.data.speed")


class AnswerBar:
    """Progress with rate and remaining time; the bar appears with the first report."""

    def __init__(self, progress: Progress, label: str) -> None:
        self._progress = progress
        self._label = label

    @cached_property
    def _task(self) -> TaskID:
        return self._progress.add_task(self._label, total=None)

    def begin(self, total: int) -> None:
        self._progress.update(self._task, total=total)

    def advance(self, answers: int) -> None:
        self._progress.advance(self._task, answers)

    def report(self, done: int, total: int) -> None:
        """Absolute progress, for work that counts itself."""
        self._progress.update(self._task, total=total, completed=done)


class ProgressLines:
    """The same where no terminal is: a line now and then, as a cluster's log wants it."""

    def __init__(self, console: Console, label: str) -> None:
        self._console = console
        self._label = label
        self._total = 0
        self._done = 0
        self._start = self._last = time.monotonic()

    def begin(self, total: int) -> None:
        self._total = total

    def advance(self, answers: int) -> None:
        self.report(self._done + answers, self._total)

    def report(self, done: int, total: int) -> None:
        """Absolute progress, for work that counts itself."""
        self._done, self._total = done, total
        now = time.monotonic()
        if now - self._last < SECONDS_BETWEEN_LINES:
            return
        self._last = now
        rate = done / (now - self._start)
        left = (total - done) / rate if rate else 0.0
        self._console.print(
            f"{self._label}: {done}/{total}, {rate:.1f}/s, {left / 60:.0f} min left",
            markup=False,
            soft_wrap=True,
        )


def step_bars(console: Console) -> Progress:
    """Bars for the steps of a training, each with a `note` beside it."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=console,
    )


@contextmanager
def answer_bar(label: str) -> Iterator[AnswerBar | ProgressLines]:
    """Progress on standard error, which leaves standard output clean."""
    console = diagnostics()
    if not console.is_terminal:
        yield ProgressLines(console, label)
        return
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        RateColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        console=console,
    ) as progress:
        yield AnswerBar(progress, label)
