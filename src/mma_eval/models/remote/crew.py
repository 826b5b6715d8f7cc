"""Threads that share out groups among servers: many requests in flight, answers as they come."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from queue import Queue
from threading import Condition, Event, Semaphore, Thread
from typing import Any, Protocol, TypeVar

from mma_eval.errors import ModelError
from mma_eval.models.base import failed_answer
from mma_eval.models.remote.calls import CallError, Calls, Patience, Reply
from mma_eval.models.remote.cost import CostLimitError, Ledger
from mma_eval.models.remote.pace import CallStoppedError, Pace
from mma_eval.models.remote.secrets import Secrets
from mma_eval.types import Answer, Group, Question

P = TypeVar("P")

PREPARED_AT_ONCE = 2
"""Groups whose media are encoded at the same time: every frame of a clip is in memory for it."""
FAILURES_IN_A_ROW = 20
"""Questions after which a server that answers none is given up."""


class Service(Protocol[P]):
    """One server as a backend speaks to it; its methods are called from several threads.

    A group is prepared once, its questions are asked one after the other, and then it is released:
    so a server that keeps the prefixes of prompts finds them there.
    """

    @property
    def name(self) -> str:
        """The server's address as errors show it, without a key."""
        ...

    def prepare(self, group: Group) -> P:
        """What all questions of the group share, such as encoded media; raises MediaError."""
        ...

    def ask(self, prepared: P, question: Question, calls: Calls) -> Reply:
        """The reply to one question, by `calls.ask` (and `calls.do`); raises CallError.

        Every other exception fails the question and nothing else.
        """
        ...

    def release(self, prepared: P) -> None:
        """Forget what was prepared, also on the server; must not raise."""
        ...


@dataclass(eq=False)
class Job:
    """A group, and those of its questions that are still to be asked."""

    group: Group
    questions: deque[Question]
    failed_by: Lane | None = None
    """A server that has failed these questions; another one is to try them."""


@dataclass
class Lane:
    """One server with its pace and its fortune."""

    service: Service[Any]
    calls: Calls
    failures: int = 0
    """Questions in a row that the server failed."""
    lost: CallError | None = None


@dataclass(frozen=True)
class _Finished:
    """A worker is through with a job, or gives it back with the reason why it cannot go on."""

    job: Job
    error: Exception | None = None


