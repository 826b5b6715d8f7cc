"""Where the answers of each task went: right, or what a wrong one named."""

from __future__ import annotations

from collections.abc import Sequence

from mma_eval.eval.scorecard import RunScores, TaskScore
from mma_eval.report.svg.conditions import by_condition
from mma_eval.report.svg.drawing import WIDE, Drawing
from mma_eval.report.svg.frame import (
    Key,
    draw_heading,
    draw_legend,
    draw_notes,
    draw_nothing,
    swatch,
)
from mma_eval.report.svg.lanes import Lane, draw_lanes
from mma_eval.report.svg.lettering import SMALL, text_width
from mma_eval.report.svg.palette import CORRECT, INK, MISSING, MUTED, SOURCES, Colour
from mma_eval.report.svg.scale import Scale
from mma_eval.types import Attribution

_LANE, _BAR = 23.0, 18.0
_COUNTS = 42.0
_WORDS = {
    Attribution.OTHER_MODALITY: "other modality",
    Attribution.CAPTION: "caption",
    Attribution.REMOVED: "removed stream",
    Attribution.ABSTENTION: "declined",
    Attribution.OTHER_OPTION: "other option",
    Attribution.SEVERAL_OPTIONS: "several options",
    Attribution.NOTHING: "no option",
}
_PARTS = (
    ("right", CORRECT),
    *((_WORDS[source], colour) for source, colour in SOURCES.items()),
    ("wrong, not attributed", MISSING),
)


def attribution(name: str, scores: RunScores, *, width: int = WIDE) -> str:
    """One stacked bar a task, as long as all its answers, with percentages where there is room."""
    title = f"Where the answers of {name} went"
    rows = by_condition(scores.tasks)
    if not rows:
        return draw_nothing(title, width, "No task was scored.")
    tasks = [task for row in rows for task in row.tasks]
    drawing = Drawing(width, title, ". ".join(map(_spoken, tasks)))
    subtitle = "What each answer named, in % of all answers to the task; at the right their number."
    y = draw_heading(drawing, title, subtitle)
    y = draw_legend(drawing, y, _keys(tasks)) + 6
    lanes = draw_lanes(drawing, rows, y, _LANE)
    scale = Scale(lanes.left, lanes.right - _COUNTS)
    for lane in lanes.lanes:
        _bar(drawing, scale, lane, lanes.right)
    return drawing.finish(draw_notes(drawing, lanes.bottom, []))


def _bar(drawing: Drawing, scale: Scale, lane: Lane, right: float) -> None:
    task, y = lane.task, lane.y
    with drawing.marked(task.task, _spoken(task)):
        drawing.text(right, y + 4, str(task.answered), MUTED, size=SMALL, anchor="end")
        if task.answered == 0:
            drawing.text(scale.left, y + 4, "no answers", MUTED, size=SMALL)
            return
        done = 0
        for count, (_, colour) in zip(_counts(task), _PARTS, strict=True):
            if count == 0:
                continue
            start, end = scale(done / task.answered), scale((done + count) / task.answered)
            drawing.rect(start, y - _BAR / 2, max(end - start - 1, 0.75), _BAR, colour)
            label = f"{100 * count / task.answered:.0f}"
            if end - start >= text_width(label, SMALL, bold=True) + 8:
                middle = (start + end - 1) / 2
                _print(drawing, middle, y, label, colour)
            done += count


def _print(drawing: Drawing, x: float, y: float, label: str, colour: Colour) -> None:
    """The number in a segment, on a patch of plain colour where the segment has a texture."""
    if colour.texture is not None:
        room = text_width(label, SMALL, bold=True) + 4
        plain = Colour(colour.role, colour.light, colour.dark)
        drawing.rect(x - room / 2, y - 7, room, 14, plain, corner=2)
    ink = INK if colour is MISSING else Colour("on-bar", colour.ink, colour.ink)
    drawing.text(x, y + 4, label, ink, size=SMALL, anchor="middle", bold=True)


def _counts(task: TaskScore) -> list[int]:
    """Answers by part, in the order of `_PARTS`."""
    named = [task.attribution.get(source, 0) for source in SOURCES]
    return [task.correct, *named, max(task.answered - task.correct - sum(named), 0)]


def _keys(tasks: Sequence[TaskScore]) -> list[Key]:
    """Only the parts that occur."""
    totals = [sum(counts) for counts in zip(*map(_counts, tasks), strict=True)]
    return [
        Key(words, swatch(colour))
        for total, (words, colour) in zip(totals, _PARTS, strict=True)
        if total
    ]


def _spoken(task: TaskScore) -> str:
    named = [
        f"{words} {count}" for count, (words, _) in zip(_counts(task), _PARTS, strict=True) if count
    ]
    return f"{task.task}, {task.answered} answers" + (": " if named else "") + ", ".join(named)
