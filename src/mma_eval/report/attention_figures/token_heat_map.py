"""Which input tokens each output token was read from (Figure 19 of the paper)."""

from __future__ import annotations

from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from mma_eval.diagnose.measured import STREAMS, Stream
from mma_eval.diagnose.token_map import TokenMap
from mma_eval.report.attention_figures.picture import (
    STREAM_COLOURS,
    Picture,
    new_figure,
    shown,
)
from mma_eval.report.svg.palette import INK, shade

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 10.0
ROW_HEIGHT, MARGINS = 0.2, 2.0
MOST_LABELS = 70
FAINTEST = 1e-6
"""Attention below this has the palest shade."""


def token_map_picture(made: TokenMap, number: int) -> Picture:
    """Rows are written tokens, columns prompt tokens, in a logarithmic shade."""
    shares = stream_shares(made)
    told = ", ".join(f"{stream} {100 * share:.1f} %" for stream, share in shares.items())
    pooled = max((one.tokens for one in made.input), default=1)
    return Picture(
        name=f"token_map_{number}",
        caption=(
            f"{made.sample} under {made.task}: attention of the steps that wrote the answer to "
            f"the tokens of the prompt, layer {made.layer} of {made.layers} (from 0), mean over "
            "heads"
            + (f"; up to {pooled} neighbouring tokens share a column" if pooled > 1 else "")
            + (f"; the first {len(made.output)} tokens of the answer" if made.cut else "")
            + ". The strip below tells text, video and audio apart. One sample: an illustration."
        ),
        alt=f"Of the attention to the prompt, mean over {len(made.output)} steps: {told}.",
        draw=partial(_draw, made),
    )


def stream_shares(made: TokenMap) -> dict[str, float]:
    """The share of each stream in the attention to the prompt, mean over the rows."""
    mass = made.matrix * np.array([one.tokens for one in made.input])
    whole = mass.sum(1, keepdims=True)
    share = np.divide(mass, whole, out=np.zeros_like(mass), where=whole > 0).mean(0)
    of = np.array([one.stream for one in made.input])
    return {stream: float(share[of == stream].sum()) for stream in STREAMS}


def _draw(made: TokenMap) -> Figure:
    from matplotlib.colors import ListedColormap, LogNorm

    rows = len(made.output)
    figure = new_figure(
        WIDTH,
        MARGINS + ROW_HEIGHT * max(rows, 4),
        f"{made.origin.model}, {made.task}, {made.sample}",
    )
    heights = [ROW_HEIGHT * max(rows, 4), 0.16]
    figure.set_layout_engine("constrained", hspace=0.0, h_pad=0.03)
    axes, strip = figure.subplots(2, 1, sharex=True, height_ratios=heights)
    matrix = np.maximum(made.matrix, FAINTEST)
    image = axes.imshow(
        matrix,
        aspect="auto",
        interpolation="nearest",
        cmap=ListedColormap([shade(at / 255).light for at in range(256)]),
        norm=LogNorm(FAINTEST, max(1e-3, float(matrix.max(initial=0)))),
    )
    axes.set_yticks(range(rows), [shown(token, 14) for token in made.output], fontsize=7)
    axes.set_ylabel("Written token")
    axes.tick_params(axis="x", bottom=False, labelbottom=False)
    bar = figure.colorbar(image, ax=(axes, strip), pad=0.01, fraction=0.03)
    bar.set_label("Attention, log scale")
    bar.ax.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
    for border in _borders(made):
        axes.axvline(border - 0.5, color=INK.light, linewidth=0.5, alpha=0.7)
    _draw_strip(strip, made)
    return figure


def _borders(made: TokenMap) -> list[int]:
    streams = [one.stream for one in made.input]
    return [at for at in range(1, len(streams)) if streams[at] != streams[at - 1]]


def _draw_strip(strip: Axes, made: TokenMap) -> None:
    """The stream of each column, and as many of the text tokens as there is room for."""
    from matplotlib.patches import Patch

    start = 0
    for stream, members in groupby(one.stream for one in made.input):
        count = len(list(members))
        strip.axvspan(start - 0.5, start + count - 0.5, **_fill(stream))
        start += count
    text = [at for at, one in enumerate(made.input) if one.text.strip()]
    apart = max(1, -(-len(made.input) // MOST_LABELS))
    kept: list[int] = []
    for at in text:
        if not kept or at - kept[-1] >= apart:
            kept.append(at)
    strip.set_xticks(
        kept, [shown(made.input[at].text.strip(), 12) for at in kept], rotation=90, fontsize=6
    )
    strip.set_yticks([])
    strip.set_xlim(-0.5, len(made.input) - 0.5)
    strip.spines[:].set_visible(False)
    strip.set_xlabel("Prompt token (some of the text is named)")
    present = [stream for stream in STREAMS if any(one.stream == stream for one in made.input)]
    handles = [Patch(label=stream, **_fill(stream)) for stream in present]
    strip.figure.legend(handles=handles, loc="outside lower center", ncols=3, handlelength=1.2)


def _fill(stream: Stream) -> dict[str, Any]:
    """Hatched where grey alone would not tell audio from video."""
    hatch = "////" if stream == "audio" else ""
    return {"facecolor": STREAM_COLOURS[stream], "edgecolor": "white", "hatch": hatch, "lw": 0}