class Crew:
    """Groups are pulled by the caller's thread, no more of them than there are threads.

    A server that is lost leaves its group to the others, and a question that one server fails is
    put to another, once. When the last one is lost, or the next
    request could cost too much, what is still to be asked fails with that one reason.
    """

    def __init__(
        self,
        services: Sequence[Service[Any]],
        ledger: Ledger,
        secrets: Secrets,
        *,
        patience: Patience,
        most_in_flight: int,
    ) -> None:
        self._stopped = Event()
        self._secrets = secrets
        self._threads_each = most_in_flight
        self._lanes = []
        for service in services:
            pace = Pace(most_in_flight, self._stopped.is_set)
            self._lanes.append(Lane(service, Calls(patience, pace, ledger, self._stopped)))
        self._jobs: deque[Job] = deque()
        self._changed = Condition()
        self._out: Queue[Answer | Job | _Finished] = Queue()
        self._preparing = Semaphore(PREPARED_AT_ONCE)

    def answer(self, groups: Iterator[Group]) -> Iterator[Answer]:
        """One answer for every question, in any order.

        Raises ModelError where every server is lost before any of them has answered.
        """
        try:
            self._start()
            for answer in self._answers(groups):
                yield self._secrets.struck_from_answer(answer)
        finally:
            self._stopped.set()
            with self._changed:
                self._changed.notify_all()

    def _start(self) -> None:
        # In turns: groups are taken by the thread that has waited longest.
        for lane in self._lanes * self._threads_each:
            Thread(target=self._work, args=(lane,), name="mma-eval-remote", daemon=True).start()

    def _answers(self, groups: Iterator[Group]) -> Iterator[Answer]:
        room = self._threads_each * len(self._lanes)
        at_work, received = 0, False
        reason: str | None = None
        while True:
            if reason is None and self._out.empty() and (lost := self._all_lost()) is not None:
                if not received:
                    raise ModelError(self._secrets.struck_from(str(lost)))
                reason = f"not asked: {self._secrets.struck_from(str(lost))}"
            if reason is not None:
                for job in self._taken_back():
                    at_work -= 1
                    yield from _not_asked(job, reason)
            while at_work < room and (group := next(groups, None)) is not None:
                job = Job(group, deque(group.questions))
                if reason is not None:
                    yield from _not_asked(job, reason)
                else:
                    self._put(job)
                    at_work += 1
            if not at_work:
                return
            item = self._out.get()
            if isinstance(item, Answer):
                received = True
                yield item
            elif isinstance(item, Job):
                at_work += 1
                self._put(item)
            elif item.error is None:
                at_work -= 1
            elif isinstance(item.error, CallError):
                self._put(item.job)
            elif isinstance(item.error, CostLimitError):
                reason = str(item.error)
                self._put(item.job)
            else:
                sentence = f"{type(item.error).__name__}: {item.error}"
                raise ModelError(self._secrets.struck_from(sentence)) from item.error

    def _all_lost(self) -> CallError | None:
        """Why the last server was lost, None while there is one."""
        errors = [lane.lost for lane in self._lanes]
        return None if None in errors else errors[-1]

    def _put(self, job: Job) -> None:
        with self._changed:
            self._jobs.append(job)
            self._changed.notify_all()

    def _take(self, lane: Lane) -> Job | None:
        """The next job, None once there is nothing more to do for this server."""
        with self._changed:
            while not (self._stopped.is_set() or lane.lost):
                for job in self._jobs:
                    if job.failed_by is not lane or not self._has_others(lane):
                        self._jobs.remove(job)
                        return job
                self._changed.wait()
            return None

    def _has_others(self, lane: Lane) -> bool:
        """Whether another server is there to try what this one failed."""
        return any(other.lost is None for other in self._lanes if other is not lane)

    def _taken_back(self) -> list[Job]:
        with self._changed:
            jobs = list(self._jobs)
            self._jobs.clear()
            return jobs

    def _work(self, lane: Lane) -> None:
        while (job := self._take(lane)) is not None:
            try:
                self._ask_all(lane, job)
            except CallStoppedError:
                return
            except Exception as error:
                self._out.put(_Finished(job, error))
            else:
                self._out.put(_Finished(job))

    def _ask_all(self, lane: Lane, job: Job) -> None:
        try:
            with self._preparing:
                prepared = lane.service.prepare(job.group)
        except Exception as error:
            while job.questions:
                self._out.put(failed_answer(job.questions.popleft().id, error))
            return
        try:
            while job.questions:
                if lane.lost is not None:
                    raise lane.lost
                if self._stopped.is_set():
                    raise CallStoppedError
                outcome = self._asked(lane, prepared, job)
                job.questions.popleft()
                self._out.put(outcome)
        finally:
            lane.service.release(prepared)

    def _asked(self, lane: Lane, prepared: Any, job: Job) -> Answer | Job:
        """The next answer, a failed one included, or the job of asking another server.

        Raises what ends more than this question.
        """
        question = job.questions[0]
        try:
            reply = lane.service.ask(prepared, question, lane.calls)
        except (CallStoppedError, CostLimitError):
            raise
        except CallError as error:
            if error.lost:
                self._lose(lane, error)
                raise
            lane.failures += error.again
            if lane.failures >= FAILURES_IN_A_ROW:
                sentence = f"{lane.service.name} failed {lane.failures} questions in a row: {error}"
                self._lose(lane, CallError(sentence, lost=True))
            if error.again and job.failed_by is None and self._has_others(lane):
                return Job(job.group, deque([question]), failed_by=lane)
            return Answer(question.id, error.status, error=str(error))
        except Exception as error:
            return failed_answer(question.id, error)
        lane.failures = 0
        return reply.answer

    def _lose(self, lane: Lane, error: CallError) -> None:
        with self._changed:
            lane.lost = error
            self._changed.notify_all()


def _not_asked(job: Job, reason: str) -> Iterator[Answer]:
    error = ModelError(reason)
    yield from (failed_answer(question.id, error) for question in job.questions)
