"""Asking through batch jobs: requests are collected, several jobs are under way, answers come late.

A job outlives the process that made it. What is asked again is first looked for in the jobs that
are on record, and what a job holds beyond this run's questions stays on record.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass

from mma_eval.errors import ModelError
from mma_eval.media.policy import Sampling
from mma_eval.models.gemini.draft import Draft, Drafts
from mma_eval.models.gemini.flights import Flight, Flights, failure
from mma_eval.models.gemini.job_records import JobRecord, JobRecords, question_key
from mma_eval.models.gemini.jobs import Jobs
from mma_eval.models.gemini.media import Encoded
from mma_eval.models.remote.calls import CallError
from mma_eval.models.remote.cost import CostLimitError, Ledger
from mma_eval.types import Answer, Group, Question


@dataclass(frozen=True)
class BatchLimits:
    """When a draft becomes a job, and how many jobs are under way at once."""

    questions: int
    megabytes: float
    jobs: int


class Batch:
    """One run's questions, through the jobs of one account."""

    def __init__(
        self,
        jobs: Jobs,
        records: JobRecords,
        drafts: Drafts,
        flights: Flights,
        ledger: Ledger,
        limits: BatchLimits,
        *,
        asked_of: str,
        sampling: Sampling,
    ) -> None:
        self._jobs = jobs
        self._records = records
        self._drafts = drafts
        self._flights = flights
        self._ledger = ledger
        self._limits = limits
        self._asked_of = asked_of
        self._sampling = sampling
        self._draft: Draft | None = None
        self._spent: CostLimitError | None = None
        self._refused: CallError | None = None
        """Why no more jobs are begun, though those under way are waited for."""

    def answer(self, groups: Iterable[Group]) -> Iterator[Answer]:
        """One answer for every question, in any order.

        Raises ModelError where the service is lost before it has answered anything, StoreError
        where jobs cannot be recorded.
        """
        for group in groups:
            yield from self._enter(group)
            if self._flights.due:
                yield from self._flights.look()
        yield from self._submit()
        yield from self._flights.look()
        while self._flights.running:
            yield from self._flights.next_end()

    @property
    def _reason(self) -> ModelError | None:
        """Why nothing more is asked."""
        if self._stopped is not None:
            return ModelError(f"not asked: {self._stopped}")
        return None if self._spent is None else ModelError(str(self._spent))

    @property
    def _stopped(self) -> CallError | None:
        return self._flights.lost or self._refused

    def _enter(self, group: Group) -> Iterator[Answer]:
        """Questions go to the job that has them already, the others into the draft of a job."""
        new: dict[str, Question] = {}
        for question in group.questions:
            try:
                key = question_key(self._asked_of, self._sampling, group.media, question)
            except Exception as error:
                yield failure(question.id, error)
                continue
            if self._flights.hold(key):
                yield from self._flights.join(key, question.id)
            elif self._draft is not None and key in self._draft.waiting:
                self._draft.waiting[key].append(question.id)
            else:
                new[key] = question
        if new and self._reason is None:
            yield from self._write(group, new)
        elif self._reason is not None:
            yield from _failures(new, self._reason)

    def _write(self, group: Group, new: dict[str, Question]) -> Iterator[Answer]:
        """Put the questions into drafts, as many at a time as there is money for."""
        try:
            clip = self._drafts.prepare(group)
        except Exception as error:
            yield from _failures(new, error)
            return
        while new:
            reserved = self._reserved(clip, new)
            yield from self._add(clip, {key: new.pop(key) for key in reserved}, reserved)
            if new and self._reason is None:
                yield from self._submit()
                yield from self._flights.next_end()
            if self._reason is not None:
                yield from _failures(new, self._reason)
                return

    def _reserved(self, clip: Encoded, new: dict[str, Question]) -> dict[str, float]:
        """Dollars for as many questions, from the first on, as can be paid for now."""
        reserved: dict[str, float] = {}
        try:
            for key, question in new.items():
                held = self._ledger.reserve_now(self._drafts.most(clip, question))
                if held is None:
                    break
                reserved[key] = held
        except CostLimitError as error:
            self._spent = error
        return reserved

    def _add(
        self, clip: Encoded, questions: dict[str, Question], reserved: dict[str, float]
    ) -> Iterator[Answer]:
        """Put the questions into the draft, and make it a job once it is full."""
        if not questions:
            return
        draft = self._draft = self._draft or self._drafts.open()
        try:
            self._drafts.write(draft, clip, questions, reserved)
        except CallError as error:
            for dollars in reserved.values():
                self._ledger.settle(dollars, None, billed=False)
            yield from _failures(questions, error)
            if error.lost:
                yield from self._flights.lose(error)
        full = draft.bytes_written >= self._limits.megabytes * 1e6
        if full or len(draft.waiting) >= self._limits.questions:
            yield from self._submit()

    def _submit(self) -> Iterator[Answer]:
        """Make the draft a job, once there is room for it."""
        draft, self._draft = self._draft, None
        if draft is None:
            return
        with draft.closed() as requests:
            while self._flights.running >= self._limits.jobs:
                yield from self._flights.next_end()
            record = JobRecord(display_name=draft.display_name, questions=tuple(draft.waiting))
            flight = Flight(record, draft.waiting, draft.reserved)
            if self._stopped is not None:
                yield from self._flights.fail(flight, self._stopped)
            elif flight.waiting:
                try:
                    file = self._jobs.upload(requests)
                    flight.record = record.model_copy(update={"uploads": (*draft.uploads, file)})
                    yield from self._begin(flight, file)
                except CallError as error:
                    yield from self._not_begun(flight, error)

    def _begin(self, flight: Flight, file: str) -> Iterator[Answer]:
        """Raises CallError."""
        # On record before it exists: else a process killed now would leave a job unknown.
        self._records.keep(flight.record)
        name = yield from self._created(flight.record.display_name, file)
        flight.record = flight.record.model_copy(update={"name": name})
        self._records.keep(flight.record)
        self._flights.add(flight)

    def _created(self, display_name: str, file: str) -> Generator[Answer, None, str]:
        """The name of the new job; raises CallError."""
        while True:
            alone = not self._flights.running
            try:
                return self._jobs.begin(display_name, file, until_taken=alone)
            except CallError as error:
                if alone or not error.busy or error.lost:
                    raise
            # The account's queue is full of our own jobs.
            yield from self._flights.next_end()

    def _not_begun(self, flight: Flight, error: CallError) -> Iterator[Answer]:
        # What may exist all the same stays on record, and the next run looks for it.
        if error.busy or not (error.again or error.billed):
            self._records.forget(flight.record)
        yield from self._flights.fail(flight, error, billed=error.billed)
        if error.lost and self._flights.running:
            self._refused = error
        elif error.lost:
            yield from self._flights.lose(error)


def _failures(questions: dict[str, Question], error: Exception) -> Iterator[Answer]:
    yield from (failure(question.id, error) for question in questions.values())
