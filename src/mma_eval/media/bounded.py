"""A memory of things that know their size: bounded in bytes, least recently used first out."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Protocol


class Sized(Protocol):
    """Something that knows how many bytes it holds."""

    @property
    def nbytes(self) -> int: ...


class BoundedMemory:
    """What is larger than the whole bound is never kept. Not safe for several threads by itself."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._kept: OrderedDict[Hashable, Sized] = OrderedDict()
        self._held = 0

    @property
    def held_bytes(self) -> int:
        return self._held

    def find(self, key: Hashable) -> Sized | None:
        """What is kept under `key`, now the most recently used."""
        if key not in self._kept:
            return None
        self._kept.move_to_end(key)
        return self._kept[key]

    def keep(self, key: Hashable, thing: Sized) -> None:
        if thing.nbytes > self.limit_bytes or key in self._kept:
            return
        self._kept[key] = thing
        self._held += thing.nbytes
        while self._held > self.limit_bytes:
            _, dropped = self._kept.popitem(last=False)
            self._held -= dropped.nbytes

    def clear(self) -> None:
        self._kept.clear()
        self._held = 0

    def __contains__(self, key: Hashable) -> bool:
        return key in self._kept

    def __len__(self) -> int:
        return len(self._kept)
