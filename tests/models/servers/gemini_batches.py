"""Batch jobs of the local Gemini server: requests in a file, results in another, in any order."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Result = Callable[[dict[str, Any]], dict[str, Any]]
"""What a line of the results file holds beside its key, for the request under that key."""


@dataclass
class BatchBehaviour:
    """What becomes of jobs."""

    looks: int = 1
    """Looks at a job after which it has ended."""
    end: str = "SUCCEEDED"
    at_once: int | None = None
    """More unfinished jobs than this are too many."""
    loses_replies: int = 0
    """Jobs that are created though their maker hears of an error."""
    jobs_a_day: int | None = None
    """Jobs after which the quota is used up."""
    refuses: int = 0
    """Jobs that are not created."""
    looks_before_results: int = 0
    """Looks at a job that has succeeded before its file of results is there."""
    leaves_out: str | None = None
    """Requests whose text holds this have no result."""


@dataclass
class BatchJob:
    """A job, and how often it was looked at."""

    display_name: str
    model: str
    results: bytes
    requests: int
    looks: int = 0


@dataclass
class Batches:
    """All jobs of a server, by their names."""

    behaviour: BatchBehaviour = field(default_factory=BatchBehaviour)
    jobs: dict[str, BatchJob] = field(default_factory=dict)
    turned_away: int = 0

    def create(self, model: str, batch: dict[str, Any], file: bytes, result: Result) -> str | None:
        """The new job's name, None where too many are unfinished."""
        limit = self.behaviour.at_once
        unfinished = sum(job.looks <= self.behaviour.looks for job in self.jobs.values())
        if limit is not None and unfinished >= limit:
            self.turned_away += 1
            return None
        lines = [json.loads(line) for line in file.splitlines()]
        assert len({line["key"] for line in lines}) == len(lines)
        left_out = self.behaviour.leaves_out
        told = [
            json.dumps({"key": line["key"], **result(line["request"])}).encode()
            for line in lines
            if left_out is None or left_out not in json.dumps(line["request"])
        ]
        name = f"batches/job{len(self.jobs)}"
        # The real service has handed results back in another order than it was asked in.
        self.jobs[name] = BatchJob(
            batch["displayName"], model, b"\n".join(reversed(told)), len(lines)
        )
        return name

    def look(self, name: str) -> dict[str, Any] | None:
        job = self.jobs.get(name)
        if job is None:
            return None
        job.looks += 1
        return self.seen(name)

    def seen(self, name: str) -> dict[str, Any]:
        """The job as an operation."""
        job, behaviour = self.jobs[name], self.behaviour
        ended = job.looks > behaviour.looks
        state = behaviour.end if ended else ("RUNNING" if job.looks > 1 else "PENDING")
        metadata: dict[str, Any] = {
            "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch",
            "name": name,
            "model": f"models/{job.model}",
            "displayName": job.display_name,
            "state": f"BATCH_STATE_{state}",
            "createTime": "2025-09-07T11:55:07.827892252Z",
            "batchStats": {"requestCount": str(job.requests)},
        }
        there = job.looks > behaviour.looks + behaviour.looks_before_results
        if there and state == "SUCCEEDED":
            metadata["output"] = {"responsesFile": f"files/{results_name(name)}"}
        return {"name": name, "metadata": metadata, "done": ended}

    def results(self, file: str) -> bytes:
        return next(job.results for name, job in self.jobs.items() if results_name(name) == file)


def results_name(job: str) -> str:
    return f"batch-{job.rpartition('/')[2]}"
