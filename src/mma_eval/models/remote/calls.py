"""One call to a server: paced, paid for, and repeated where the server may do better next time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Event
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

from mma_eval.errors import MmaEvalError
from mma_eval.models.remote.cost import Ledger, Usage
from mma_eval.models.remote.pace import CallStoppedError, Pace
from mma_eval.types import Answer, Status

T = TypeVar("T")

ASKED_AGAIN = "asked again after an error of the server"
CACHED = "part of the prompt was in the server's cache"


class CallError(MmaEvalError):
    """A call that did not bring an answer, and what that means for the next one."""

    def __init__(
        self,
        sentence: str,
        *,
        status: Status = Status.API_ERROR,
        again: bool = False,
        busy: bool = False,
        delay: float | None = None,
        lost: bool = False,
        billed: bool = False,
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.again = again
        """Whether the same request may succeed later."""
        self.busy = busy
        """Whether the server asks for fewer requests (429)."""
        self.delay = delay
        """Seconds that the server asks to wait."""
        self.lost = lost
        """Whether no request to this server can succeed any more: no connection, a refused key."""
        self.billed = billed
        """Whether the server may charge for it: it was working when the time ran out."""


@dataclass(frozen=True)
class Reply:
    """An answer and what it used; None where the server did not say."""

    answer: Answer
    usage: Usage | None


@dataclass(frozen=True)
class Patience:
    """How long a call is repeated; seconds."""

    retries: int = 5
    """Repetitions after errors of the server."""
    busy_for: float = 900.0
    """How long a server may stay busy for one request."""
    longest_delay: float = 300.0
    """A server that asks for more is not waited for."""
    first_wait: float = 1.0
    """The most waited before the first repetition; doubled for each further one."""
    longest_wait: float = 60.0


class Calls:
    """Calls to one server."""

    def __init__(self, patience: Patience, pace: Pace, ledger: Ledger, stopped: Event) -> None:
        self.pace = pace
        self._patience = patience
        self._ledger = ledger
        self._stopped = stopped
        self._lost: CallError | None = None
        """What every further call would meet."""
        self._backoff = wait_random_exponential(
            multiplier=patience.first_wait, max=patience.longest_wait
        )

    def ask(self, call: Callable[[], Reply], most: Usage) -> Reply:
        """The reply of a call that costs at most `most`; raises what the last repetition raised."""
        tries = 0

        def once() -> Reply:
            nonlocal tries
            tries += 1
            return self._paid(call, most)

        reply = self._repeated(once)
        return with_notes(reply, *(() if tries == 1 else (ASKED_AGAIN,)))

    def do(self, call: Callable[[], T]) -> T:
        """The same for a call that costs nothing, such as an upload."""
        return self._repeated(lambda: self._paced(call))

    def pause(self, seconds: float) -> None:
        """Wait; raises CallStoppedError once the run has ended."""
        if self._stopped.wait(seconds):
            raise CallStoppedError

    def _repeated(self, call: Callable[[], T]) -> T:
        retrying = Retrying(
            retry=retry_if_exception(self._worth_repeating),
            stop=self._enough,
            wait=self._wait,
            sleep=self.pause,
            reraise=True,
        )
        return retrying(call)

    def _paid(self, call: Callable[[], Reply], most: Usage) -> Reply:
        reserved = self._ledger.reserve(most)
        try:
            reply = self._paced(lambda: _timed(call))
        except BaseException as error:
            billed = isinstance(error, CallError) and error.billed
            self._ledger.settle(reserved, None, billed=billed)
            raise
        self._ledger.settle(reserved, reply.usage)
        return reply

    def _paced(self, call: Callable[[], T]) -> T:
        with self.pace.slot() as began:
            if self._lost is not None:
                raise self._lost
            try:
                result = call()
            except CallError as error:
                if error.lost and not error.again:
                    self._lost = error
                if error.busy:
                    self.pace.busy(began, self._hold(error))
                raise
            self.pace.succeeded()
            return result

    def _hold(self, error: CallError) -> float | None:
        if error.delay is None or error.delay > self._patience.longest_delay:
            return None
        return error.delay

    def _worth_repeating(self, error: BaseException) -> bool:
        if not isinstance(error, CallError) or not error.again:
            return False
        return error.delay is None or error.delay <= self._patience.longest_delay

    def _enough(self, state: RetryCallState) -> bool:
        error = _raised(state)
        if error.busy:
            return (state.seconds_since_start or 0.0) > self._patience.busy_for
        return state.attempt_number > self._patience.retries

    def _wait(self, state: RetryCallState) -> float:
        asked = _raised(state).delay
        return self._backoff(state) if asked is None else asked


def with_notes(reply: Reply, *notes: str) -> Reply:
    """The reply with more notes on its answer, and one where the server used its cache."""
    cached = (CACHED,) if reply.usage is not None and reply.usage.cached else ()
    answer = replace(reply.answer, notes=(*reply.answer.notes, *notes, *cached))
    return replace(reply, answer=answer)


def _timed(call: Callable[[], Reply]) -> Reply:
    began = time.perf_counter()
    reply = call()
    return replace(reply, answer=replace(reply.answer, seconds=time.perf_counter() - began))


def _raised(state: RetryCallState) -> CallError:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, CallError)
    return error
