"""Measured beside published numbers of the same model."""

from __future__ import annotations

from collections.abc import Sequence

from mma_eval.eval.scorecard import RunScores
from mma_eval.models.card import Reported
from mma_eval.report.svg.conditions import (
    Headline,
    by_condition,
    published,
    sources_note,
)
from mma_eval.report.svg.drawing import WIDE, Drawing
from mma_eval.report.svg.frame import draw_heading, draw_legend, draw_notes, draw_nothing
from mma_eval.report.svg.lanes import draw_lanes
from mma_eval.report.svg.marks import (
    LEAK_KEY,
    POINT_KEY,
    REPORTED_KEY,
    draw_difference,
    draw_lane_rules,
    draw_link,
    draw_point,
    draw_reported,
    lane_scale,
    spoken,
)
from mma_eval.report.svg.palette import REPORTED, asked_colour

_LANE = 32.0


def reported_comparison(
    name: str, scores: RunScores, reported: Sequence[Reported], *, width: int = WIDE
) -> str:
    """Points with intervals against hollow ticks, for the tasks that have both numbers."""
    title = f"{name}, measured and as reported elsewhere"
    results = published(scores.tasks, reported)
    measured = {task.task: Headline.of(task) for task in scores.tasks}
    both = [task for task in scores.tasks if measured[task.task] and task.task in results]
    rows = by_condition(both)
    if not rows:
        return draw_nothing(title, width, "No task has both a measured and a reported number.")
    told = [
        f"{spoken(task.task, measured[task.task])}, reported {results[task.task].value:.1f} %"
        for task in both
    ]
    drawing = Drawing(width, title, ". ".join(told))
    subtitle = "Right answers in %. At the right, from the reported to the measured number."
    y = draw_heading(drawing, title, subtitle)
    lanes = draw_lanes(drawing, rows, y, _LANE)
    scale = lane_scale(lanes)
    draw_lane_rules(drawing, scale, lanes, _LANE)
    for lane in lanes.lanes:
        headline, other = measured[lane.task.task], results[lane.task.task].value / 100
        if headline is None:
            continue
        words = f"{spoken(lane.task.task, headline)}; reported {100 * other:.1f} %"
        with drawing.marked(lane.task.task, words):
            draw_link(drawing, scale, lane.y, other, headline.share.rate, REPORTED)
            draw_reported(drawing, scale, lane.y, other)
            draw_point(drawing, scale, lane.y, headline, asked_colour(lane.task.ask))
            draw_difference(drawing, lanes, lane.y, other, headline.share.rate)
    leaks = any(h and h.metric == "leak" for h in (measured[task.task] for task in both))
    keys = [POINT_KEY, REPORTED_KEY, *([LEAK_KEY] if leaks else [])]
    y = draw_legend(drawing, lanes.bottom + 22, keys)
    return drawing.finish(draw_notes(drawing, y, sources_note(results.values())))
