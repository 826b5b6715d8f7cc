"""Batch jobs at the Gemini API: begun once, looked at, and read when they have ended.

Requests go in a file and never inline: inline replies carry no key of ours, and they have come back
in another order (https://github.com/googleapis/python-genai/issues/1909).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from mma_eval.models.gemini.connection import Connection
from mma_eval.models.gemini.job_results import Result, read_results
from mma_eval.models.remote.calls import CallError, Calls
from mma_eval.types import Status

if TYPE_CHECKING:
    from google.genai.types import BatchJob

MIME_TYPE = "jsonl"
"""What the service calls a file of requests."""
JOBS_SEARCHED = 1000
"""The latest jobs of an account, among which one is looked for."""
ENDED = {
    "SUCCEEDED": "ended without an answer to it",
    "PARTIALLY_SUCCEEDED": "ended without an answer to it",
    "FAILED": "failed",
    "CANCELLED": "was cancelled",
    "EXPIRED": "expired: the service did not get to it within 48 hours",
}
"""States after which nothing changes, and what they mean for a request without a result."""
GONE = "GONE"
NOT_FOUND = 404


@dataclass(frozen=True)
class JobLook:
    """A job as it is now."""

    state: str
    results_file: str | None = None
    failure: CallError | None = None
    """Of a job that has ended: what became of requests without a result."""


class Jobs:
    """Jobs of one account and one model.

    Answers are read by calls of their own: they are there when nothing more may be asked.
    """

    def __init__(
        self, connection: Connection, model: str, *, asking: Calls, reading: Calls
    ) -> None:
        self._connection = connection
        self._batches = connection.client.batches
        self._model = model
        self._asking = asking
        self._reading = reading

    @property
    def server(self) -> str:
        return self._connection.server

    def upload(self, requests: Path) -> str:
        """The name of the file at the service; raises CallError."""
        file = self._connection.uploaded_file(requests, MIME_TYPE, self._asking)
        return file.name or ""

    def begin(self, display_name: str, requests_file: str, *, until_taken: bool) -> str:
        """The name of the new job; raises CallError.

        `until_taken`: ask again while the service is busy. Creation may succeed though its reply is
        lost, and another try would be another job: so it is looked for first.
        """
        tries = 0

        def once() -> str:
            nonlocal tries
            tries += 1
            return (self.find(display_name) if tries > 1 else None) or self._created(
                display_name, requests_file, until_taken=until_taken
            )

        return self._asking.do(once)

    def find(self, display_name: str) -> str | None:
        """The name of the job that we called so; raises CallError."""

        def search() -> str | None:
            latest = islice(self._batches.list(config={"page_size": 100}), JOBS_SEARCHED)
            return next((job.name for job in latest if job.display_name == display_name), None)

        return self._connection.spoken(search)

    def look(self, name: str) -> JobLook:
        """Raises CallError, which says `lost` where no job can be looked at."""
        try:
            job = self._connection.spoken(lambda: self._batches.get(name=name))
        except CallError as error:
            if not _is_missing(error):
                raise
            return JobLook(GONE, failure=_without_result(name, "is not there any more"))
        return _seen(name, job)

    def results(self, file: str) -> dict[str, Result]:
        """Results by the keys of their requests, none of a file that is gone; raises CallError."""
        try:
            content = self._reading.do(
                lambda: self._connection.spoken(
                    lambda: self._connection.client.files.download(file=file)
                )
            )
        except CallError as error:
            if _is_missing(error):
                return {}
            raise
        return read_results(content)

    def forget_uploads(self, names: tuple[str, ...]) -> None:
        for name in names:
            self._connection.forget(name)

    def _created(self, display_name: str, requests_file: str, *, until_taken: bool) -> str:
        try:
            job = self._connection.spoken(
                lambda: self._batches.create(
                    model=self._model, src=requests_file, config={"display_name": display_name}
                )
            )
        except CallError as error:
            if error.busy and not until_taken:
                raise CallError(str(error), busy=True, lost=error.lost) from error
            raise
        if job.name is None:
            raise CallError(f"{self.server} created a job without a name", billed=True)
        return job.name


def _is_missing(error: CallError) -> bool:
    return getattr(error.__cause__, "code", None) == NOT_FOUND


def _seen(name: str, job: BatchJob) -> JobLook:
    state = "UNSPECIFIED" if job.state is None else str(job.state.value)
    state = state.removeprefix("JOB_STATE_")
    file = None if job.dest is None else job.dest.file_name
    if state not in ENDED:
        return JobLook(state, file)
    told = f" ({job.error.message})" if job.error is not None and job.error.message else ""
    status = Status.TIMEOUT if state == "EXPIRED" else Status.API_ERROR
    return JobLook(state, file, _without_result(name, f"{ENDED[state]}{told}", status))


def _without_result(name: str, what: str, status: Status = Status.API_ERROR) -> CallError:
    return CallError(f"the batch job {name} {what}; the next run asks again", status=status)
