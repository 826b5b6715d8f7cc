"""One model in one configuration, with the tasks of all its runs together."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from mma_eval.errors import UsageError
from mma_eval.eval.evaluate import read_answers, score_samples
from mma_eval.eval.log import SampleRecord
from mma_eval.eval.manifest import RunManifest
from mma_eval.eval.run import Run
from mma_eval.eval.run_files import RUN_FILE, SAMPLES_FILE, folder_of
from mma_eval.eval.scorecard import RunScores


@dataclass(frozen=True)
class Subject:
    """What a table or a page compares: a model, its runs, and its scores over all their tasks."""

    name: str
    runs: tuple[Run, ...]
    """Newest last; a task that several runs hold is taken from the newest."""
    manifest: RunManifest
    """The newest run's, with the tasks of all."""
    samples: tuple[SampleRecord, ...]
    scores: RunScores

    @property
    def adapter(self) -> Path | None:
        return self.manifest.settings.adapter

    def samples_of(self, task: str) -> list[SampleRecord]:
        return [sample for sample in self.samples if sample.task == task]


def read_subjects(paths: Iterable[Path]) -> tuple[Subject, ...]:
    """Runs from their folders, joined by model and configuration.

    A path is a run's folder, or a folder with runs somewhere below it. Raises UsageError for one
    without runs, FileError for a damaged run.
    """
    folders = dict.fromkeys(folder for path in paths for folder in find_runs(path))
    return join_runs([Run.read(folder) for folder in folders])


def find_runs(path: Path) -> list[Path]:
    """The run that a path names, or all runs below it, in the order of their names."""
    if path.name in (RUN_FILE, SAMPLES_FILE) or (path / RUN_FILE).is_file():
        return [folder_of(path)]
    if not path.exists():
        raise UsageError(f"{path}: there is no such run; give the folder that a run printed")
    found = sorted(file.parent for file in path.rglob(RUN_FILE))
    if not found:
        raise UsageError(f"{path}: holds no finished run (no {RUN_FILE} in it or below it)")
    return found


def join_runs(runs: Sequence[Run]) -> tuple[Subject, ...]:
    """Runs that differ in their tasks only become one subject, in the order given."""
    together: dict[str, list[Run]] = {}
    for run in runs:
        together.setdefault(_configuration(run.manifest), []).append(run)
    names = _names([group[-1].manifest for group in together.values()])
    return tuple(_join(name, group) for name, group in zip(names, together.values(), strict=True))


def _join(name: str, runs: list[Run]) -> Subject:
    ordered = sorted(runs, key=lambda run: run.manifest.ended)
    holder = {task.name: run for run in ordered for task in run.manifest.tasks}
    entries = tuple(
        task
        for task_name, run in holder.items()
        for task in run.manifest.tasks
        if task.name == task_name
    )
    answers = [sample for run in ordered for sample in run.samples if holder[sample.task] is run]
    manifest = ordered[-1].manifest.model_copy(update={"tasks": entries})
    samples = tuple(read_answers(entries, answers))
    return Subject(name, tuple(ordered), manifest, samples, score_samples(entries, samples))


def _configuration(manifest: RunManifest) -> str:
    """What has to be equal for two runs to be of one subject."""
    settings = manifest.settings
    return json.dumps(
        [
            manifest.fingerprint,
            sorted((dataset.name, dataset.version) for dataset in manifest.datasets),
            manifest.seeds,
            settings.limit,
            settings.split,
            settings.answer_by,
            settings.gen_kwargs.model_dump(),
        ],
        sort_keys=True,
    )


def _names(manifests: Sequence[RunManifest]) -> list[str]:
    """Model and adapter, with as much more as it takes to tell the subjects apart."""
    tellers = (
        lambda m: m.card.name + (f" + {a.name}" if (a := m.settings.adapter) else ""),
        lambda m: ", ".join(dataset.name for dataset in m.datasets),
        lambda m: f"seed {m.settings.seed}",
        lambda m: f"by {m.settings.answer_by}",
        lambda m: "all clips" if m.settings.limit is None else f"{m.settings.limit} clips",
        lambda m: ", ".join(f"{k}={v}" for k, v in m.settings.model_args.items()) or "defaults",
        lambda m: sha256(m.fingerprint.encode()).hexdigest()[:8],
    )
    parts = [[teller(manifest) for teller in tellers] for manifest in manifests]
    names = [part[0] for part in parts]
    for place in range(1, len(tellers)):
        if len(set(names)) == len(names):
            break
        if len({part[place] for part in parts}) > 1:
            names = [f"{name}, {part[place]}" for name, part in zip(names, parts, strict=True)]
    return names
