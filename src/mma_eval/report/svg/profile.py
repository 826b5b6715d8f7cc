"""The modality-robustness profile of one model: every condition, what it sees and what it hears."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mma_eval.eval.scorecard import RunScores, TaskScore
from mma_eval.models.card import Reported
from mma_eval.report.svg.conditions import (
    Condition,
    ConditionTasks,
    Headline,
    aligned_share,
    by_condition,
    published,
    sources_note,
)
from mma_eval.report.svg.drawing import WIDE, Drawing
from mma_eval.report.svg.frame import (
    Key,
    draw_heading,
    draw_legend,
    draw_notes,
    draw_nothing,
    draw_rules,
    draw_ticks,
    inner_width,
    margin,
)
from mma_eval.report.svg.lettering import BODY, SMALL
from mma_eval.report.svg.marks import (
    ALIGNED_KEY,
    CHANCE_KEY,
    LEAK_KEY,
    POINT_KEY,
    REPORTED_KEY,
    draw_chance,
    draw_point,
    draw_reference,
    draw_reported,
    spoken,
)
from mma_eval.report.svg.palette import BAND, MUTED, Colour, asked_colour
from mma_eval.report.svg.scale import Scale, percent

_QUESTIONS = {"visual": "Asked what it sees", "audio": "Asked what it hears"}
_SHORT_QUESTIONS = {"visual": "Sees", "audio": "Hears"}
_LABELS, _VALUES, _GAP = 204.0, 40.0, 20.0


def profile(
    name: str, scores: RunScores, *, reported: Sequence[Reported] = (), width: int = WIDE
) -> str:
    """One row a condition, one panel a modality asked about, values with 95 % intervals.

    Chance and the model's own aligned accuracy are reference lines, so that a drop is a distance.
    `reported` adds published numbers (percent) as hollow ticks.
    """
    title = f"What {name} sees and hears"
    rows = by_condition(scores.tasks)
    if not rows:
        return draw_nothing(title, width, "No task was scored.")
    drawing = Drawing(width, title, _description(rows))
    layout = _Layout.of(drawing, rows)
    subtitle = (
        "Right answers in % when picture, sound and text disagree. Each row changes one thing; "
        "the question stays the same."
    )
    top = draw_heading(drawing, title, subtitle) + 22
    for panel in layout.panels:
        questions = _QUESTIONS if layout.beside else _SHORT_QUESTIONS
        words = questions.get(panel.ask, "Both together")
        room = panel.values - panel.scale.left
        drawing.text(panel.scale.left, top, words, panel.colour, bold=True, room=room)
    top += 10
    bottom = top + layout.row_height * len(rows)
    for at in range(0, len(rows), 2):
        y = top + at * layout.row_height
        drawing.rect(margin(drawing), y, inner_width(drawing), layout.row_height, BAND)
    for panel in layout.panels:
        for at in range(len(rows)):
            y = layout.marks(top + at * layout.row_height)
            draw_rules(drawing, panel.scale, y - layout.reach, y + layout.reach)
        draw_ticks(drawing, panel.scale, bottom)
    results = published(scores.tasks, reported)
    for at, row in enumerate(rows):
        y = top + at * layout.row_height
        _label(drawing, layout, row.condition, y)
        for task in row.tasks:
            _task(drawing, layout, scores, task, y, results.get(task.task))
    y = draw_legend(drawing, bottom + 24, _keys(scores, rows, results))
    return drawing.finish(draw_notes(drawing, y, _notes(rows, results)))


@dataclass(frozen=True)
class _Panel:
    ask: str
    colour: Colour
    scale: Scale
    values: float
    """Right edge of the printed numbers."""


@dataclass(frozen=True)
class _Layout:
    """Labels beside the panels where there is room, else above each row."""

    panels: tuple[_Panel, ...]
    beside: bool
    row_height: float
    reach: float
    """From the middle of a row's marks up and down."""

    @classmethod
    def of(cls, drawing: Drawing, rows: Sequence[ConditionTasks]) -> _Layout:
        asked = {task.ask or "both" for row in rows for task in row.tasks}
        asks = [ask for ask in ("visual", "audio", "both") if ask in asked]
        beside = drawing.width >= 560
        left = margin(drawing) + (_LABELS if beside else 8)
        each = (drawing.width - margin(drawing) - left + _GAP) / len(asks)
        panels = []
        for at, ask in enumerate(asks):
            start = left + at * each
            end = start + each - _GAP
            scale = Scale(start + 7, end - _VALUES - 10)
            panels.append(_Panel(ask, asked_colour(ask), scale, end - 2))
        return cls(tuple(panels), beside, *((38.0, 19.0) if beside else (54.0, 14.0)))

    def panel(self, task: TaskScore) -> _Panel:
        return next(panel for panel in self.panels if panel.ask == (task.ask or "both"))

    def marks(self, top: float) -> float:
        """Where in a row its marks lie."""
        return top + (self.row_height / 2 if self.beside else 36)


