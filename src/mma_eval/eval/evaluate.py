"""One evaluation from settings to a scored run folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
)
from mma_eval.eval.plan import Plan, make_plan
from mma_eval.eval.reading import score_answer
from mma_eval.eval.run import Run, group_by_task, samples_of
from mma_eval.eval.run_files import folder_of, read_manifest, replacing_samples, write_manifest
from mma_eval.eval.score import score_run
from mma_eval.eval.scorecard import RunScores, keep_requested
from mma_eval.eval.scored import ScoredSample, lean
from mma_eval.eval.settings import AnswerBy, settings_from
from mma_eval.eval.spool import RecordSpool
from mma_eval.eval.store import AnswerStore
from mma_eval.eval.tally import Counting
from mma_eval.models.base import Model

STORE_FILE = "answers.sqlite"

ByTask = Mapping[str, Sequence[ScoredSample]]


class NoProgress:
    """Reports nothing."""

    def begin(self, total: int) -> None:
        return

    def advance(self, answers: int) -> None:
        return


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
    return run_plan(plan, progress or NoProgress()).loaded()


def run_folder(plan: Plan) -> Path:
    """`<output>/<model>/<hash of the resolved configuration>`."""
    name = plan.model.card.name.replace("/", "_")
    return plan.settings.output_path / name / plan.identity


def run_plan(plan: Plan, progress: RunProgress) -> Run:
    """Ask, score and write; the same plan continues where an earlier one stopped.

    Memory stays what it is however many samples there are, but for what scoring holds of each.
    """
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
            return _keep(folder, manifest, map(read_as, records.in_order()), _unscored)
        answers = read_answers(manifest.tasks, records.in_order())
        return _keep(folder, manifest, answers, _scored)


def rescore(path: Path) -> Run:
    """Read a run's answers again, without its model, and write its new scores."""
    folder, manifest = folder_of(path), read_manifest(path)
    answers = read_answers(manifest.tasks, samples_of(folder, manifest))
    return _keep(folder, manifest, answers, _scored)


def read_answers(
    tasks: Iterable[TaskEntry], answers: Iterable[AnswerRecord]
) -> Iterator[SampleRecord]:
    """Each answer with what it says, in the form that its task asks for."""
    forms = {task.name: task.answer for task in tasks}
    return (score_answer(record, forms[record.task]) for record in answers)


def score_samples(tasks: Sequence[TaskEntry], samples: Iterable[ScoredSample]) -> RunScores:
    """The scores of `tasks`, from answers that have been read."""
    return _scores(tasks, group_by_task(tasks, samples))


def _keep(
    folder: Path,
    manifest: RunManifest,
    samples: Iterable[SampleRecord],
    finish: Callable[[RunManifest, ByTask], RunManifest],
) -> Run:
    """Write samples as they come, and what `finish` makes of the manifest when they have."""
    counting = Counting()
    with replacing_samples(folder) as write:
        passing = counting.passing(_written(samples, write))
        by_task = group_by_task(manifest.tasks, lean(passing))
        finished = finish(manifest, by_task)
    write_manifest(folder, finished)
    return Run(folder, finished, counting.tally(), by_task)


def _written(
    samples: Iterable[SampleRecord], write: Callable[[SampleRecord], None]
) -> Iterator[SampleRecord]:
    for sample in samples:
        write(sample)
        yield sample


def _unscored(manifest: RunManifest, by_task: ByTask) -> RunManifest:
    return manifest


def _scored(manifest: RunManifest, by_task: ByTask) -> RunManifest:
    return manifest.model_copy(update={"scores": _scores(manifest.tasks, by_task)})


def _scores(tasks: Sequence[TaskEntry], by_task: ByTask) -> RunScores:
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
