"""The aligned baseline of a run: what the same model scores on untouched clips."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from mma_eval.errors import FileError
from mma_eval.eval.manifest import RunManifest
from mma_eval.eval.run import Run
from mma_eval.eval.run_files import RUN_FILE, read_manifest
from mma_eval.eval.scorecard import Share
from mma_eval.eval.settings import RunSettings

BASELINE_TASKS = ("aligned_visual", "aligned_audio")


@dataclass(frozen=True)
class Baseline:
    """Aligned accuracy by task where a run of it is kept, and the command that makes it."""

    accuracy: dict[str, Share]
    folder: Path | None
    command: str


def aligned_baseline(run: Run) -> Baseline:
    """The baseline from this run, else from the newest run of the same model on the same data."""
    command = command_for(run.manifest.settings, "aligned")
    if found := _scores_in(run.folder, run):
        return Baseline(found, run.folder, command)
    others = sorted(
        (path for path in run.folder.parent.glob(f"*/{RUN_FILE}") if path.parent != run.folder),
        key=lambda path: path.stat().st_mtime,
        reverse=True,
    )
    for path in others:
        if found := _scores_in(path.parent, run):
            return Baseline(found, path.parent, command)
    return Baseline({}, None, command)


def _scores_in(folder: Path, run: Run) -> dict[str, Share]:
    """Aligned scores of a run of the same model, data and seeds; empty for any other."""
    manifest = run.manifest
    if folder != run.folder:
        try:
            manifest = read_manifest(folder)
        except FileError:
            return {}
    if not _comparable(manifest, run.manifest) or manifest.scores is None:
        return {}
    return {
        score.task: score.accuracy
        for score in manifest.scores.tasks
        if score.task in BASELINE_TASKS and score.accuracy is not None
    }


def _comparable(other: RunManifest, own: RunManifest) -> bool:
    shared = ("limit", "seed", "split", "gen_kwargs", "answer_by")
    return (
        other.fingerprint == own.fingerprint
        and {d.version for d in other.datasets} == {d.version for d in own.datasets}
        and all(getattr(other.settings, name) == getattr(own.settings, name) for name in shared)
        and not other.settings.perturb
    )


def command_for(settings: RunSettings, tasks: str) -> str:
    """The command that asks the same model other tasks, on the same clips without `--perturb`."""
    words = ["mma-eval", "--model", settings.model]
    if settings.model_args:
        words += ["--model-args", ",".join(f"{k}={v}" for k, v in settings.model_args.items())]
    for option, value in (
        ("--adapter", settings.adapter),
        ("--dataset", settings.dataset),
        ("--split", settings.split),
        ("--limit", settings.limit),
    ):
        if value is not None:
            words += [option, str(value)]
    if decoding := settings.gen_kwargs.model_dump(exclude_none=True):
        words += ["--gen-kwargs", ",".join(f"{k}={v}" for k, v in decoding.items())]
    for folder in settings.include_path:
        words += ["--include-path", str(folder)]
    if settings.seed != 0:
        seed = settings.seed
        text = seed if isinstance(seed, int) else ",".join(f"{k}={v}" for k, v in seed.items())
        words += ["--seed", str(text)]
    if settings.answer_by != "generate":
        words += ["--answer-by", settings.answer_by]
    if settings.output_path != Path("results"):
        words += ["--output-path", str(settings.output_path)]
    return shlex.join([*words, "--tasks", tasks])
