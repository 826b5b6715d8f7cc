"""What a run comes to beside its scores, counted while its samples pass."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

from mma_eval.eval.log import SampleRecord
from mma_eval.types import FAILURES, Status


@dataclass(frozen=True)
class FailureKind:
    """Samples that the machinery failed in one way."""

    status: Status
    count: int
    example: str
    """The first of them, with its reason."""


@dataclass(frozen=True)
class Tally:
    """Counts over the samples of a run."""

    samples: int
    unproved: int
    """Answers without token counts: nothing proves that picture and sound reached the model."""
    notes: Mapping[str, int]
    """How often an answer came about in an unusual way."""
    failures: tuple[FailureKind, ...]
    asked: Mapping[str, str]
    """For each task a digest of everything that was asked, whatever the order."""

    @property
    def failed(self) -> int:
        return sum(kind.count for kind in self.failures)


class Counting:
    """Samples go through, one by one; the tally is of those that did."""

    def __init__(self) -> None:
        self._samples = self._unproved = 0
        self._notes: Counter[str] = Counter()
        self._failures: Counter[Status] = Counter()
        self._examples: dict[Status, str] = {}
        self._asked: defaultdict[str, int] = defaultdict(int)

    def passing(self, samples: Iterable[SampleRecord]) -> Iterator[SampleRecord]:
        for sample in samples:
            self._count(sample)
            yield sample

    def tally(self) -> Tally:
        return Tally(
            self._samples,
            self._unproved,
            dict(self._notes),
            tuple(
                FailureKind(status, count, self._examples[status])
                for status, count in self._failures.items()
            ),
            {task: f"{total:x}" for task, total in self._asked.items()},
        )

    def _count(self, sample: SampleRecord) -> None:
        self._samples += 1
        self._unproved += sample.status is Status.OK and sample.tokens is None
        self._notes.update(sample.notes)
        self._asked[sample.task] += _request(sample)
        if sample.status in FAILURES:
            self._failures[sample.status] += 1
            self._examples.setdefault(sample.status, f"{sample.id}: {sample.error}")


def _request(sample: SampleRecord) -> int:
    """What was asked as a large number, since sums do not depend on the order."""
    said = (
        sample.id,
        sample.prompt,
        sample.filler,
        sample.options,
        sample.video_hash,
        sample.audio_hash,
    )
    return int.from_bytes(sha256(json.dumps(said).encode()).digest())
