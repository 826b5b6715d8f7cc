"""The columns of one table: only those that one of its rows fills."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from mma_eval.eval.task_names import baselines_of
from mma_eval.leaderboard.board import Board, BoardRow, ConditionColumn
from mma_eval.leaderboard.site.numbers import (
    both_right_cell,
    number_cell,
    points_cell,
    size_cell,
    task_cell,
)
from mma_eval.leaderboard.site.view import CellView, Head, HeadGroup
from mma_eval.models.card import Exposure
from mma_eval.report.page.words import ASKED

EXPOSURES = {
    "judged_clip_selection": "judged the clips",
    "tuned_on_training_split": "tuned on the training split",
    "trained_on_audioset_labels": "trained on AudioSet labels",
}
"""By the field names of `Exposure`."""
ALTERNATIVES = {
    "mean_misaligned": "Mean of both questions",
    "worst": "Worst condition",
    "drop": "Drop",
    "drop_visual": "Drop, seen",
    "drop_audio": "Drop, heard",
    "other_modality": "Names the other modality",
    "follows_sound": "Follows sound",
    "follows_sight": "Follows sight",
}
"""By the field names of `Alternatives`."""
_LOWER = ("drop", "drop_visual", "drop_audio", "other_modality", "follows_sound", "follows_sight")
_METRICS = {"leak": "leak", "abstention": "declined"}
PRIMARY = "both"


@dataclass(frozen=True)
class Column:
    """A head and what each row shows under it."""

    head: Head
    cell: Callable[[BoardRow], CellView]


def columns(board: Board, rows: Sequence[BoardRow]) -> list[tuple[str, list[Column]]]:
    """Columns by the title of their group, in order."""
    groups = [
        ("", [Column(Head(PRIMARY, "Both right", "higher"), _both(board.primary))]),
        ("", [Column(Head("n", "Clips", "higher", text=False), _clips)]),
        ("", [Column(Head("coverage", "Coverage", "higher"), _coverage)]),
    ]
    groups += _conditions(board)
    groups.append(("Other scores", [_alternative(name) for name in ALTERNATIVES]))
    groups += [
        ("", [Column(Head("size", "Size", "lower"), _size)]),
        ("", [Column(Head("open", "Weights", "text", text=True), _openness)]),
        ("", [Column(Head("licence", "Licence", "text", text=True), _licence)]),
        ("", [Column(Head("exposure", "Exposure", "text", text=True), _exposure)]),
        ("", [Column(Head("source", "Source", "text", text=True), _source)]),
    ]
    kept = [(title, [column for column in held if _filled(column, rows)]) for title, held in groups]
    return [(title, held) for title, held in kept if held]


def _filled(column: Column, rows: Sequence[BoardRow]) -> bool:
    return any(column.cell(row).text for row in rows)


def head_groups(found: Sequence[tuple[str, Sequence[Column]]]) -> tuple[HeadGroup, ...]:
    return tuple(HeadGroup(title, tuple(c.head for c in held)) for title, held in found)


def _conditions(board: Board) -> list[tuple[str, list[Column]]]:
    groups: dict[str, list[Column]] = {}
    titles: dict[str, str] = {}
    tasks = [column.task for column in board.columns]
    for column in board.columns:
        titles.setdefault(column.condition, column.title)
        groups.setdefault(column.condition, []).append(_task(column, tasks))
    for condition in dict.fromkeys(name for row in board.rows for name in row.both_right):
        if condition != board.primary and condition in groups:
            head = Head(f"both:{condition}", "both right", "higher", condition)
            groups[condition].append(Column(head, _both(condition)))
    return [(titles[condition], held) for condition, held in groups.items()]


def _task(column: ConditionColumn, tasks: Collection[str]) -> Column:
    asked = ASKED.get(column.ask or "both", "both")
    label = " ".join(filter(None, (asked, _METRICS.get(column.metric))))
    head = Head(
        key=column.task,
        label=label,
        sort=column.better,
        condition=column.condition,
        ask=column.ask or "both",
        metric=column.metric,
        baseline=next((name for name in baselines_of(column.task) if name in tasks), ""),
    )
    return Column(head, lambda row: task_cell(row.cells.get(column.task)))


def _both(condition: str) -> Callable[[BoardRow], CellView]:
    return lambda row: both_right_cell(row.both_right.get(condition), _decimals(row))


def _decimals(row: BoardRow) -> int:
    return max((cell.decimals for cell in row.cells.values()), default=1)


def _alternative(name: str) -> Column:
    head = Head(name, ALTERNATIVES[name], "lower" if name in _LOWER else "higher")
    return Column(head, lambda row: _alternative_cell(row, name))


def _alternative_cell(row: BoardRow, name: str) -> CellView:
    found = row.alternatives
    match name:
        case "worst":
            return number_cell(found.worst.number if found.worst else None)
        case "mean_misaligned":
            return points_cell(found.mean_misaligned)
        case "drop":
            return points_cell(found.drop)
        case "drop_visual":
            return points_cell(found.drop_visual)
        case "drop_audio":
            return points_cell(found.drop_audio)
        case "other_modality":
            return number_cell(found.other_modality)
        case "follows_sound":
            return number_cell(found.follows_sound)
        case _:
            return number_cell(found.follows_sight)


def _clips(row: BoardRow) -> CellView:
    if row.answered is None:
        return CellView()
    return CellView(f"{row.answered.conflict_clips:,}", order=str(row.answered.conflict_clips))


def _coverage(row: BoardRow) -> CellView:
    if row.answered is None or row.answered.coverage is None:
        return CellView()
    return CellView(f"{100 * row.answered.coverage:.4g} %")


def _size(row: BoardRow) -> CellView:
    return size_cell(row.model.parameters)


def _openness(row: BoardRow) -> CellView:
    return CellView({True: "open", False: "closed", None: ""}[row.model.open])


def _licence(row: BoardRow) -> CellView:
    return CellView((row.model.license or "").strip())


def _exposure(row: BoardRow) -> CellView:
    return CellView(exposure_words(row.model.exposure))


def _source(row: BoardRow) -> CellView:
    return CellView(row.source or "")


def exposure_words(exposure: Exposure) -> str:
    """What a model may have seen of the benchmark, as far as its card says."""
    answers = {words: getattr(exposure, name) for name, words in EXPOSURES.items()}
    told = [words for words, answer in answers.items() if answer]
    unknown = [words for words, answer in answers.items() if answer is None]
    if len(unknown) == len(answers):
        return ""
    if unknown:
        told.append("rest not known")
    return "; ".join(told) or "none"


def exposure_code(exposure: Exposure) -> str:
    """`y`, `n` or `-` for each of `EXPOSURES`."""
    letters = {True: "y", False: "n", None: "-"}
    return "".join(letters[getattr(exposure, name)] for name in EXPOSURES)
