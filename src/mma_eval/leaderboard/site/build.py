"""From a board to what its page shows."""

from __future__ import annotations

from collections.abc import Sequence

from mma_eval.leaderboard.board import Board, BoardRow, Kind, Ranking
from mma_eval.leaderboard.site.columns import (
    ALTERNATIVES,
    Column,
    columns,
    exposure_code,
    head_groups,
)
from mma_eval.leaderboard.site.menus import menus, orders
from mma_eval.leaderboard.site.models import model_views
from mma_eval.leaderboard.site.view import (
    NoteView,
    RowView,
    SectionView,
    SitePage,
    TableView,
)
from mma_eval.report.page import words
from mma_eval.report.page.view import Fact

KINDS: tuple[Kind, ...] = ("reproduced", "re-scored", "reported")
_TITLES = {"reproduced": "Reproduced", "re-scored": "Re-scored", "reported": "Reported"}
_SPECIMENS = "Specimen, apart from the ranking"
_SPECIMEN_WORDS = (
    "A constructed model with small weights that shows what the tool measures, on synthetic "
    "clips. Its numbers are no evidence about any other model."
)
_PROFILE = Fact(
    "Profile",
    "Right answers in each condition, in the order of the columns: blue where it is asked what is "
    "seen, orange where it is asked what is heard. Dashed: the same on aligned clips. A model that "
    "can be trusted fills every bar up to its dashes.",
)
_TERMS = ("Accuracy", "Interval", "Leak", "Coverage", "Declined")


def build_site(board: Board) -> SitePage:
    """The whole page."""
    sections = tuple(_section(board, kind) for kind in KINDS)
    specimens = _tables(board, [row for row in board.rows if row.specimen], "specimen")
    if specimens:
        sections += (SectionView("specimen", _SPECIMENS, _SPECIMEN_WORDS, "", specimens),)
    tables = [table for section in sections for table in section.tables]
    return SitePage(
        primary=board.words.primary,
        ranking=board.words.ranking,
        not_meant=board.words.not_meant,
        lead=tuple(Fact(section.title, _count(section)) for section in sections if section.tables),
        sections=sections,
        menus=menus(board, tables),
        orders=orders(tables),
        models=model_views(board.rows),
        footnotes=tuple(NoteView(note.number, note.text) for note in board.footnotes),
        terms=_terms(board),
        made_from=len(board.generated_from),
    )


def _section(board: Board, kind: Kind) -> SectionView:
    rows = [row for row in board.rows if row.kind == kind and not row.specimen]
    return SectionView(
        anchor=kind,
        title=_TITLES[kind],
        words=board.words.kinds.get(kind, ""),
        empty="There is no such row yet.",
        tables=_tables(board, rows, kind),
    )


def _count(section: SectionView) -> str:
    rows = sum(len(table.rows) for table in section.tables)
    return f"{rows:,} row{'' if rows == 1 else 's'}"


def _tables(board: Board, rows: Sequence[BoardRow], prefix: str) -> tuple[TableView, ...]:
    """One for each kind and dataset version, in the order of their first rows."""
    groups: dict[tuple[Kind, str, str], list[BoardRow]] = {}
    for row in rows:
        groups.setdefault((row.kind, row.dataset, row.dataset_version), []).append(row)
    return tuple(
        _table(board, kind, held, f"{prefix}-{at}")
        for at, ((kind, _, _), held) in enumerate(groups.items(), start=1)
    )


def _table(board: Board, kind: Kind, rows: Sequence[BoardRow], anchor: str) -> TableView:
    found = columns(board, rows)
    dataset, version = rows[0].dataset, rows[0].dataset_version
    says_it = version.replace("-", "_").startswith(dataset.replace("-", "_"))
    named = version if says_it else f"{dataset} {version}"
    flat = [column for _, held in found for column in held]
    return TableView(
        anchor=anchor,
        kind="specimen" if rows[0].specimen else kind,
        dataset=named,
        caption=f"{_TITLES[kind]} on {named}",
        remark=_remark(_ranking(board, rows[0])) if not rows[0].specimen else "",
        ranked=any(row.standing.rank is not None for row in rows),
        groups=head_groups(found),
        rows=tuple(_row(row, flat) for row in rows),
    )


def _ranking(board: Board, row: BoardRow) -> Ranking | None:
    wanted = (row.kind, row.dataset, row.dataset_version)
    return next(
        (r for r in board.rankings if (r.kind, r.dataset, r.dataset_version) == wanted), None
    )


def _remark(ranking: Ranking | None) -> str:
    if ranking is None or not ranking.ranked:
        return ""
    count = len(ranking.ranked)
    return (
        f"{count:,} row{' is' if count == 1 else 's are'} ranked, on the {ranking.common:,} of "
        f"{ranking.conflict_planned:,} conflict clips that all of them answered; "
        f"{ranking.comparisons:,} pair{'' if ranking.comparisons == 1 else 's'} tested."
    )


def _row(row: BoardRow, shown: Sequence[Column]) -> RowView:
    return RowView(
        id=row.id,
        title=row.model.title,
        below=_below(row),
        rank="" if row.standing.rank is None else str(row.standing.rank),
        remark=_place(row),
        exposure=exposure_code(row.model.exposure),
        notes=row.footnotes,
        cells=tuple(column.cell(row) for column in shown),
    )


def _below(row: BoardRow) -> str:
    """The family, and the adapter where the title does not name it."""
    adapter = row.model.adapter
    named = adapter is None or adapter in row.model.title
    return ", ".join(filter(None, (row.model.family, None if named else f"with {adapter}")))


def _place(row: BoardRow) -> str:
    """With how many a row is tied, or why it has no rank where its neighbours have."""
    standing = row.standing
    if standing.rank is not None:
        others = f"{standing.tied_with:,} other{'' if standing.tied_with == 1 else 's'}"
        return f"tied with {others}" if standing.tied_with else ""
    if row.kind == "reported" or row.specimen or standing.unranked is None:
        return ""
    return f"not ranked: {standing.unranked}"


def _terms(board: Board) -> tuple[Fact, ...]:
    own = [term for term in words.TERMS if term.name in _TERMS]
    told = board.words.alternatives
    return (
        _PROFILE,
        *own,
        *(Fact(label, told[key]) for key, label in ALTERNATIVES.items() if key in told),
    )
