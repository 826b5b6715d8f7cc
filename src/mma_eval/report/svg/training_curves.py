"""The course of a training: its loss, and what the validation part answered right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mma_eval.report.svg.drawing import WIDE, Drawing
from mma_eval.report.svg.frame import Key, draw_heading, draw_legend, draw_nothing, margin
from mma_eval.report.svg.lettering import SMALL
from mma_eval.report.svg.palette import AUDIO, INK, MUTED, RULE, VISUAL, Colour
from mma_eval.train.curves import CurvePoint

PANEL = 150.0
"""Height of one plot, in px."""
LEFT = 46.0
"""Room for the numbers of an axis."""
SWAPPED_DASH = "6 4"

Place = tuple[float, float]
"""A step, and a number at it."""


@dataclass(frozen=True)
class Line:
    """One number of the training over its steps."""

    words: str
    column: str
    colour: Colour
    dash: str | None = None

    def places(self, points: Sequence[CurvePoint]) -> list[Place]:
        found = ((point.step, getattr(point, self.column)) for point in points)
        return [(float(step), float(value)) for step, value in found if value is not None]


LOSS = Line("loss", "loss", INK)
ACCURACIES = (
    Line("aligned, what is seen", "aligned_visual", VISUAL),
    Line("aligned, what is heard", "aligned_audio", AUDIO),
    Line("swapped sound, what is seen", "swapped_visual", VISUAL, SWAPPED_DASH),
    Line("swapped sound, what is heard", "swapped_audio", AUDIO, SWAPPED_DASH),
)


@dataclass(frozen=True)
class Panel:
    """A plot's place: steps from 0 to `steps` across, numbers from 0 to `most` upwards."""

    left: float
    right: float
    top: float
    steps: float
    most: float

    @property
    def bottom(self) -> float:
        return self.top + PANEL

    def x(self, step: float) -> float:
        return self.left + (self.right - self.left) * step / self.steps

    def y(self, value: float) -> float:
        return self.bottom - PANEL * min(value / self.most, 1.0)


def training_curves(points: Sequence[CurvePoint], *, title: str, width: int = WIDE) -> str:
    """Loss above, accuracy on the validation part below, over the optimizer's steps."""
    losses = LOSS.places(points)
    if not losses:
        return draw_nothing(title, width, "No step has been trained yet.")
    steps = max(point.step for point in points)
    drawing = Drawing(width, title, _spoken(points))
    y = draw_heading(drawing, title, "Loss on the answers of each step, by optimizer step.")
    left, right = margin(drawing) + LEFT, width - margin(drawing) - 8
    top = Panel(left, right, y + 4, steps, _round_up(max(value for _, value in losses)))
    _draw_axes(drawing, top, lambda value: f"{value:.3g}")
    _draw_line(drawing, top, LOSS, losses)
    y = top.bottom + 34
    drawn = [line for line in ACCURACIES if line.places(points)]
    if drawn:
        drawing.text(margin(drawing), y, "Right answers on the validation part, in %.", MUTED)
        y = draw_legend(drawing, y + 2, [Key(line.words, _sample(line)) for line in drawn])
        below = Panel(left, right, y + 8, steps, 1.0)
        _draw_axes(drawing, below, lambda value: f"{100 * value:.0f}")
        for line in drawn:
            _draw_line(drawing, below, line, line.places(points), dots=True)
        y = below.bottom + 34
    return drawing.finish(y)


def _draw_axes(drawing: Drawing, panel: Panel, shown: Callable[[float], str]) -> None:
    for part in range(5):
        value = panel.most * part / 4
        drawing.line(panel.left, panel.y(value), panel.right, panel.y(value), RULE)
        drawing.text(
            panel.left - 6, panel.y(value) + 4, shown(value), MUTED, size=SMALL, anchor="end"
        )
    for part in range(5):
        step = round(panel.steps * part / 4)
        drawing.text(
            panel.x(step), panel.bottom + 16, str(step), MUTED, size=SMALL, anchor="middle"
        )


def _draw_line(
    drawing: Drawing, panel: Panel, line: Line, places: Sequence[Place], *, dots: bool = False
) -> None:
    corners = [(panel.x(step), panel.y(value)) for step, value in places]
    with drawing.marked(line.column, f"{line.words}: {places[0][1]:.3g} to {places[-1][1]:.3g}"):
        drawing.polyline(corners, line.colour, thickness=1.8, dash=line.dash)
        for x, y in corners if dots else ():
            drawing.dot(x, y, 2.6, line.colour)


def _sample(line: Line) -> Callable[[Drawing, float, float], None]:
    def draw(drawing: Drawing, x: float, y: float) -> None:
        drawing.line(x - 9, y, x + 9, y, line.colour, thickness=2, dash=line.dash)

    return draw


def _round_up(value: float) -> float:
    """The next of 1, 2 and 5 times a power of ten, so that the axis has round numbers."""
    size = 1.0
    while size < value:
        size *= 10
    while size / 10 >= value:
        size /= 10
    return next(size * part for part in (0.1, 0.2, 0.5, 1.0) if size * part >= value)


def _spoken(points: Sequence[CurvePoint]) -> str:
    said = []
    for line in (LOSS, *ACCURACIES):
        places = line.places(points)
        if places:
            first, last = places[0], places[-1]
            said.append(
                f"{line.words}: {first[1]:.3g} at step {first[0]:.0f}, "
                f"{last[1]:.3g} at step {last[0]:.0f}"
            )
    return ". ".join(said)
