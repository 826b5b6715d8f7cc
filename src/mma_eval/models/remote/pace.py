"""How many requests a server gets at once: more while it takes them, half when it is busy."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition

AT_FIRST = 2.0
POLL = 0.2
"""Seconds after which a waiting thread looks whether it should stop."""


class CallStoppedError(Exception):
    """The run has ended while this call waited."""


class Pace:
    """Additive increase, multiplicative decrease (Chiu and Jain 1989), and holds asked for.

    The limit grows by one for every round of requests that succeed, and halves at most once for
    the requests of one round that meet a busy server.
    """

    def __init__(
        self,
        most: int,
        stopped: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.most = most
        self.limit = min(AT_FIRST, float(most))
        self.in_flight = 0
        self._stopped = stopped
        self._clock = clock
        self._held_until = 0.0
        self._slowed_at = -1.0
        self._changed = Condition()

    @contextmanager
    def slot(self) -> Iterator[float]:
        """Room for one request, and the time it began; raises CallStoppedError."""
        with self._changed:
            while not self._free():
                if self._stopped():
                    raise CallStoppedError
                self._changed.wait(POLL)
            self.in_flight += 1
            began = self._clock()
        try:
            yield began
        finally:
            with self._changed:
                self.in_flight -= 1
                self._changed.notify_all()

    def succeeded(self) -> None:
        with self._changed:
            self.limit = min(float(self.most), self.limit + 1 / self.limit)
            self._changed.notify_all()

    def busy(self, began: float, hold: float | None = None) -> None:
        """The request that began then met a busy server, which may have said how long to hold."""
        with self._changed:
            now = self._clock()
            if began > self._slowed_at:
                self.limit = max(1.0, self.limit / 2)
                self._slowed_at = now
            if hold is not None:
                self._held_until = max(self._held_until, now + hold)

    def _free(self) -> bool:
        return self.in_flight < int(self.limit) and self._clock() >= self._held_until
