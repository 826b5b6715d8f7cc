"""Accuracy by target class and task, the hardest classes first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, pairwise

from mma_eval.eval.score import is_control
from mma_eval.eval.scorecard import ClassTable, RunScores, Share
from mma_eval.report.svg.conditions import Condition
from mma_eval.report.svg.drawing import WIDE, Drawing
from mma_eval.report.svg.frame import (
    Key,
    draw_heading,
    draw_legend,
    draw_notes,
    draw_nothing,
    inner_width,
    margin,
    swatch,
)
from mma_eval.report.svg.lettering import SMALL, text_width
from mma_eval.report.svg.palette import MISSING, Colour, asked_colour, shade
from mma_eval.types import NONE_OF_THE_ABOVE, Ask

_ROW = 19.0
_APART = 3.0
_WIDEST_CELL = 58.0
_NUMBERED = 24.0
"""The width from which a cell has room for its number."""
_LONGEST_HEADING = 190.0
_LETTERS = {"visual": "V", "audio": "A"}


def class_heat_map(name: str, scores: RunScores, *, width: int = WIDE) -> str:
    """Classes by tasks; deeper is better; what has no sample is hatched."""
    title = f"{name} by class"
    tables = _by_condition(scores.classes)
    if not tables:
        return draw_nothing(title, width, "No task has a table by class.")
    classes = hardest_first(tables)
    drawing = Drawing(width, title, _description(tables))
    subtitle = (
        "Right answers in % by class, the hardest first. V: asked what it sees; A: what it hears."
    )
    top = draw_heading(drawing, title, subtitle)
    keys = [Key(f"{100 * share:.0f} %", swatch(shade(share))) for share in (0, 0.5, 1)]
    top = draw_legend(drawing, top, [*keys, Key("no sample", swatch(MISSING))])
    columns = [_Column(table.task, _asked(scores, table.task)) for table in tables]
    grid = _Grid.of(drawing, columns, classes, top)
    _draw_headings(drawing, grid, columns)
    for at, label in enumerate(classes):
        y = grid.top + at * _ROW
        drawing.text(grid.left - 7, y + 13.5, label, size=SMALL, anchor="end", room=grid.labels)
    for place, table in enumerate(tables):
        shares = {score.label: score.accuracy for score in table.classes}
        with drawing.marked(table.task):
            for at, label in enumerate(classes):
                _draw_cell(drawing, grid, place, at, label, shares.get(label))
    return drawing.finish(draw_notes(drawing, grid.top + _ROW * len(classes) + 2, []))


def _by_condition(tables: Iterable[ClassTable]) -> list[ClassTable]:
    """Tables with classes, without controls; those of one condition stand together."""
    shown = [table for table in tables if table.classes and not is_control(table.task)]
    order = list(dict.fromkeys(Condition.of(table.task) for table in shown))
    return sorted(shown, key=lambda table: order.index(Condition.of(table.task)))


def hardest_first(tables: Sequence[ClassTable]) -> list[str]:
    """Classes by their accuracy over all samples of all tasks; equals by name.

    Declining is no class of clips and comes last.
    """
    right: dict[str, int] = {}
    asked: dict[str, int] = {}
    for score in (score for table in tables for score in table.classes):
        right[score.label] = right.get(score.label, 0) + score.accuracy.k
        asked[score.label] = asked.get(score.label, 0) + score.accuracy.n
    return sorted(
        asked, key=lambda name: (name == NONE_OF_THE_ABOVE, right[name] / asked[name], name)
    )


@dataclass(frozen=True)
class _Column:
    task: str
    ask: Ask | None

    @property
    def condition(self) -> Condition:
        return Condition.of(self.task)


@dataclass(frozen=True)
class _Grid:
    left: float
    top: float
    cell: float
    labels: float
    """Room for the name of a class."""
    headings: float
    """Room for the words of a condition, which are turned."""
    lefts: tuple[float, ...]
    """The left edge of each column; conditions stand a little apart."""

    @classmethod
    def of(
        cls, drawing: Drawing, columns: Sequence[_Column], classes: Sequence[str], top: float
    ) -> _Grid:
        changes = [one.condition != two.condition for one, two in pairwise(columns)]
        apart = min(_APART, 0.1 * inner_width(drawing) / len(columns))
        room = inner_width(drawing) - 7 - apart * sum(changes)
        longest = max(text_width(label, SMALL) for label in classes)
        share = 0.3 if drawing.width >= 480 else 0.36
        labels = min(longest, max(drawing.width * share, room - len(columns) * _WIDEST_CELL))
        left = margin(drawing) + labels + 7
        cell = min((room - labels) / len(columns), _WIDEST_CELL)
        lefts = accumulate((cell + apart * change for change in changes), initial=left)
        words = max(text_width(column.condition.words, SMALL) for column in columns)
        headings = min(words, _LONGEST_HEADING)
        return cls(left, top + headings + 26, cell, labels, headings, tuple(lefts))


def _draw_headings(drawing: Drawing, grid: _Grid, columns: Sequence[_Column]) -> None:
    """A condition's words over its columns, and under them the stream that each asks about."""
    places = groupby(enumerate(columns), key=lambda placed: placed[1].condition)
    for condition, group in places:
        members = [at for at, _ in group]
        middle = (grid.lefts[members[0]] + grid.lefts[members[-1]] + grid.cell) / 2
        y = grid.top - 20
        drawing.text(middle + 4, y, condition.words, size=SMALL, room=grid.headings, turned=True)
    for at, column in enumerate(columns):
        x = grid.lefts[at] + grid.cell / 2
        colour = asked_colour(column.ask)
        letter = _LETTERS.get(column.ask or "both", "")
        drawing.text(x, grid.top - 5, letter, colour, size=SMALL, anchor="middle", bold=True)


def _draw_cell(
    drawing: Drawing, grid: _Grid, place: int, row: int, label: str, share: Share | None
) -> None:
    x, y = grid.lefts[place], grid.top + row * _ROW
    colour = MISSING if share is None else shade(share.rate)
    counts = "no sample" if share is None else f"{share.k} of {share.n}"
    drawing.rect(x, y, grid.cell - 1, _ROW - 1, colour, tooltip=f"{label}: {counts}")
    if share is not None and grid.cell >= _NUMBERED:
        ink = Colour("on-shade", colour.ink, colour.ink)
        middle, number = x + (grid.cell - 1) / 2, f"{100 * share.rate:.0f}"
        drawing.text(middle, y + 13.5, number, ink, size=11, anchor="middle")


def _asked(scores: RunScores, task: str) -> Ask | None:
    return next((score.ask for score in scores.tasks if score.task == task), None)


def _description(tables: Sequence[ClassTable]) -> str:
    """The hardest and the easiest class of each task."""
    told = []
    for table in tables:
        ordered = sorted(table.classes, key=lambda score: score.accuracy.rate)
        ends = [f"{s.label} {100 * s.accuracy.rate:.0f} %" for s in (ordered[0], ordered[-1])]
        told.append(f"{table.task}: from {ends[0]} to {ends[1]}")
    return ". ".join(told)
