"""Bars of several models by condition, one panel a modality, as the paper's figures have them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
    swatch,
)
from mma_eval.report.svg.lettering import SMALL, text_width
from mma_eval.report.svg.palette import INK, MUTED, PAPER, Colour, asked_colour
from mma_eval.report.svg.scale import Scale, percent

_BAR, _PITCH, _HEADING, _BELOW = 15.0, 18.0, 22.0, 9.0
_VALUES = 40.0
_PANELS = {"visual": "Asked what it sees", "audio": "Asked what it hears"}
_HATCH = replace(MUTED, texture="rising")


@dataclass(frozen=True)
class Bar:
    """A share of 0 to 1, with its interval where it has one; `reported` numbers are hatched."""

    series: str
    value: float
    low: float | None = None
    high: float | None = None
    reported: bool = False


@dataclass(frozen=True)
class BarGroup:
    """The bars of one model, by the stream asked about."""

    model: str
    visual: tuple[Bar, ...]
    audio: tuple[Bar, ...]

    def asked(self, ask: str) -> tuple[Bar, ...]:
        return self.visual if ask == "visual" else self.audio


def grouped_bars(
    title: str,
    groups: Sequence[BarGroup],
    *,
    subtitle: str = "",
    notes: Sequence[str] = (),
    width: int = WIDE,
) -> str:
    """Horizontal bars from zero; panels side by side where there is room, else one below another.

    Bars of one series stand together; it has the same strength of colour everywhere, the first
    series the full one.
    """
    asks = [ask for ask in _PANELS if any(group.asked(ask) for group in groups)]
    if not asks:
        return draw_nothing(title, width, "There are no numbers to draw.")
    drawing = Drawing(width, title, _description(groups))
    series = _series(groups)
    y = draw_heading(drawing, title, subtitle)
    if any(bar.reported for group in groups for bar in (*group.visual, *group.audio)):
        y = draw_legend(
            drawing, y, [Key("measured", swatch(MUTED)), Key("reported", swatch(_HATCH))]
        )
    beside = drawing.width >= 560
    shown = {_label(bar) for group in groups for bar in (*group.visual, *group.audio)}
    labels = min(max(text_width(label, SMALL) for label in shown) + 10, 150.0)
    left, right = margin(drawing), margin(drawing) + inner_width(drawing)
    bottom = y
    for at, ask in enumerate(asks):
        each = (right - left + 20) / len(asks) if beside else right - left
        start = left + at * each if beside else left
        end = start + each - (20 if beside else 0)
        panel = _Panel(ask, start, start + labels, end, series, tuple(asks) if beside else (ask,))
        reached = _draw_panel(drawing, panel, groups, y + 16)
        bottom = max(bottom, reached)
        if not beside:
            y = reached
    return drawing.finish(draw_notes(drawing, bottom, notes))


@dataclass(frozen=True)
class _Panel:
    ask: str
    left: float
    bars: float
    """Where the bars begin."""
    right: float
    series: tuple[str, ...]
    asks: tuple[str, ...]
    """The panels beside this one and itself, in which a model stands at one height."""

    @property
    def scale(self) -> Scale:
        return Scale(self.bars, self.right - _VALUES)

    def tall(self, group: BarGroup) -> float:
        return _PITCH * max(len(group.asked(ask)) for ask in self.asks)

    def colour(self, bar: Bar) -> Colour:
        colour = asked_colour(self.ask)
        return replace(colour, texture="rising") if bar.reported else colour

    def opacity(self, bar: Bar) -> float:
        """From full to a third, by the place of the series."""
        return 1 - 0.66 * self.series.index(bar.series) / max(len(self.series) - 1, 1)


def _draw_panel(drawing: Drawing, panel: _Panel, groups: Sequence[BarGroup], y: float) -> float:
    """Returns the lower edge."""
    colour, room = asked_colour(panel.ask), panel.right - panel.left
    drawing.text(panel.left, y, _PANELS[panel.ask], colour, bold=True, room=room)
    top = y + 6
    for group in groups:
        bars = top + _HEADING
        draw_rules(drawing, panel.scale, bars - 3, bars + panel.tall(group))
        drawing.text(panel.left, top + 16, group.model, bold=True, size=SMALL, room=room)
        together = sorted(group.asked(panel.ask), key=lambda bar: panel.series.index(bar.series))
        for at, bar in enumerate(together):
            _draw_bar(drawing, panel, group.model, bar, top + _HEADING + at * _PITCH)
        top = bars + panel.tall(group) + _BELOW
    draw_ticks(drawing, panel.scale, top - _BELOW)
    return top + 16


def _draw_bar(drawing: Drawing, panel: _Panel, model: str, bar: Bar, top: float) -> None:
    scale, middle = panel.scale, top + _BAR / 2
    with drawing.marked(bar.series, _spoken(panel.ask, model, bar)):
        room = panel.bars - panel.left - 8
        drawing.text(panel.left, middle + 4, _label(bar), MUTED, size=SMALL, room=room)
        long = scale(bar.value) - scale.left
        drawing.rect(scale.left, top, long, _BAR, PAPER)
        drawing.rect(scale.left, top, long, _BAR, panel.colour(bar), opacity=panel.opacity(bar))
        end = scale(bar.value)
        if bar.low is not None and bar.high is not None:
            low, high = scale(bar.low), scale(bar.high)
            drawing.line(low, middle, high, middle, PAPER, thickness=4)
            drawing.line(low, middle, high, middle, INK, thickness=1.5)
            end = max(end, scale(bar.high))
        value = percent(bar.value)
        drawing.text(end + 5, middle + 4, value, size=SMALL, bold=True)


def _series(groups: Sequence[BarGroup]) -> tuple[str, ...]:
    bars = [bar for group in groups for bar in (*group.visual, *group.audio)]
    return tuple(dict.fromkeys(bar.series for bar in bars))


def _label(bar: Bar) -> str:
    return f"{bar.series}, reported" if bar.reported else bar.series


def _spoken(ask: str, model: str, bar: Bar) -> str:
    source = "reported" if bar.reported else "measured"
    return f"{model}, {bar.series}, {ask} question: {percent(bar.value)} % ({source})"


def _description(groups: Sequence[BarGroup]) -> str:
    return ". ".join(
        _spoken(ask, group.model, bar)
        for group in groups
        for ask in _PANELS
        for bar in group.asked(ask)
    )
