"""Decoded streams kept in memory up to a bound; two that ask for one at once decode it once."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future
from functools import cache
from threading import Lock
from typing import Any, TypeVar, cast

from mma_eval.errors import UsageError
from mma_eval.media.bounded import BoundedMemory, Sized

MEGABYTE = 1 << 20
DEFAULT_MEGABYTES = 1024
VARIABLE = "MMA_EVAL_MEDIA_CACHE_MB"


S = TypeVar("S", bound=Sized)


class StreamCache:
    """Least recently used streams go first; one that is larger than the bound is never kept."""

    def __init__(self, limit_bytes: int) -> None:
        self._memory = BoundedMemory(limit_bytes)
        self._pending: dict[str, Future[Any]] = {}
        self._lock = Lock()

    @property
    def limit_bytes(self) -> int:
        return self._memory.limit_bytes

    @property
    def held_bytes(self) -> int:
        return self._memory.held_bytes

    def __contains__(self, key: str) -> bool:
        return key in self._memory

    def get(self, key: str, decode: Callable[[], S]) -> S:
        """The stream of `key`, from `decode` if need be; its error reaches all who wait for it."""
        with self._lock:
            kept = self._memory.find(key)
            if kept is not None:
                return cast("S", kept)
            pending = self._pending.get(key)
            first = pending is None
            if pending is None:
                pending = self._pending[key] = Future()
        try:
            if first:
                return self._decode(key, pending, decode)
            return cast("S", pending.result())
        finally:
            # An error refers to this frame, and the future to the error: in that circle, what was
            # open would stay so until the garbage collector comes by.
            del pending

    def clear(self) -> None:
        with self._lock:
            self._memory.clear()

    def _decode(self, key: str, pending: Future[Any], decode: Callable[[], S]) -> S:
        try:
            stream = decode()
        except BaseException as error:
            with self._lock:
                del self._pending[key]
            pending.set_exception(error)
            # See get().
            del pending
            raise
        with self._lock:
            del self._pending[key]
            self._memory.keep(key, stream)
        pending.set_result(stream)
        return stream


@cache
def default_cache() -> StreamCache:
    """The cache of this process, of MMA_EVAL_MEDIA_CACHE_MB megabytes."""
    text = os.environ.get(VARIABLE, str(DEFAULT_MEGABYTES))
    try:
        megabytes = float(text)
    except ValueError:
        megabytes = -1.0
    if not 0 <= megabytes < float("inf"):
        raise UsageError(f"{VARIABLE} must be a number of megabytes, got '{text}'")
    return StreamCache(int(megabytes * MEGABYTE))
