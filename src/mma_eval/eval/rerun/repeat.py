"""Repeating a run from its manifest: the same plan, the recorded card, nothing from the store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from mma_eval.errors import UnknownNameError, UsageError
from mma_eval.eval.analysis.subject import find_runs
from mma_eval.eval.ask import RunProgress
from mma_eval.eval.evaluate import STORE_FILE, run_plan
from mma_eval.eval.manifest import (
    RunManifest,
    describe_datasets,
    describe_environment,
    describe_tasks,
)
from mma_eval.eval.plan import Plan, make_plan
from mma_eval.eval.rerun.facts import FactChange, changed_facts
from mma_eval.eval.run import Run
from mma_eval.eval.settings import RunSettings
from mma_eval.models.base import Model
from mma_eval.models.card import ModelCard
from mma_eval.models.catalogue import CardCatalogue, create_model
from mma_eval.registry import DATASETS
from mma_eval.task.dataset import Progress
from mma_eval.task.manifest import HUB_PREFIX


@dataclass(frozen=True)
class RerunChoices:
    """What may differ from the recorded settings; None keeps what is recorded."""

    dataset: str | None = None
    adapter: Path | None = None
    include_path: tuple[Path, ...] | None = None
    limit: int | None = None
    """Fewer clips than the run had, drawn from the same rows."""


@dataclass(frozen=True)
class Repetition:
    """A run that is ready to be asked again."""

    original: Run
    plan: Plan
    changed: tuple[FactChange, ...]
    """What differs before anything is asked."""


def find_run(path: Path) -> Path:
    """The one run that a path names; raises UsageError for none and for several."""
    found = find_runs(path)
    if len(found) > 1:
        shown = ", ".join(str(folder) for folder in found[:5])
        more = ", ..." if len(found) > 5 else ""
        raise UsageError(f"{path}: holds {len(found)} runs; give the folder of one: {shown}{more}")
    return found[0]


def prepare_rerun(
    folder: Path,
    choices: RerunChoices,
    output_path: Path,
    *,
    model: Model | None = None,
    progress: Progress | None = None,
) -> Repetition:
    """Resolve a run's settings again and compare what they mean now with what they meant then.

    `model` takes the place of the recorded card's, for backends that only exist as an object.
    Raises MmaEvalError where the dataset, the card's backend, the weights or the adapter are gone.
    """
    original = Run.read(folder).loaded()
    settings = _settings(original.manifest, choices, output_path)
    _check_dataset(settings.dataset)
    if model is None:
        model = create_model(original.manifest.card, settings.arguments())
    plan = make_plan(settings, model=model, progress=progress)
    changed = changed_facts(
        original.manifest,
        fingerprint=model.fingerprint(),
        card=_card_now(settings),
        tasks=describe_tasks(plan),
        datasets=describe_datasets(plan),
        environment=describe_environment(plan),
    )
    return Repetition(original, plan, changed)


def ask_again(repetition: Repetition, progress: RunProgress) -> Run:
    """Ask everything again and score it."""
    return run_plan(repetition.plan, progress).loaded()


@contextmanager
def place_of_rerun(chosen: Path | None) -> Iterator[Path]:
    """The folder of a rerun's own results: a chosen one, which is kept, or a temporary one.

    Raises UsageError for a folder with answers of other runs: they would be overwritten.
    """
    if chosen is None:
        with TemporaryDirectory(prefix="mma-eval-rerun-") as folder:
            yield Path(folder)
        return
    if (chosen / STORE_FILE).exists():
        raise UsageError(
            f"--output-path {chosen}: holds the answers of other runs; give the rerun a folder of "
            "its own"
        )
    yield chosen


def _settings(manifest: RunManifest, choices: RerunChoices, output_path: Path) -> RunSettings:
    recorded = manifest.settings
    limits = [limit for limit in (recorded.limit, choices.limit) if limit is not None]
    folders = recorded.include_path if choices.include_path is None else choices.include_path
    return recorded.model_copy(
        update={
            "tasks": _recorded_tasks(manifest),
            "dataset": choices.dataset or recorded.dataset,
            "adapter": choices.adapter or recorded.adapter,
            "include_path": folders,
            "limit": min(limits, default=None),
            "output_path": output_path,
            "fresh": True,
            "fail_fast": False,
        }
    )


def _recorded_tasks(manifest: RunManifest) -> tuple[str, ...]:
    """The tasks by name: a tag may mean others by now. Controls come with their task."""
    names = (task.name for task in manifest.tasks if task.control_of is None)
    return tuple(name.partition("+")[0] for name in names)


def _check_dataset(name: str | None) -> None:
    """Raise a UsageError for a manifest that is not where it was."""
    if name is None or name.startswith(HUB_PREFIX) or name.partition(":")[0] in DATASETS:
        return
    if not Path(name).exists():
        raise UsageError(
            f"the run's dataset {name} is not there; name the place where it is now with --dataset"
        )


def _card_now(settings: RunSettings) -> ModelCard | None:
    """The card that the model's name means today, None where it means nothing any more."""
    name = settings.model
    if name.endswith((".yaml", ".yml")) and not Path(name).is_file():
        return None
    try:
        return CardCatalogue(settings.include_path).get(name)
    except UnknownNameError:
        return None
