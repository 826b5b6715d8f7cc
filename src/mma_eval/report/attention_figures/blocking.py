"""Cause beside correlation: |d| by layer, and the answers that change when layers are blocked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from mma_eval.diagnose.blocks import MEDIA_STREAMS, BlockedTask, BlockingRun, Viewers
from mma_eval.diagnose.effects_file import EFFECT_STREAMS, Effects, Statistic
from mma_eval.report.attention_figures.picture import (
    DASHES,
    MARKER_SIZE,
    MARKERS,
    STREAM_COLOURS,
    NumberTable,
    Picture,
    count_from_zero,
    new_figure,
)
from mma_eval.report.svg.palette import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STATISTIC: Statistic = "per token"
WIDTH, PANEL_HEIGHT = 6.4, 1.7
VIEWERS: dict[Viewers, str] = {
    "question": "the question and the answer",
    "everything": "all other tokens",
}
_NO_NAME = re.compile(r"[^\w+@.-]+", re.ASCII)
"""What has no place in the name of a file."""
HATCHES = {"video": "", "audio": "////"}


def blocking_picture(run: Effects, blocking: BlockingRun, condition: str) -> Picture:
    """One condition: |d| above, and below it a panel for each question."""
    tasks = [one for one in blocking.tasks if one.condition == condition and one.flips]
    viewers = sorted({one.block.viewers for one in tasks})
    samples = max((one.flips.n for one in tasks if one.flips), default=0)
    return Picture(
        name=f"blocking_{_NO_NAME.sub('_', condition)[:80]}",
        caption=(
            f"Above: |d|, {STATISTIC}, under {condition}; a correlation. Below: answers that "
            "become another one when the tokens of a stream are hidden from "
            f"{' and '.join(VIEWERS[one] for one in viewers)} in a block of layers; a cause. Bars "
            "have 95 % Wilson intervals; the line is for all layers at once; up to "
            f"{samples} samples a bar."
        ),
        alt=" ".join(_told(one, blocking.layers) for one in tasks),
        draw=partial(_draw, run, blocking, tasks, condition),
        numbers=NumberTable(
            ("question", "hidden", "layers", "changed, %", "to the other modality, %", "n"),
            tuple(_row(one, blocking.layers) for one in tasks),
        ),
    )


def _told(one: BlockedTask, layers: int) -> str:
    assert one.flips is not None
    block = one.block
    where = f"layers {block.first} to {block.stop - 1}" if not _all(one, layers) else "all layers"
    return f"{one.task}, {block.stream} hidden in {where}: {100 * one.flips.rate:.0f} % change."


def _row(one: BlockedTask, layers: int) -> tuple[str, ...]:
    where = "all" if _all(one, layers) else f"{one.block.first} to {one.block.stop - 1}"
    shares = (one.flips, one.flips_to_other)
    changed, to_other = (
        "" if s is None else f"{100 * s.rate:.0f} [{100 * s.low:.0f}, {100 * s.high:.0f}]"
        for s in shares
    )
    return one.task, one.block.stream, where, changed, to_other, str(len(one.answers))


def _all(one: BlockedTask, layers: int) -> bool:
    return (one.block.first, one.block.stop) == (0, layers)


def _draw(
    run: Effects, blocking: BlockingRun, tasks: Sequence[BlockedTask], condition: str
) -> Figure:
    names = list(dict.fromkeys(one.task for one in tasks))
    figure = new_figure(
        WIDTH,
        0.9 + PANEL_HEIGHT * (1 + len(names)),
        f"{run.origin.name} on {run.origin.dataset}, {condition}",
    )
    top, *panels = figure.subplots(1 + len(names), 1, sharex=True, squeeze=False)[:, 0]
    for stream, dashes, marker in zip(EFFECT_STREAMS, DASHES, MARKERS, strict=False):
        if curve := run.curve(condition, STATISTIC, stream, "layer"):
            size = np.abs(np.array(curve.d, dtype=float))
            colour = STREAM_COLOURS[stream]
            top.plot(
                size,
                color=colour,
                linestyle=dashes,
                marker=marker,
                ms=MARKER_SIZE,
                label=f"{stream} tokens",
            )
    top.set_ylim(bottom=0)
    top.set_title("Cohen's d between the questions")
    top.set_ylabel(f"|d|, {STATISTIC}")
    top.grid(axis="y")
    if top.lines:
        top.legend(loc="best")
    for panel, name in zip(panels, names, strict=True):
        _draw_flips(panel, [one for one in tasks if one.task == name], blocking.layers)
        panel.set_title(f"Answers to {name}")
    last = panels[-1] if panels else top
    for axes in (top, *panels):
        count_from_zero(axes, blocking.layers, "Decoder layer, from 0" if axes is last else "")
    handles, labels = (panels[0] if panels else top).get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


def _draw_flips(panel: Axes, tasks: Sequence[BlockedTask], layers: int) -> None:
    """Bars as wide as half their block, video left and audio right."""
    for at, stream in enumerate(MEDIA_STREAMS):
        colour, label = STREAM_COLOURS[stream], f"{stream} hidden"
        for one in tasks:
            if one.block.stream != stream or one.flips is None:
                continue
            rate, low, high = (
                100 * side for side in (one.flips.rate, one.flips.low, one.flips.high)
            )
            if _all(one, layers):
                panel.axhline(rate, color=colour, linestyle=DASHES[at], linewidth=1.1, zorder=1.5)
                continue
            span = one.block.stop - one.block.first
            width = 0.42 * span
            middle = one.block.first - 0.5 + span * (0.27 + 0.46 * at)
            panel.bar(
                middle,
                rate,
                width,
                color=colour,
                edgecolor="white",
                hatch=HATCHES[stream],
                label=label,
            )
            panel.errorbar(
                middle,
                rate,
                yerr=[[max(0.0, rate - low)], [max(0.0, high - rate)]],
                color=INK.light,
                linewidth=0.9,
                capsize=2,
            )
            label = "_repeated"
    panel.set_ylim(0, 100)
    panel.set_ylabel("Changed, %")
    panel.grid(axis="y")
