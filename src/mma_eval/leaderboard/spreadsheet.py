"""`leaderboard.csv`: one line a row, shares in 0 to 1; an empty cell where there is no number."""

from __future__ import annotations

from collections.abc import Iterator

from mma_eval.leaderboard.board import Board, BoardRow, BothRight, Number
from mma_eval.report.export.spreadsheet import Cell, csv_lines

FACTS = (
    "kind",
    "rank",
    "tied_with",
    "specimen",
    "model",
    "adapter",
    "family",
    "parameters",
    "license",
    "open",
    "judged_clip_selection",
    "tuned_on_training_split",
    "trained_on_audioset_labels",
    "dataset",
    "dataset_version",
    "conflict_clips",
    "conflict_planned",
    "coverage",
    "source",
    "submission",
    "unranked",
)
INTERVAL = ("", "_low", "_high", "_n")
BOTH_RIGHT = (
    *(f"both_right{end}" for end in INTERVAL),
    "both_right_least",
    "both_right_most",
    *(f"both_right_common{end}" for end in INTERVAL),
)
ALTERNATIVES = (
    "mean_misaligned",
    "worst",
    "worst_task",
    "drop",
    "drop_visual",
    "drop_audio",
    "other_modality",
    "follows_sound",
    "follows_sight",
)


def csv_text(board: Board) -> str:
    """The file's content; no text in it can start a formula."""
    measures = [f"{column.task}{end}" for column in board.columns for end in INTERVAL]
    header = ("id", *FACTS, *BOTH_RIGHT, *ALTERNATIVES, *measures)
    return "".join(csv_lines(header, (list(_line(board, row)) for row in board.rows)))


def _line(board: Board, row: BoardRow) -> Iterator[Cell]:
    yield row.id
    yield from _facts(row)
    both = row.both_right.get(board.primary, BothRight())
    yield from _interval(both.number)
    yield from (both.low, both.high)
    yield from _interval(row.standing.common)
    yield from _alternatives(row)
    for column in board.columns:
        cell = row.cells.get(column.task)
        yield from _interval(None if cell is None else cell.number)


def _facts(row: BoardRow) -> Iterator[Cell]:
    model, answered, exposure = row.model, row.answered, row.model.exposure
    yield from (row.kind, row.standing.rank, row.standing.tied_with, _truth(row.specimen))
    yield from (model.title, model.adapter, model.family, model.parameters, model.license)
    yield _truth(model.open)
    yield _truth(exposure.judged_clip_selection)
    yield _truth(exposure.tuned_on_training_split)
    yield _truth(exposure.trained_on_audioset_labels)
    yield from (row.dataset, row.dataset_version)
    if answered is None:
        yield from (None, None, None)
    else:
        yield from (answered.conflict_clips, answered.conflict_planned, _short(answered.coverage))
    yield from (row.source, row.submission, row.standing.unranked)


def _alternatives(row: BoardRow) -> Iterator[Cell]:
    others = row.alternatives
    yield _short(others.mean_misaligned)
    yield from (
        (None, None)
        if others.worst is None
        else (_short(others.worst.number.value), others.worst.task)
    )
    yield from (_short(others.drop), _short(others.drop_visual), _short(others.drop_audio))
    for number in (others.other_modality, others.follows_sound, others.follows_sight):
        yield None if number is None else _short(number.value)


def _interval(number: Number | None) -> tuple[Cell, ...]:
    if number is None:
        return (None,) * len(INTERVAL)
    return (_short(number.value), _short(number.low), _short(number.high), number.n)


def _short(value: float | None) -> float | None:
    """Six decimals: a hundredth of a published figure's last digit."""
    return None if value is None else round(value, 6)


def _truth(value: bool | None) -> str | None:
    return None if value is None else "yes" if value else "no"
