"""One evaluation from settings to a scored run folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mma_eval.errors import StoreError
from mma_eval.eval.ask import Questioning, RunProgress
from mma_eval.eval.log import AnswerRecord, SampleRecord, read_as
from mma_eval.eval.manifest import (
    RunManifest,
    TaskEntry,
    command_line,
    describe_datasets,
    describe_environment,
    describe_tasks,
    now,
    read_run,
    write_run,
)
from mma_eval.eval.plan import Plan, make_plan
from mma_eval.eval.score import RunScores, score_answer, score_run
from mma_eval.eval.scorecard import keep_requested
from mma_eval.eval.settings import AnswerBy, settings_from
from mma_eval.eval.spool import RecordSpool
from mma_eval.eval.store import AnswerStore
from mma_eval.models.base import Model
from mma_eval.types import FAILURES

STORE_FILE = "answers.sqlite"


class NoProgress:
    """Reports nothing."""

    def begin(self, total: int) -> None:
        return

    def advance(self, answers: int) -> None:
        return


@dataclass(frozen=True)
class Run:
    """A finished run: its folder, what it says of itself, and its samples."""

    folder: Path
    manifest: RunManifest
    samples: list[SampleRecord]

    @property
    def scores(self) -> RunScores | None:
        return self.manifest.scores

    @property
    def failures(self) -> list[SampleRecord]:
        """Samples that the machinery failed; the same command asks them again."""
        return [sample for sample in self.samples if sample.status in FAILURES]


def evaluate(
    model: str | Model,
    tasks: str | Iterable[str],
    *,
    dataset: str | Path | None = None,
    split: str | None = None,
    perturb: Iterable[str] = (),
    limit: int | None = None,
    seed: int | Mapping[str, int] = 0,
    model_args: Mapping[str, Any] | None = None,
    adapter: Path | None = None,
    batch_size: int | None = None,
    gen_kwargs: Mapping[str, Any] | None = None,
    answer_by: AnswerBy = "generate",
    output_path: Path | str = "results",
    include_path: Iterable[Path] = (),
    predict_only: bool = False,
    fresh: bool = False,
    fail_fast: bool = False,
    stall_limit: float | None = None,
    progress: RunProgress | None = None,
) -> Run:
    """Evaluate a model, by name or as an object, as the command line does.

    Raises MmaEvalError with one sentence; what was answered before is kept under `output_path`.
    """
    settings = settings_from(
        {
            "model": model if isinstance(model, str) else model.card.name,
            "tasks": tuple(tasks.split(",")) if isinstance(tasks, str) else tuple(tasks),
            "dataset": None if dataset is None else str(dataset),
            "split": split,
            "perturb": tuple(perturb),
            "limit": limit,
            "seed": dict(seed) if isinstance(seed, Mapping) else seed,
            "model_args": dict(model_args or {}),
            "adapter": adapter,
            "batch_size": batch_size,
            "gen_kwargs": dict(gen_kwargs or {}),
            "answer_by": answer_by,
            "output_path": Path(output_path),
            "include_path": tuple(include_path),
            "predict_only": predict_only,
            "fresh": fresh,
            "fail_fast": fail_fast,
            "stall_limit": stall_limit,
        },
        config=None,
    )
    plan = make_plan(settings, model=None if isinstance(model, str) else model)
    return run_plan(plan, progress or NoProgress())


def run_folder(plan: Plan) -> Path:
    """`<output>/<model>/<hash of the resolved configuration>`."""
    name = plan.model.card.name.replace("/", "_")
    return plan.settings.output_path / name / plan.identity


def run_plan(plan: Plan, progress: RunProgress) -> Run:
    """Ask, score and write; the same plan continues where an earlier one stopped."""
    started = now()
    folder = run_folder(plan)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        spool = RecordSpool(folder, plan.size)
    except OSError as error:
        raise StoreError(
            f"{folder}: the run folder cannot be made ({error.strerror}); choose another "
            "--output-path"
        ) from error
    with spool as records:
        with AnswerStore(plan.settings.output_path / STORE_FILE) as store:
            fresh = plan.settings.fresh
            questioning = Questioning(plan, store, records, progress, fresh=fresh)
            questioning.run()
        manifest = _manifest(plan, questioning, started)
        if plan.settings.predict_only:
            samples = [read_as(record) for record in records.in_order()]
        else:
            samples, scores = score_records(manifest, records.in_order())
            manifest = manifest.model_copy(update={"scores": scores})
    write_run(folder, manifest, samples)
    return Run(folder, manifest, samples)


def rescore(folder: Path) -> Run:
    """Read a run's answers again, without its model, and write its new scores."""
    manifest, old = read_run(folder)
    samples, scores = score_records(manifest, old)
    manifest = manifest.model_copy(update={"scores": scores})
    write_run(folder, manifest, samples)
    return Run(folder, manifest, samples)


def score_records(
    manifest: RunManifest, answers: Iterable[AnswerRecord]
) -> tuple[list[SampleRecord], RunScores]:
    """Read every answer and score the run; pure."""
    forms = {task.name: task.answer for task in manifest.tasks}
    samples = [score_answer(record, forms[record.task]) for record in answers]
    return samples, score_samples(manifest.tasks, samples)


def score_samples(tasks: Sequence[TaskEntry], samples: Iterable[SampleRecord]) -> RunScores:
    """The scores of `tasks`, from answers that have been read."""
    by_task: dict[str, list[SampleRecord]] = {task.name: [] for task in tasks}
    for sample in samples:
        by_task[sample.task].append(sample)
    scores = score_run(by_task, planned={task.name: task.samples for task in tasks})
    return keep_requested(scores, {task.name: task.metrics for task in tasks})


def _manifest(plan: Plan, questioning: Questioning, started: datetime) -> RunManifest:
    broken = questioning.broken
    return RunManifest(
        command=command_line(),
        settings=plan.settings,
        seeds=vars(plan.seeds),
        card=plan.model.card,
        fingerprint=plan.model.fingerprint(),
        tasks=describe_tasks(plan),
        datasets=describe_datasets(plan),
        environment=describe_environment(plan),
        started=started,
        ended=now(),
        asked=questioning.asked,
        error=None if broken is None else f"{type(broken).__name__}: {broken}",
    )
