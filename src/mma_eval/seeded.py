"""Seeded draws that give the same result on every machine and library version."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import TypeVar

T = TypeVar("T")


class SeededStream:
    """A stream of draws from a seed and the names of what it is for (SHA-256 in counter mode).

    Python's and numpy's generators promise no stable shuffles across versions; a published
    pair table needs one.
    """

    def __init__(self, seed: int, *names: str) -> None:
        self._key = sha256("\x1f".join((str(seed), *names)).encode()).digest()
        self._counter = 0

    def bits(self) -> int:
        """The next 64 bits."""
        block = sha256(self._key + self._counter.to_bytes(8, "big")).digest()
        self._counter += 1
        return int.from_bytes(block[:8], "big")

    def below(self, bound: int) -> int:
        """A whole number in [0, bound), without modulo bias."""
        if bound < 1:
            raise ValueError(f"bound must be positive, got {bound}")
        limit = (1 << 64) - (1 << 64) % bound
        while (value := self.bits()) >= limit:
            pass
        return value % bound

    def choice(self, items: Sequence[T]) -> T:
        return items[self.below(len(items))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """A copy in random order (Fisher-Yates)."""
        result = list(items)
        for last in range(len(result) - 1, 0, -1):
            other = self.below(last + 1)
            result[last], result[other] = result[other], result[last]
        return result
