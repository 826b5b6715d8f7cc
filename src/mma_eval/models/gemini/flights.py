"""Batch jobs under way: looked at now and then, until their answers can be handed on."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from threading import Event

from mma_eval.errors import ModelError
from mma_eval.models.base import failed_answer
from mma_eval.models.gemini.job_records import JobRecord, JobRecords
from mma_eval.models.gemini.job_results import Result
from mma_eval.models.gemini.jobs import JobLook, Jobs
from mma_eval.models.gemini.reply import read_reply
from mma_eval.models.gemini.request import GeminiSettings
from mma_eval.models.remote.calls import CallError, Reply, with_notes
from mma_eval.models.remote.cost import Ledger
from mma_eval.types import Answer

ASKED_IN_A_BATCH = "asked in a batch job"

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class Flight:
    """A job, and the questions of this run that wait for it."""

    record: JobRecord
    waiting: dict[str, list[str]] = field(default_factory=dict)
    """Question ids by key."""
    reserved: dict[str, float] = field(default_factory=dict)
    """US dollars by key."""
    state: str = ""
    ended: JobLook | None = None
    results: dict[str, Result] = field(default_factory=dict)
    results_missing_since: float | None = None


class Flights:
    """All jobs on record; those with questions that wait are running until they have ended.

    The service is lost once it has been silent for `silence_seconds`, or says that it always will
    be. Then questions fail, and jobs stay on record. Methods that hand on answers raise ModelError
    where it is lost before it has answered anything, and StoreError where records cannot be kept.
    """

    def __init__(
        self,
        jobs: Jobs,
        records: JobRecords,
        ledger: Ledger,
        settings: GeminiSettings,
        *,
        poll_seconds: float,
        silence_seconds: float,
    ) -> None:
        self.lost: CallError | None = None
        self._jobs = jobs
        self._records = records
        self._ledger = ledger
        self._settings = settings
        self._poll_seconds = poll_seconds
        self._silence_seconds = silence_seconds
        self._running: list[Flight] = []
        self._received = False
        self._looked_at = time.monotonic()
        self._silent_since: float | None = None
        self._clock = Event()
        self._holders: dict[str, Flight] = {}
        """By the key of each question."""
        for record in records.read():
            self._hold(Flight(record), record.questions)

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def due(self) -> bool:
        """Whether it is time to look again."""
        return time.monotonic() - self._looked_at >= self._poll_seconds

    def add(self, flight: Flight) -> None:
        """A job that has just been created."""
        self._hold(flight, tuple(flight.waiting))
        self._running.append(flight)
        count = len(flight.waiting)
        _log.warning("%s: %d questions; found again if this run ends", flight.record.name, count)

    def hold(self, key: str) -> bool:
        """Whether a job holds the question; one that was never created is forgotten."""
        flight = self._holders.get(key)
        if flight is None or flight.record.name is not None:
            return flight is not None
        try:
            name = self._jobs.find(flight.record.display_name)
        except CallError as error:
            raise ModelError(f"a batch job that may exist cannot be looked for: {error}") from error
        if name is None:
            self._drop(flight)
            return False
        flight.record = flight.record.model_copy(update={"name": name})
        self._records.keep(flight.record)
        return True

    def join(self, key: str, question: str) -> Iterator[Answer]:
        """Let a question wait for the job that holds it."""
        flight = self._holders[key]
        flight.waiting.setdefault(key, []).append(question)
        if key not in flight.reserved:
            flight.reserved[key] = self._ledger.reserve_asked()
        if flight.ended is not None:
            yield from self._hand_on(flight)
        elif flight not in self._running:
            self._running.append(flight)

    def next_end(self) -> Iterator[Answer]:
        """Wait until one of the running jobs has ended."""
        before = len(self._running)
        while self._running and len(self._running) >= before:
            self._clock.wait(self._poll_seconds)
            yield from self.look()

    def look(self) -> Iterator[Answer]:
        """Look at every running job once, and hand on the answers of those that have ended."""
        self._looked_at = time.monotonic()
        for flight in tuple(self._running):
            if self.lost is not None:
                return
            try:
                ended = self._has_ended(flight)
            except CallError as error:
                if not error.again or self._silent_too_long():
                    where = self._records.path(flight.record)
                    told = f"{error} (batch job {flight.record.name}, on record in {where})"
                    yield from self.lose(CallError(told, status=error.status))
                continue
            self._silent_since = None
            if ended:
                self._running.remove(flight)
                yield from self._hand_on(flight)

    def lose(self, error: CallError) -> Iterator[Answer]:
        """No job can be reached or created any more."""
        if not self._received:
            raise ModelError(str(error)) from error
        self.lost = error
        running, self._running = self._running, []
        for flight in running:
            yield from self.fail(flight, error)

    def fail(self, flight: Flight, error: Exception, *, billed: bool = False) -> Iterator[Answer]:
        """Failed answers to all questions that wait for the job."""
        waiting, flight.waiting = flight.waiting, {}
        for key, questions in waiting.items():
            self._ledger.settle(flight.reserved.pop(key), None, billed=billed)
            yield from (failure(question, error) for question in questions)

    def _silent_too_long(self) -> bool:
        now = time.monotonic()
        self._silent_since = now if self._silent_since is None else self._silent_since
        return now - self._silent_since >= self._silence_seconds

    def _has_ended(self, flight: Flight) -> bool:
        """Raises CallError."""
        assert flight.record.name is not None
        look = self._jobs.look(flight.record.name)
        if look.state != flight.state:
            flight.state = look.state
            _log.warning("%s: %s", flight.record.name, look.state.lower())
        if look.failure is None or self._results_may_come(flight, look):
            return False
        if look.results_file is not None:
            flight.results = self._jobs.results(look.results_file)
        flight.ended = look
        self._jobs.forget_uploads(flight.record.uploads)
        return True

    def _results_may_come(self, flight: Flight, look: JobLook) -> bool:
        """The file of a job that has succeeded may be there some time after the state."""
        if look.state != "SUCCEEDED" or look.results_file is not None:
            return False
        now = time.monotonic()
        since = flight.results_missing_since = flight.results_missing_since or now
        return now - since < self._silence_seconds

    def _hand_on(self, flight: Flight) -> Iterator[Answer]:
        """Answers to the questions that wait for a job which has ended."""
        handed = []
        refused: CallError | None = None
        waiting, flight.waiting = flight.waiting, {}
        for key, questions in waiting.items():
            reserved = flight.reserved.pop(key)
            try:
                reply = self._reply(flight, key, questions[0])
            except CallError as error:
                self._ledger.settle(reserved, None, billed=error.billed)
                if error.lost:
                    # Paid for, and kept on record: a later run may accept it.
                    refused = error
                    if not self._received:
                        raise ModelError(str(error)) from error
                else:
                    handed.append(key)
                yield from (failure(question, error) for question in questions)
                continue
            self._ledger.settle(reserved, reply.usage)
            self._received = True
            handed.append(key)
            answer = with_notes(reply, ASKED_IN_A_BATCH).answer
            yield from (replace(answer, question_id=question) for question in questions)
        if not flight.results:
            self._drop(flight)
        else:
            flight.record = self._records.handed_on(flight.record, handed)
        for key in handed:
            self._holders.pop(key, None)
        if refused is not None:
            yield from self.lose(refused)

    def _reply(self, flight: Flight, key: str, question: str) -> Reply:
        """Raises CallError."""
        assert flight.ended is not None
        assert flight.ended.failure is not None
        result = flight.results.get(key)
        if result is None:
            raise flight.ended.failure
        settings = self._settings
        response = result.reply(self._jobs.server)
        return read_reply(response, question, settings.model, settings.accept_version)

    def _hold(self, flight: Flight, keys: tuple[str, ...]) -> None:
        self._holders.update(dict.fromkeys(keys, flight))

    def _drop(self, flight: Flight) -> None:
        """Forget a job that will never answer anything."""
        self._records.forget(flight.record)
        for key in flight.record.questions:
            self._holders.pop(key, None)


def failure(question: str, error: Exception) -> Answer:
    if isinstance(error, CallError):
        return Answer(question, error.status, error=str(error))
    return failed_answer(question, error)
