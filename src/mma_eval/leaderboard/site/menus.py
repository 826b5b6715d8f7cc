"""What the page can be filtered and sorted by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mma_eval.leaderboard.board import Board
from mma_eval.leaderboard.site.columns import EXPOSURES
from mma_eval.leaderboard.site.view import Choice, Menu, TableView

SIZES = (
    Choice("0-4", "under 4B"),
    Choice("4-10", "4B to 10B"),
    Choice("10-40", "10B to 40B"),
    Choice("40-", "40B and more"),
    Choice("-", "not known"),
)
"""Billions of parameters, from and below."""


def menus(board: Board, tables: Sequence[TableView]) -> tuple[Menu, ...]:
    """One for each quality that rows differ in; those without a choice are left out."""
    conditions = {column.condition: column.title for column in board.columns}
    asks = [Choice("visual", "what is seen"), Choice("audio", "what is heard")]
    licences = sorted({(row.model.license or "").strip() for row in board.rows} - {""})
    datasets = dict.fromkeys(table.dataset for table in tables)
    kinds = dict.fromkeys(table.kind for table in tables)
    found = (
        Menu("cond", "Condition", "all", _choices(conditions.items())),
        Menu("ask", "Asked", "both", tuple(asks)),
        Menu("size", "Size", "any", SIZES),
        Menu(
            "open",
            "Weights",
            "any",
            (Choice("open", "open"), Choice("closed", "closed"), Choice("-", "not known")),
        ),
        Menu("licence", "Licence", "any", (*_same(licences), Choice("-", "not known"))),
        Menu("exposure", "Exposure", "any", _exposures()),
        Menu("kind", "Kind of row", "all", _same(kinds)),
        Menu("data", "Data", "all", _same(datasets)),
    )
    return tuple(menu for menu in found if len(menu.choices) > 1)


def orders(tables: Iterable[TableView]) -> tuple[Choice, ...]:
    """Every column of every table, once, with the title of its group."""
    found: dict[str, str] = {"model": "Model"}
    for table in tables:
        for group in table.groups:
            for head in group.heads:
                words = f"{group.title}: {head.label}" if group.title else head.label
                found.setdefault(head.key, words[0].upper() + words[1:])
    return _choices(found.items())


def _exposures() -> tuple[Choice, ...]:
    """By the letters of a row's exposure code; a dot stands for any."""
    count = len(EXPOSURES)
    single = [
        Choice("." * at + "y" + "." * (count - at - 1), words)
        for at, words in enumerate(EXPOSURES.values())
    ]
    return (Choice("n" * count, "none"), *single, Choice("-", "something not known"))


def _choices(pairs: Iterable[tuple[str, str]]) -> tuple[Choice, ...]:
    return tuple(Choice(value, words) for value, words in pairs)


def _same(values: Iterable[str]) -> tuple[Choice, ...]:
    return tuple(Choice(value, value) for value in values)
