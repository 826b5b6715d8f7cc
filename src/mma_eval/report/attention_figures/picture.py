"""A figure as bytes that are the same wherever and whenever it is drawn."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Literal

from mma_eval.errors import PrerequisiteError
from mma_eval.report.svg.palette import AUDIO, BOTH, INK, MUTED, RULE, VISUAL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Format = Literal["svg", "png"]
WITHOUT_MATPLOTLIB = "figures need matplotlib: pip install 'mma-eval[report]'"
STREAM_COLOURS = {"text": BOTH.light, "video": VISUAL.light, "audio": AUDIO.light}
DASHES: tuple[Any, ...] = ("-", (0, (4, 1.6)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)))
MARKERS = ("o", "s", "^", "D")
"""One of each a condition, so that lines are told apart without colour."""
MARKER_SIZE = 2.8
MOST_CONDITIONS = len(DASHES)
PNG_DPI = 200
LETTERS_AN_INCH = 14

_SETTINGS: Any = {
    "svg.hashsalt": "mma-eval",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelcolor": INK.light,
    "axes.edgecolor": MUTED.light,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "xtick.color": MUTED.light,
    "ytick.color": MUTED.light,
    "text.color": INK.light,
    "grid.color": RULE.light,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "legend.handlelength": 3.0,
    "hatch.linewidth": 0.6,
}


@dataclass(frozen=True)
class NumberTable:
    """The numbers of a figure as text; the first cell of a row names it."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Picture:
    """One figure with the words that go with it."""

    name: str
    """Of its files, without an ending."""
    caption: str
    """What is shown: statistic, query, number of clips."""
    alt: str
    """The numbers in words, for who cannot see them."""
    draw: Callable[[], Figure]
    numbers: NumberTable | None = None

    @cached_property
    def svg(self) -> bytes:
        return self._drawn("svg")

    @cached_property
    def png(self) -> bytes:
        return self._drawn("png")

    def _drawn(self, form: Format) -> bytes:
        check_matplotlib()
        import matplotlib

        made = BytesIO()
        unsigned: dict[str, Any] = {"Software": None}
        if form == "svg":
            unsigned = {"Date": None, "Creator": None}
        with matplotlib.rc_context(), warnings.catch_warnings():
            # A sign that the font lacks is drawn as a box, which says so better than a warning.
            warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(_SETTINGS)
            self.draw().savefig(made, format=form, dpi=PNG_DPI, metadata=unsigned)
        return made.getvalue()


def check_matplotlib() -> None:
    """Raise PrerequisiteError where matplotlib is not installed."""
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise PrerequisiteError(WITHOUT_MATPLOTLIB)


def new_figure(width: float, height: float, title: str) -> Figure:
    """An empty figure, in inches, headed by a line or two."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    letters = int(width * LETTERS_AN_INCH)
    lines = wrap(shown(title, 3 * letters), letters)
    figure.suptitle("\n".join(lines), x=0.01, ha="left", fontsize=8.5, color=MUTED.light)
    return figure


def shown(text: str, most: int) -> str:
    """On one line and of `most` characters, what cannot be printed replaced."""
    line = "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
    return line if len(line) <= most else line[: most - 1] + "…"


def with_zero_line(axes: Axes) -> None:
    """A grid of horizontal lines with zero above the others."""
    axes.grid(axis="y")
    axes.axhline(0, color=INK.light, linewidth=0.9, zorder=1.5)


def count_from_zero(axes: Axes, count: int, label: str) -> None:
    """An x axis of `count` layers or heads, numbered from 0."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlim(-0.5, max(count - 0.5, 0.5))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True, steps=[1, 2, 4, 5, 10]))
    axes.set_xlabel(label)
