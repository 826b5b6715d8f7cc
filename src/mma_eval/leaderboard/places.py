"""From rows without a place to the rows of the board, in its order, and its rankings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from mma_eval.leaderboard.board import BoardRow, Kind, Ranking
from mma_eval.leaderboard.ranking import not_ranked, rank
from mma_eval.leaderboard.rows import PRIMARY, MeasuredRow

KINDS: tuple[Kind, ...] = ("reproduced", "re-scored", "reported")
Group = tuple[str, str, Kind]


def placed(measured: Iterable[MeasuredRow]) -> tuple[list[BoardRow], list[Ranking]]:
    """Rows with their standing; each kind on each dataset version is a ranking of its own.

    So a forged file can push no reproduced row down, nor take clips from its comparison.
    """
    rows: list[BoardRow] = []
    rankings: list[Ranking] = []
    groups: defaultdict[Group, list[MeasuredRow]] = defaultdict(list)
    for one in measured:
        if reason := _apart(one.row):
            rows.append(one.row.model_copy(update={"standing": not_ranked(reason)}))
        else:
            groups[one.row.dataset, one.row.dataset_version, one.row.kind].append(one)
    for group in sorted(groups):
        members = groups[group]
        standing, ranking = _ranked(group, members)
        rows += standing
        rankings.append(ranking)
    return rows, rankings


def in_order(rows: Iterable[BoardRow]) -> tuple[BoardRow, ...]:
    """Ranked rows by place, then the others by name; reported ones and specimens last."""

    def place(row: BoardRow) -> tuple[object, ...]:
        position = row.standing.position
        return (
            row.specimen,
            KINDS.index(row.kind),
            row.dataset,
            row.dataset_version,
            position is None,
            position or 0,
            _least(row),
            row.id,
        )

    return tuple(sorted(rows, key=place))


def _least(row: BoardRow) -> float:
    """Unranked rows by what both right is at least, the highest first."""
    both = row.both_right.get(PRIMARY)
    if both is None:
        return 1.0
    return -(both.number.value if both.number is not None else both.low or 0.0)


def _apart(row: BoardRow) -> str | None:
    """Why a row takes no part in any ranking."""
    if row.specimen:
        return "a constructed specimen, shown apart from the ranking"
    if PRIMARY not in row.both_right:
        return f"lacks the two questions of {PRIMARY}"
    return None


def _ranked(group: Group, members: Sequence[MeasuredRow]) -> tuple[list[BoardRow], Ranking]:
    dataset, version, kind = group
    planned = members[0].conflict_planned
    ranked = rank([member.contender for member in members], planned)
    rows = [
        member.row.model_copy(update={"standing": ranked.standings[member.row.id]})
        for member in members
    ]
    return rows, Ranking(
        dataset=dataset,
        dataset_version=version,
        kind=kind,
        ranked=ranked.order,
        common=ranked.common,
        conflict_planned=planned,
        comparisons=ranked.comparisons,
    )
