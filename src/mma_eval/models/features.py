"""A bounded memory of encoded streams, so that no stream is encoded twice while it is in use."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol, TypeVar, cast


class Sized(Protocol):
    """Something that knows how many bytes it holds."""

    @property
    def nbytes(self) -> int: ...


S = TypeVar("S", bound=Sized)


class FeatureCache:
    """Features by stream, the least recently used dropped first; bounded in bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0
        self._entries: OrderedDict[tuple[str, ...], Sized] = OrderedDict()

    def get(self, key: tuple[str, ...], make: Callable[[], S]) -> S:
        """What is kept under `key`, made and kept now if need be.

        Something larger than the whole bound is made anew each time.
        """
        if key in self._entries:
            self._entries.move_to_end(key)
            return cast("S", self._entries[key])
        made = make()
        if made.nbytes <= self._limit:
            self._entries[key] = made
            self._held += made.nbytes
            self._shrink()
        return made

    def _shrink(self) -> None:
        while self._held > self._limit:
            _, dropped = self._entries.popitem(last=False)
            self._held -= dropped.nbytes

    def clear(self) -> None:
        self._entries.clear()
        self._held = 0

    def __len__(self) -> int:
        return len(self._entries)
