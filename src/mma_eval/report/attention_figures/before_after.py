"""Cohen's d before and after an adapter, one row a condition (Figure 10 of the paper)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from mma_eval.diagnose.effects_file import Axis, Curve, Effects, Statistic
from mma_eval.report.attention_figures import words
from mma_eval.report.attention_figures.curves import (
    AXIS_LABELS,
    ONE_PANEL,
    WIDE,
    caption,
    draw_curve,
    panels_of,
    prepare,
)
from mma_eval.report.attention_figures.picture import (
    MOST_CONDITIONS,
    Picture,
    count_from_zero,
    new_figure,
)
from mma_eval.report.svg.palette import AFTER, MUTED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROW_HEIGHT = 2.4


def before_after_picture(
    before: Effects, after: Effects, statistic: Statistic, axis: Axis
) -> Picture:
    """Both runs in each panel, so that four lines never lie on each other."""
    shared = [one for one in after.conditions if one in before.conditions]
    conditions = shared[:MOST_CONDITIONS]
    curves = [
        (first, second)
        for condition in conditions
        for stream in panels_of(statistic)
        if (first := before.curve(condition, statistic, stream, axis))
        and (second := after.curve(condition, statistic, stream, axis))
    ]
    said = caption(after, statistic, axis, [second for _, second in curves], conditions)
    return Picture(
        name=f"{axis}s_{statistic.replace(' ', '_')}_before_after",
        caption=f"{after.origin.name} (after) over {before.origin.name} (before). {said}",
        alt=" ".join(
            f"Before: {words.told(first)} After: {words.told(second)}" for first, second in curves
        ),
        draw=partial(_draw, after, statistic, axis, conditions, curves),
        numbers=words.tabled(
            {
                f"{one.stream}, {one.condition}, {when}": one
                for pair in curves
                for when, one in zip(("before", "after"), pair, strict=True)
            }
        ),
    )


def _draw(
    run: Effects,
    statistic: Statistic,
    axis: Axis,
    conditions: Sequence[str],
    curves: Sequence[tuple[Curve, Curve]],
) -> Figure:
    streams = panels_of(statistic)
    width = WIDE if len(streams) > 1 else ONE_PANEL
    figure = new_figure(width, 0.9 + ROW_HEIGHT * len(conditions), words.heading(run))
    grid = figure.subplots(len(conditions), len(streams), sharex=True, sharey=True, squeeze=False)
    for before, after in curves:
        row = conditions.index(before.condition)
        panel = grid[row][streams.index(before.stream)]
        prepare(panel, before.stream, statistic)
        panel.set_title(f"{panel.get_title(loc='left')}, {before.condition}")
        draw_curve(panel, before, MUTED.light, 1, "before")
        draw_curve(panel, after, AFTER.light, 0, "after")
        count_from_zero(panel, len(after.d), AXIS_LABELS[axis] if row + 1 == len(grid) else "")
    for row in grid:
        row[0].set_ylabel(f"Cohen's d, {statistic}")
    figure.legend(*grid[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure
