"""The marks that stand for a number: a point with its interval, a hollow one, a reference."""

from __future__ import annotations

from mma_eval.eval.scorecard import Share
from mma_eval.report.svg.conditions import Headline
from mma_eval.report.svg.drawing import Drawing
from mma_eval.report.svg.frame import Key, draw_rules, draw_ticks
from mma_eval.report.svg.lanes import Lanes
from mma_eval.report.svg.lettering import SMALL
from mma_eval.report.svg.palette import INK, MUTED, PAPER, REPORTED, Colour
from mma_eval.report.svg.scale import Scale, percent

RADIUS = 4.5


def draw_point(
    drawing: Drawing, scale: Scale, y: float, headline: Headline, colour: Colour
) -> None:
    """A dot at the rate, or a hollow diamond for a leak, on a line as long as the interval."""
    share = headline.share
    x = scale(share.rate)
    drawing.dot(x, y, RADIUS + 1.5, PAPER)
    drawing.line(scale(share.low), y, scale(share.high), y, colour, thickness=2.5, round_ends=True)
    if headline.metric == "leak":
        drawing.diamond(x, y, RADIUS + 1, colour)
    else:
        drawing.dot(x, y, RADIUS, colour)


def draw_reported(drawing: Drawing, scale: Scale, y: float, share: float) -> None:
    """A hollow tick, taller than a dot."""
    drawing.rect(scale(share) - 2, y - 8, 4, 16, PAPER, outline=REPORTED)


def draw_chance(drawing: Drawing, x: float, top: float, bottom: float) -> None:
    drawing.line(x, top, x, bottom, MUTED, thickness=1.2, dash="2 3")


def draw_reference(
    drawing: Drawing, scale: Scale, y: float, reference: float, share: float, colour: Colour
) -> None:
    """A dashed line at the reference, and a faint bar from it to the share."""
    ends = sorted((scale(reference), scale(share)))
    drawing.rect(ends[0], y - 5, ends[1] - ends[0], 10, colour, opacity=0.2)
    drawing.line(scale(reference), y - 15, scale(reference), y + 15, colour, dash="5 2")


def draw_link(
    drawing: Drawing, scale: Scale, y: float, start: float, end: float, colour: Colour
) -> None:
    """A faint bar between two shares."""
    ends = sorted((scale(start), scale(end)))
    drawing.rect(ends[0], y - 3, ends[1] - ends[0], 6, colour, opacity=0.25)


def lane_scale(lanes: Lanes) -> Scale:
    """The scale of lanes that print a difference at their right."""
    return Scale(lanes.left + 8, lanes.right - 96)


def draw_lane_rules(drawing: Drawing, scale: Scale, lanes: Lanes, height: float) -> None:
    for lane in lanes.lanes:
        draw_rules(drawing, scale, lane.y - height / 2, lane.y + height / 2)
    draw_ticks(drawing, scale, lanes.bottom)


def draw_difference(drawing: Drawing, lanes: Lanes, y: float, start: float, end: float) -> None:
    """At the right of a lane: the change, and under it both shares."""
    drawing.text(lanes.right, y - 1, difference(end - start), size=SMALL, anchor="end", bold=True)
    both = f"{percent(start)} \u2192 {percent(end)}"
    drawing.text(lanes.right, y + 12.5, both, MUTED, size=SMALL, anchor="end")


def difference(change: float) -> str:
    """In points, with a sign; a true minus."""
    points = round(100 * change, 1)
    return "0" if points == 0 else f"{points:+.1f}".replace("-", "\u2212")


def spoken(task: str, headline: Headline | None) -> str:
    """A task's number as a sentence, for tooltips and screen readers."""
    if headline is None:
        return f"{task}: not scored"
    share = headline.share
    kind = "" if headline.metric == "accuracy" else "leak "
    return f"{task}: {kind}{with_counts(share)}"


def with_counts(share: Share) -> str:
    return (
        f"{percent(share.rate)} % ({share.k} of {share.n}), "
        f"95 % interval {100 * share.low:.0f} to {100 * share.high:.0f}"
    )


def _point_key(drawing: Drawing, x: float, y: float) -> None:
    drawing.line(x - 8, y, x + 8, y, INK, thickness=2.5, round_ends=True)
    drawing.dot(x, y, RADIUS, INK)


def _aligned_key(drawing: Drawing, x: float, y: float) -> None:
    drawing.rect(x - 8, y - 4, 13, 8, MUTED, opacity=0.25)
    drawing.line(x + 5, y - 7, x + 5, y + 7, MUTED, dash="5 2")


def _chance_key(drawing: Drawing, x: float, y: float) -> None:
    draw_chance(drawing, x, y - 7, y + 7)


def _leak_key(drawing: Drawing, x: float, y: float) -> None:
    drawing.line(x - 8, y, x + 8, y, INK, thickness=2.5, round_ends=True)
    drawing.diamond(x, y, RADIUS + 1, INK)


def _reported_key(drawing: Drawing, x: float, y: float) -> None:
    drawing.rect(x - 2, y - 7, 4, 14, PAPER, outline=REPORTED)


POINT_KEY = Key("right answers, 95 % interval", _point_key)
ALIGNED_KEY = Key("change from the unchanged clip", _aligned_key)
CHANCE_KEY = Key("guessing", _chance_key)
LEAK_KEY = Key("leak: names what is gone; lower is better", _leak_key)
REPORTED_KEY = Key("reported elsewhere", _reported_key)
