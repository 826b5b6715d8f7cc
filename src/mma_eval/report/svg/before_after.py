"""Two subjects task by task: a model without and with an adapter."""

from __future__ import annotations

from collections.abc import Callable

from mma_eval.eval.scorecard import RunScores, TaskScore
from mma_eval.report.svg.conditions import Headline, by_condition
from mma_eval.report.svg.drawing import WIDE, Drawing
from mma_eval.report.svg.frame import (
    Key,
    draw_heading,
    draw_legend,
    draw_notes,
    draw_nothing,
)
from mma_eval.report.svg.lanes import Lane, Lanes, draw_lanes
from mma_eval.report.svg.marks import (
    LEAK_KEY,
    RADIUS,
    draw_difference,
    draw_lane_rules,
    draw_link,
    draw_point,
    lane_scale,
    with_counts,
)
from mma_eval.report.svg.palette import AFTER, BEFORE, Colour
from mma_eval.report.svg.scale import Scale

_LANE = 32.0


def before_after(
    before_name: str,
    before: RunScores,
    after_name: str,
    after: RunScores,
    *,
    width: int = WIDE,
) -> str:
    """Two points with intervals a task, for the tasks that both subjects have."""
    title = f"{after_name} against {before_name}"
    firsts = {task.task: found for task in before.tasks if (found := Headline.of(task))}
    tasks = [task for task in after.tasks if _comparable(task, firsts)]
    rows = by_condition(tasks)
    if not rows:
        return draw_nothing(title, width, "The two have no scored task in common.")
    drawing = Drawing(width, title, ". ".join(_spoken(task, firsts[task.task]) for task in tasks))
    subtitle = (
        f"Right answers in %, with 95 % intervals: above {before_name}, below {after_name}. "
        "At the right the change, in points."
    )
    y = draw_heading(drawing, title, subtitle)
    y = draw_legend(drawing, y, _keys(before_name, after_name, firsts, tasks)) + 6
    lanes = draw_lanes(drawing, rows, y, _LANE)
    scale = lane_scale(lanes)
    draw_lane_rules(drawing, scale, lanes, _LANE)
    for lane in lanes.lanes:
        _draw_pair(drawing, scale, lanes, lane, firsts[lane.task.task])
    return drawing.finish(draw_notes(drawing, lanes.bottom + 16, []))


def _comparable(task: TaskScore, firsts: dict[str, Headline]) -> bool:
    first, second = firsts.get(task.task), Headline.of(task)
    return first is not None and second is not None and first.metric == second.metric


def _draw_pair(drawing: Drawing, scale: Scale, lanes: Lanes, lane: Lane, first: Headline) -> None:
    """Before above after, a little apart, so that neither hides the other."""
    second = Headline.of(lane.task)
    if second is None:
        return
    upper, lower = lane.y - 5.5, lane.y + 5.5
    with drawing.marked(lane.task.task, _spoken(lane.task, first)):
        draw_link(drawing, scale, lane.y, first.share.rate, second.share.rate, AFTER)
        draw_point(drawing, scale, upper, first, BEFORE)
        draw_point(drawing, scale, lower, second, AFTER)
        draw_difference(drawing, lanes, lane.y, first.share.rate, second.share.rate)


def _spoken(task: TaskScore, first: Headline) -> str:
    second = Headline.of(task)
    after = with_counts(second.share) if second else "not scored"
    return f"{task.task}: before {with_counts(first.share)}; after {after}"


def _keys(
    before_name: str, after_name: str, firsts: dict[str, Headline], tasks: list[TaskScore]
) -> list[Key]:
    keys = [Key(before_name, _point(BEFORE)), Key(after_name, _point(AFTER))]
    leaks = any(firsts[task.task].metric == "leak" for task in tasks)
    return [*keys, LEAK_KEY] if leaks else keys


def _point(colour: Colour) -> Callable[[Drawing, float, float], None]:
    def draw(drawing: Drawing, x: float, y: float) -> None:
        drawing.line(x - 8, y, x + 8, y, colour, thickness=2.5, round_ends=True)
        drawing.dot(x, y, RADIUS, colour)

    return draw
