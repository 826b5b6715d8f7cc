"""Words and numbers of figures and tables of attention, in one place so that they agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mma_eval.diagnose.effects_file import Curve, Effects, Statistic
from mma_eval.diagnose.measured import QueryKind
from mma_eval.report.attention_figures.picture import NumberTable

QUERIES: dict[QueryKind, str] = {
    "answer": "the last prompt token, which predicts the answer's first",
    "generated": "the tokens that wrote the answer",
    "question": "the tokens of the question",
}
OBSERVATIONS: dict[Statistic, str] = {
    "by mass": "an observation is a stream's share of a sample's attention to video and audio",
    "per token": "an observation is one token's share of the attention to video and audio",
}
SMALL = 0.095
MIRROR = "Of two shares that add up to 1, audio is the mirror of video."
DIRECTION = "Above zero: more attention when sight is asked about than when sound is."


def heading(run: Effects) -> str:
    """The model, the data and whose attention."""
    return f"{run.origin.name} on {run.origin.dataset}, attention of {QUERIES[run.query]}"


def clips_of(curves: Iterable[Curve]) -> str:
    """`n = 100 clips`, by condition where they differ."""
    counts = {curve.condition: curve.clips for curve in curves}
    if len(set(counts.values())) == 1:
        return f"n = {next(iter(counts.values()))} clips"
    return "n = " + ", ".join(f"{n} ({condition})" for condition, n in counts.items()) + " clips"


def number(value: float | None, decimals: int | None = None) -> str:
    """Two decimals, three for small ones; no sign on zero; a word where there is no number."""
    if value is None:
        return "undefined"
    places = _decimals(value) if decimals is None else decimals
    rounded = round(value, places)
    return f"{rounded if rounded else 0.0:.{places}f}".replace("-", "−")


def _decimals(value: float) -> int:
    return 3 if abs(value) < SMALL else 2


def with_interval(value: float | None, low: float | None, high: float | None) -> str:
    """`0.23 [0.20, 0.26]`, without the interval where there is none."""
    if value is None or low is None or high is None:
        return number(value)
    places = _decimals(value)
    return f"{number(value, places)} [{number(low, places)}, {number(high, places)}]"


def tabled(curves: Mapping[str, Curve]) -> NumberTable:
    """Curves of one length side by side, by their headings."""
    axis = next((curve.axis for curve in curves.values()), "layer")
    columns = [zip(one.d, one.low, one.high, strict=True) for one in curves.values()]
    return NumberTable(
        headings=(axis, *curves),
        rows=tuple(
            (str(at), *(with_interval(*point) for point in points))
            for at, points in enumerate(zip(*columns, strict=True))
        ),
    )


def peak(curve: Curve) -> int | None:
    """Where |d| is largest; None where it is nowhere defined."""
    known = [(abs(value), -at) for at, value in enumerate(curve.d) if value is not None]
    return -max(known)[1] if known else None


def told(curve: Curve) -> str:
    """A curve in a sentence."""
    at = peak(curve)
    name = f"{curve.stream}, {curve.condition}"
    if at is None:
        return f"{name}: undefined everywhere."
    defined = [value for value in curve.d if value is not None]
    top = with_interval(curve.d[at], curve.low[at], curve.high[at])
    sentence = (
        f"{name}: d from {number(min(defined))} to {number(max(defined))}, farthest from zero "
        f"{top} at {curve.axis} {at}"
    )
    gaps = [str(place) for place, value in enumerate(curve.d) if value is None]
    return sentence + (f", undefined at {', '.join(gaps)}." if gaps else ".")
