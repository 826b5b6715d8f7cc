"""What surrounds every plot: heading, legend, notes, axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mma_eval.report.svg.drawing import Drawing
from mma_eval.report.svg.lettering import BODY, SMALL, TITLE, text_width, wrapped
from mma_eval.report.svg.palette import INK, MUTED, RULE, Colour
from mma_eval.report.svg.scale import Scale

MARGIN = 16
LINE = 16
"""Height of a line of small text, in px."""
_SWATCH = 22


def margin(drawing: Drawing) -> float:
    return MARGIN if drawing.width >= 480 else 10


def inner_width(drawing: Drawing) -> float:
    return drawing.width - 2 * margin(drawing)


def draw_heading(drawing: Drawing, title: str, subtitle: str) -> float:
    """Title and subtitle, wrapped; returns the lower edge."""
    left, room, y = margin(drawing), inner_width(drawing), 10.0
    for line in wrapped(title, room, TITLE, bold=True):
        y += 21
        drawing.text(left, y, line, size=TITLE, bold=True)
    y += 2
    for line in wrapped(subtitle, room, BODY):
        y += 18
        drawing.text(left, y, line, MUTED)
    return y + 8


def draw_notes(drawing: Drawing, y: float, notes: Sequence[str]) -> float:
    """Small text below a plot, wrapped; returns the lower edge."""
    for note in notes:
        for line in wrapped(note, inner_width(drawing), SMALL):
            y += LINE
            drawing.text(margin(drawing), y, line, MUTED, size=SMALL)
    return y + 12


@dataclass(frozen=True)
class Key:
    """One entry of a legend; `draw` puts its mark around a middle."""

    words: str
    draw: Callable[[Drawing, float, float], None]


def draw_legend(drawing: Drawing, y: float, keys: Sequence[Key]) -> float:
    """Entries in rows as long as the plot is wide; returns the lower edge."""
    x, right = margin(drawing), drawing.width - margin(drawing)
    y += LINE
    for key in keys:
        taken = _SWATCH + text_width(key.words, SMALL)
        if x > margin(drawing) and x + taken > right:
            x, y = margin(drawing), y + LINE + 3
        key.draw(drawing, x + 8, y - 4)
        drawing.text(x + _SWATCH, y, key.words, INK, size=SMALL, room=right - x - _SWATCH)
        x += taken + 16
    return y + 6


def swatch(colour: Colour) -> Callable[[Drawing, float, float], None]:
    def draw(drawing: Drawing, x: float, y: float) -> None:
        drawing.rect(x - 7, y - 6, 14, 12, colour, corner=2)

    return draw


def draw_rules(drawing: Drawing, scale: Scale, top: float, bottom: float) -> None:
    """Thin vertical lines at round percentages."""
    for share in scale.ticks():
        drawing.line(scale(share), top, scale(share), bottom, RULE)


def draw_ticks(drawing: Drawing, scale: Scale, y: float) -> None:
    """The numbers of the rules, below `y`."""
    for share in scale.ticks():
        label = f"{100 * share:.0f}" + ("%" if share == 1 else "")
        drawing.text(scale(share), y + 14, label, MUTED, size=SMALL, anchor="middle")


def draw_nothing(title: str, width: int, reason: str) -> str:
    """A plot for which there are no numbers, saying so."""
    drawing = Drawing(width, title, reason)
    return drawing.finish(draw_heading(drawing, title, reason) + 8)
