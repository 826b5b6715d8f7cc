"""A finished run, of which no more is in memory than its scores are made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from mma_eval.errors import FileError
from mma_eval.eval.log import Pool, SampleRecord
from mma_eval.eval.manifest import RunManifest, TaskEntry
from mma_eval.eval.run_files import (
    RUN_FILE,
    SAMPLES_FILE,
    folder_of,
    read_manifest,
    read_samples,
)
from mma_eval.eval.scorecard import RunScores
from mma_eval.eval.scored import LeanSample, S, lean
from mma_eval.eval.tally import Counting, Tally
from mma_eval.types import FAILURES


@dataclass(frozen=True)
class Run:
    """A finished run: its folder, what it says of itself, and its samples."""

    folder: Path
    manifest: RunManifest
    tally: Tally
    by_task: Mapping[str, Sequence[LeanSample]] = field(repr=False)
    """As much of the samples as scoring looks at."""

    @classmethod
    def read(cls, path: Path) -> Run:
        """The run in a folder; raises FileError."""
        folder, manifest, counting = folder_of(path), read_manifest(path), Counting()
        samples = counting.passing(samples_of(folder, manifest))
        by_task = group_by_task(manifest.tasks, lean(samples))
        return cls(folder, manifest, counting.tally(), by_task)

    @property
    def scores(self) -> RunScores | None:
        return self.manifest.scores

    @cached_property
    def samples(self) -> list[SampleRecord]:
        """All of them whole, read at the first use.

        Raises FileError where they are gone, or where a later run has written its own.
        """
        if read_manifest(self.folder).ended != self.manifest.ended:
            raise FileError(
                self.folder / RUN_FILE, "was written anew by a later run; read the run again"
            )
        pool = Pool()
        return [pool.share(sample) for sample in samples_of(self.folder, self.manifest)]

    @property
    def failures(self) -> list[SampleRecord]:
        """Samples that the machinery failed; the same command asks them again."""
        return [sample for sample in self.samples if sample.status in FAILURES]

    def loaded(self) -> Run:
        """The run with its samples in memory, whatever becomes of its folder from now on.

        It is read again where another process has just finished the same run in this folder.
        """
        try:
            _ = self.samples
        except FileError:
            return Run.read(self.folder).loaded()
        return self


def samples_of(folder: Path, manifest: RunManifest) -> Iterator[SampleRecord]:
    """The samples of a run one by one.

    Raises FileError for one that is not of its tasks, and for more of a task than it has.
    """
    left = {task.name: task.samples for task in manifest.tasks}
    for sample in read_samples(folder):
        if sample.task not in left:
            problem = f"has a sample of '{sample.task}', which is no task of {RUN_FILE} beside it"
            raise FileError(folder / SAMPLES_FILE, problem)
        left[sample.task] -= 1
        if left[sample.task] < 0:
            problem = (
                f"has more samples of '{sample.task}' than {RUN_FILE} beside it counts; the run "
                "command writes both anew"
            )
            raise FileError(folder / SAMPLES_FILE, problem)
        yield sample


def group_by_task(tasks: Iterable[TaskEntry], samples: Iterable[S]) -> dict[str, list[S]]:
    """The samples of each task, in the order of the tasks."""
    found: dict[str, list[S]] = {task.name: [] for task in tasks}
    for sample in samples:
        found[sample.task].append(sample)
    return found
