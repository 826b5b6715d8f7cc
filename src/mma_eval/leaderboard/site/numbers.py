"""Numbers of the board as its page prints them."""

from __future__ import annotations

from mma_eval.leaderboard.board import BothRight, Cell, Number
from mma_eval.leaderboard.site.view import CellView
from mma_eval.report.svg.scale import percent

_UNITS = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "K"))


def number_cell(number: Number | None, notes: tuple[int, ...] = ()) -> CellView:
    """A share in percent with its interval."""
    if number is None:
        return CellView()
    return CellView(percent(number.value), interval(number), notes)


def task_cell(cell: Cell | None) -> CellView:
    """As printed where it is reported, so with the decimals of its source."""
    if cell is None:
        return CellView()
    if cell.source is None:
        return number_cell(cell.number, cell.footnotes)
    text = f"{100 * cell.number.value:.{cell.decimals}f}"
    return CellView(text, interval(cell.number), cell.footnotes)


def both_right_cell(both: BothRight | None, decimals: int) -> CellView:
    """The share, or the bounds that it lies between with the decimals of what they come from."""
    if both is None:
        return CellView()
    if both.low is not None and both.high is not None:
        return CellView(f"{100 * both.low:.{decimals}f} to {100 * both.high:.{decimals}f}")
    return number_cell(both.number)


def points_cell(difference: float | None) -> CellView:
    """A difference in points, with a true minus."""
    if difference is None:
        return CellView()
    return CellView(f"{100 * difference:.1f}".replace("-", "\u2212").replace("\u22120.0", "0.0"))


def interval(number: Number) -> str:
    """`38–48`, in percent; nothing where none is known."""
    if number.low is None or number.high is None:
        return ""
    return f"{100 * number.low:.0f}–{100 * number.high:.0f}"


def size_cell(parameters: int | None) -> CellView:
    """`7.6B`: three digits at most."""
    if parameters is None:
        return CellView()
    unit, name = next((pair for pair in _UNITS if parameters >= pair[0]), (1, ""))
    return CellView(f"{parameters / unit:.3g}{name}", order=str(parameters))
