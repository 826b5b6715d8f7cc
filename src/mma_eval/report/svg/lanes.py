"""One lane a task, grouped by condition: the layout of the plots that have one wide scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mma_eval.eval.scorecard import TaskScore
from mma_eval.report.svg.conditions import ConditionTasks
from mma_eval.report.svg.drawing import Drawing
from mma_eval.report.svg.frame import inner_width, margin
from mma_eval.report.svg.lettering import SMALL
from mma_eval.report.svg.palette import BAND, MUTED, asked_colour

_LABELS, _ASKED, _PADDING = 192.0, 42.0, 7.0
_HEADING = 20.0
_WORDS = {"visual": "sees", "audio": "hears"}


@dataclass(frozen=True)
class Lane:
    """A task and the middle of its lane."""

    task: TaskScore
    y: float


@dataclass(frozen=True)
class Lanes:
    """Where the lanes lie; `left` to `right` is theirs to fill."""

    lanes: tuple[Lane, ...]
    left: float
    right: float
    bottom: float


def draw_lanes(
    drawing: Drawing, rows: Sequence[ConditionTasks], top: float, height: float
) -> Lanes:
    """Bands, conditions in words and the stream asked about; labels above where room is short."""
    beside = drawing.width >= 560
    start = margin(drawing) + 6
    left = start + (_LABELS if beside else 0) + _ASKED
    lanes: list[Lane] = []
    y = top
    for at, row in enumerate(rows):
        lead = _PADDING if beside else _HEADING + 2
        least = 40.0 if beside else 0.0
        tall = max(lead + height * len(row.tasks) + _PADDING, least)
        if at % 2 == 0:
            drawing.rect(margin(drawing), y, inner_width(drawing), tall, BAND)
        room = _LABELS - 6 if beside else inner_width(drawing) - 12
        drawing.text(start, y + 17, row.condition.words, bold=not beside, room=room)
        if beside:
            drawing.text(start, y + 32, row.condition.name, MUTED, size=SMALL, room=room)
        first = y + lead + (tall - lead - _PADDING - height * len(row.tasks)) / 2
        for place, task in enumerate(row.tasks):
            middle = first + height * (place + 0.5)
            words, colour = _WORDS.get(task.ask or "both", ""), asked_colour(task.ask)
            drawing.text(left - _ASKED, middle + 4, words, colour, size=SMALL)
            lanes.append(Lane(task, middle))
        y += tall
    return Lanes(tuple(lanes), left, drawing.width - margin(drawing) - 4, y)
