"""Work that may hang, even in C: given up after a time. Its thread cannot be ended, only left."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from threading import Thread
from threading import enumerate as living_threads
from typing import TypeVar

T = TypeVar("T")

NAME = "mma-eval-watched"


class Pulse:
    """The time since the last sign of life."""

    def __init__(self) -> None:
        self.beat()

    def beat(self) -> None:
        self._last = time.monotonic()

    @property
    def silence(self) -> float:
        """Seconds since the last beat."""
        return time.monotonic() - self._last


def within(seconds: float, work: Callable[[], T]) -> T:
    """What `work` returns or raises; TimeoutError where it takes longer than `seconds`."""
    result = _begin(work)
    if not wait([result], timeout=seconds).done:
        raise TimeoutError(f"no answer within {seconds:g} s")
    return result.result()


def while_alive(pulse: Pulse, limit: float, work: Callable[[], T]) -> T:
    """What `work` returns or raises; TimeoutError once `pulse` is silent for `limit` seconds."""
    pulse.beat()
    result = _begin(work)
    while not wait([result], timeout=max(0.01, limit - pulse.silence)).done:
        if pulse.silence >= limit:
            raise TimeoutError(f"no sign of life for {limit:g} s")
    return result.result()


def leaves_thread() -> bool:
    """Whether work that was given up still goes on; then the process may not end by itself."""
    return any(thread.name == NAME for thread in living_threads())


def _begin(work: Callable[[], T]) -> Future[T]:
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as error:
            result.set_exception(error)

    Thread(target=run, name=NAME, daemon=True).start()
    return result
