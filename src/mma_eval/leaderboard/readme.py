"""The tables in the README of the leaderboard: the best of each ranking, and the paper's rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mma_eval.errors import FileError
from mma_eval.leaderboard.board import Board, BoardRow, Cell, Kind, Number

START, END = "<!-- leaderboard: start -->", "<!-- leaderboard: end -->"
MOST_ROWS = 20
"""Of one kind on one dataset version; the page and the CSV file hold them all."""
SHOWN = ("aligned_visual", "aligned_audio", "misalign_visual", "misalign_audio")
HEADINGS: tuple[str, ...] = (
    "aligned, seen",
    "aligned, heard",
    "misaligned, seen",
    "misaligned, heard",
)
TITLES: dict[Kind, str] = {
    "reproduced": "Reproduced",
    "re-scored": "Re-scored",
    "reported": "Reported",
}
NO_NUMBER = "-"


def with_tables(readme: str, board: Board, path: str) -> str:
    """`readme` with what stands between its two markers made anew; FileError without markers."""
    before, start, rest = readme.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise FileError(path, f"needs the lines {START} and {END}, between which the tables go")
    return f"{before}{START}\n{tables(board)}{END}{after}"


def tables(board: Board) -> str:
    """Every kind and dataset version under a heading of its own, specimens last."""
    parts = [""]
    groups: dict[tuple[bool, str, str, Kind], list[BoardRow]] = {}
    for row in board.rows:
        key = (row.specimen, row.dataset, row.dataset_version, row.kind)
        groups.setdefault(key, []).append(row)
    for (specimen, dataset, version, kind), rows in sorted(groups.items(), key=lambda g: g[0][0]):
        title = "Specimens, apart from the ranking" if specimen else TITLES[kind]
        parts += [f"### {title}: {plain(dataset)}, {plain(version)}", ""]
        parts += [plain(board.words.kinds[kind]), "", *_table(board, rows), ""]
    return "\n".join([*parts, *_footnotes(board)])


def plain(text: str) -> str:
    """Text that Markdown shows as it is: no markup, no link, on one line."""
    line = " ".join(text.split())
    for letter, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        line = line.replace(letter, entity)
    line = re.sub(r"([\\`*_\[\]|~#!$:@])", r"\\\1", line)
    return re.sub(r"(?i)\bwww\.", r"www\\.", line)


def _table(board: Board, rows: Sequence[BoardRow]) -> Iterator[str]:
    yield _line(("rank", "model", "both right", *HEADINGS, "conflict clips"))
    yield _line(("--:", ":--", *["--:"] * (len(HEADINGS) + 2)))
    for row in rows[:MOST_ROWS]:
        yield _line(tuple(_cells(board, row)))
    if len(rows) > MOST_ROWS:
        yield ""
        yield f"{len(rows) - MOST_ROWS} more rows are on the page and in `leaderboard.csv`."
    unranked = [row for row in rows[:MOST_ROWS] if row.standing.unranked and row.answered]
    for at, row in enumerate(row for row in unranked if not row.specimen):
        if not at:
            yield ""
        yield f"- {plain(row.model.title)} is not ranked: {plain(row.standing.unranked or '')}."


def _cells(board: Board, row: BoardRow) -> Iterator[str]:
    standing, answered = row.standing, row.answered
    yield NO_NUMBER if standing.rank is None else str(standing.rank)
    yield plain(row.model.title) + _marks(row.footnotes)
    yield _both_right(board, row)
    for task in SHOWN:
        yield _number(row.cells.get(task))
    if answered is None:
        yield NO_NUMBER
    else:
        yield f"{answered.conflict_clips} of {answered.conflict_planned}"


def _both_right(board: Board, row: BoardRow) -> str:
    """On the common clips where the row is ranked, else on its own; bounds where reported."""
    both = row.both_right.get(board.primary)
    if row.standing.common is not None:
        return f"**{_interval(row.standing.common)}**"
    if both is None:
        return NO_NUMBER
    if both.number is not None:
        return _interval(both.number)
    assert both.low is not None and both.high is not None, "without answers there are bounds"
    return f"{100 * both.low:.1f} to {100 * both.high:.1f}"


def _number(cell: Cell | None) -> str:
    if cell is None:
        return NO_NUMBER
    return f"{100 * cell.number.value:.{cell.decimals}f}{_marks(cell.footnotes)}"


def _interval(number: Number) -> str:
    if number.low is None or number.high is None:
        return f"{100 * number.value:.1f}"
    return f"{100 * number.value:.1f} ({100 * number.low:.0f} to {100 * number.high:.0f})"


def _marks(footnotes: Sequence[int]) -> str:
    return f"<sup>{','.join(map(str, footnotes))}</sup>" if footnotes else ""


def _footnotes(board: Board) -> Iterator[str]:
    yield "In percent, with 95 % intervals; both right of a reported row lies between the bounds."
    yield ""
    used = {number for row in board.rows for number in row.footnotes}
    used |= {
        number
        for row in board.rows
        for task in SHOWN
        if task in row.cells
        for number in row.cells[task].footnotes
    }
    for footnote in board.footnotes:
        if footnote.number in used:
            yield f"<sup>{footnote.number}</sup> {plain(footnote.text)}<br>"
    yield ""


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