def _label(drawing: Drawing, layout: _Layout, condition: Condition, top: float) -> None:
    left = margin(drawing) + 6
    if layout.beside:
        room = _LABELS - 8
        drawing.text(left, top + 16, condition.words, room=room)
        drawing.text(left, top + 31, condition.name, MUTED, size=SMALL, room=room)
        return
    room = inner_width(drawing) - 12
    drawing.text(left, top + 17, condition.words, size=BODY, bold=True, room=room)


def _task(
    drawing: Drawing,
    layout: _Layout,
    scores: RunScores,
    task: TaskScore,
    top: float,
    result: Reported | None,
) -> None:
    panel, headline = layout.panel(task), Headline.of(task)
    y = layout.marks(top)
    with drawing.marked(task.task, spoken(task.task, headline)):
        if task.chance is not None:
            draw_chance(drawing, panel.scale(task.chance), y - layout.reach, y + layout.reach)
        if result is not None:
            draw_reported(drawing, panel.scale, y, result.value / 100)
        if headline is None:
            drawing.text(panel.values, y + 4.5, "not scored", MUTED, size=SMALL, anchor="end")
            return
        aligned = aligned_share(scores, task)
        if aligned is not None:
            draw_reference(drawing, panel.scale, y, aligned.rate, headline.share.rate, panel.colour)
        draw_point(drawing, panel.scale, y, headline, panel.colour)
        leaks = headline.metric == "leak"
        value = percent(headline.share.rate)
        drawing.text(panel.values, y + (1 if leaks else 4.5), value, anchor="end", bold=not leaks)
        if leaks:
            drawing.text(panel.values, y + 14, "leak", MUTED, size=SMALL, anchor="end")


def _keys(
    scores: RunScores, rows: Sequence[ConditionTasks], results: dict[str, Reported]
) -> list[Key]:
    tasks = [task for row in rows for task in row.tasks]
    keys = [POINT_KEY]
    if any(aligned_share(scores, task) for task in tasks):
        keys.append(ALIGNED_KEY)
    if any(task.chance is not None for task in tasks):
        keys.append(CHANCE_KEY)
    if any(task.accuracy is None and task.leak for task in tasks):
        keys.append(LEAK_KEY)
    if any(task.task in results for task in tasks):
        keys.append(REPORTED_KEY)
    return keys


def _notes(rows: Sequence[ConditionTasks], results: dict[str, Reported]) -> list[str]:
    counts = [task.answered for row in rows for task in row.tasks]
    fewest, most = min(counts), max(counts)
    answers = str(fewest) if fewest == most else f"{fewest} to {most}"
    return [f"{answers} answers to each task.", *sources_note(results.values())]


def _description(rows: Sequence[ConditionTasks]) -> str:
    return ". ".join(spoken(task.task, Headline.of(task)) for row in rows for task in row.tasks)
