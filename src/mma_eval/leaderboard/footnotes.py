"""Footnotes of the board: each sentence once, numbered in the order of first use."""

from __future__ import annotations

from mma_eval.leaderboard.board import Footnote


class Footnotes:
    """Hands out the number of a sentence."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        return self._numbers.setdefault(text, len(self._numbers) + 1)

    def all(self) -> tuple[Footnote, ...]:
        return tuple(Footnote(number=number, text=text) for text, number in self._numbers.items())
