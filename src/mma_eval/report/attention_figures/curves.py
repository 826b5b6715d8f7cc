"""Cohen's d over layers or heads, condition by condition (Figures 9, 16 and 18 of the paper)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mma_eval.diagnose.effects_file import (
    EFFECT_STREAMS,
    Axis,
    Curve,
    Effects,
    EffectStream,
    Statistic,
)
from mma_eval.report.attention_figures import words
from mma_eval.report.attention_figures.picture import (
    DASHES,
    MARKER_SIZE,
    MARKERS,
    MOST_CONDITIONS,
    STREAM_COLOURS,
    Picture,
    count_from_zero,
    new_figure,
    with_zero_line,
)
from mma_eval.report.svg.palette import INK, MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

AXIS_LABELS: dict[Axis, str] = {"layer": "Decoder layer, from 0", "head": "Head, from 0"}
WIDE, ONE_PANEL, HEIGHT = 9.0, 5.4, 3.5


def curves_picture(run: Effects, statistic: Statistic, axis: Axis) -> Picture:
    """Panels of video and audio tokens; by mass of video alone, whose mirror audio is."""
    streams = panels_of(statistic)
    conditions = run.conditions[:MOST_CONDITIONS]
    curves = [
        curve
        for stream in streams
        for condition in conditions
        if (curve := run.curve(condition, statistic, stream, axis))
    ]
    return Picture(
        name=f"{axis}s_{statistic.replace(' ', '_')}",
        caption=caption(run, statistic, axis, curves, conditions),
        alt=" ".join(map(words.told, curves)),
        draw=partial(_draw, run, statistic, axis, streams, curves),
        numbers=words.tabled({f"{one.stream}, {one.condition}": one for one in curves}),
    )


def panels_of(statistic: Statistic) -> tuple[EffectStream, ...]:
    return ("video",) if statistic == "by mass" else EFFECT_STREAMS


def caption(
    run: Effects, statistic: Statistic, axis: Axis, curves: Sequence[Curve], shown: Sequence[str]
) -> str:
    """What is compared, over what, and how sure it is."""
    pooled = {"layer": "heads", "head": "layers"}[axis]
    pooling = "averaged" if statistic == "by mass" else "pooled"
    sentences = [
        f"Cohen's d, {statistic}, by {axis}, {pooled} {pooling}: {words.OBSERVATIONS[statistic]}.",
        words.DIRECTION,
        *([words.MIRROR] if statistic == "by mass" else []),
        f"Attention of {words.QUERIES[run.query]}; {words.clips_of(curves)}.",
        "Bands are 95 % intervals from resampled clips.",
    ]
    if left := run.conditions[len(shown) :]:
        sentences.append(f"Not drawn: {', '.join(left)}.")
    return " ".join(sentences)


def _draw(
    run: Effects,
    statistic: Statistic,
    axis: Axis,
    streams: Sequence[EffectStream],
    curves: Sequence[Curve],
) -> Figure:
    width = WIDE if len(streams) > 1 else ONE_PANEL
    figure = new_figure(width, HEIGHT, words.heading(run))
    panels: Sequence[Axes] = figure.subplots(1, len(streams), sharey=True, squeeze=False)[0]
    conditions = list(dict.fromkeys(curve.condition for curve in curves))
    for panel, stream in zip(panels, streams, strict=True):
        prepare(panel, stream, statistic)
        for curve in curves:
            if curve.stream == stream:
                at = conditions.index(curve.condition)
                # The first is the baseline, grey beside the colour of the stream.
                colour = MUTED.light if at == 0 and len(conditions) > 1 else STREAM_COLOURS[stream]
                draw_curve(panel, curve, colour, at, curve.condition)
        count_from_zero(panel, max(len(curve.d) for curve in curves), AXIS_LABELS[axis])
    panels[0].set_ylabel(f"Cohen's d, {statistic}")
    figure.legend(
        *_without_colour(panels[0]),
        loc="outside lower center",
        ncols=len(conditions) if len(streams) > 1 else 2,
    )
    return figure


def _without_colour(panel: Axes) -> tuple[list[Any], list[Any]]:
    """Handles and labels for all panels, whose lines differ in colour."""
    from copy import copy

    handles, labels = panel.get_legend_handles_labels()
    neutral = [copy(handle) for handle in handles]
    for handle in neutral[len(neutral) > 1 :]:
        handle.set(color=INK.light)
    return neutral, labels


def prepare(panel: Axes, stream: EffectStream, statistic: Statistic) -> None:
    """A panel's title and zero line."""
    title = f"{stream.capitalize()} tokens"
    panel.set_title(f"{title} (audio is the mirror)" if statistic == "by mass" else title)
    with_zero_line(panel)


def draw_curve(panel: Axes, curve: Curve, colour: str, style: int, label: str) -> None:
    """A line with the band of its intervals; nothing where d is undefined."""
    d, low, high = (np.array(side, dtype=float) for side in (curve.d, curve.low, curve.high))
    places = np.arange(len(d))
    panel.fill_between(places, low, high, color=colour, alpha=0.18, linewidth=0)
    panel.plot(
        places,
        d,
        color=colour,
        linestyle=DASHES[style],
        marker=MARKERS[style],
        markersize=MARKER_SIZE,
        label=label,
    )
