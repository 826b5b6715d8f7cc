"""How much of all attention goes to text, layer by layer (Finding 1 of section 4.2)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mma_eval.diagnose.effects_file import Effects
from mma_eval.report.attention_figures import words
from mma_eval.report.attention_figures.picture import (
    DASHES,
    MARKER_SIZE,
    MARKERS,
    MOST_CONDITIONS,
    NumberTable,
    Picture,
    count_from_zero,
    new_figure,
)
from mma_eval.report.svg.palette import AFTER, INK, MUTED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 5.4, 3.2
COLOURS = (MUTED.light, INK.light, AFTER.light, MUTED.light)


def text_share_picture(run: Effects) -> Picture:
    """One line a condition, its questions averaged."""
    shares = {
        condition: np.mean([one.layers for one in run.text if one.condition == condition], axis=0)
        for condition in list(dict.fromkeys(one.condition for one in run.text))[:MOST_CONDITIONS]
    }
    samples = sum(one.samples for one in run.text)
    return Picture(
        name="text_share",
        caption=(
            "Share of all attention that text tokens receive, mean over samples and heads; the "
            "legend has the mean over layers. Text is the template, the system prompt and the "
            f"question. Attention of {words.QUERIES[run.query]}; n = {samples} samples."
        ),
        alt=" ".join(
            f"{condition}: {100 * share.mean():.1f} % over all layers, from "
            f"{100 * share.min():.1f} % at layer {share.argmin()} to {100 * share.max():.1f} % at "
            f"layer {share.argmax()}."
            for condition, share in shares.items()
        ),
        draw=partial(_draw, run, shares),
        numbers=NumberTable(
            ("layer", *(f"{condition}, %" for condition in shares)),
            tuple(
                (str(at), *(f"{100 * share[at]:.1f}" for share in shares.values()))
                for at in range(run.layers)
            ),
        ),
    )


def _draw(run: Effects, shares: Mapping[str, NDArray[np.float64]]) -> Figure:
    figure = new_figure(WIDTH, HEIGHT, words.heading(run))
    axes = figure.subplots()
    styles = zip(DASHES, MARKERS, COLOURS, strict=True)
    for (condition, share), (dashes, marker, colour) in zip(shares.items(), styles, strict=False):
        label = f"{condition} (mean {100 * share.mean():.1f} %)"
        axes.plot(
            100 * share, color=colour, linestyle=dashes, label=label, marker=marker, ms=MARKER_SIZE
        )
    axes.set_ylim(0, 100)
    axes.grid(axis="y")
    axes.set_ylabel("Attention to text, %")
    count_from_zero(axes, run.layers, "Decoder layer, from 0")
    figure.legend(loc="outside lower center", ncols=2)
    return figure
