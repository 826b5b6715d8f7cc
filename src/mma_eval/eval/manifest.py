"""`run.json`: what a run did, with what, and what came of it."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from mma_eval import __version__
from mma_eval.eval.plan import Plan, generation
from mma_eval.eval.score import RunScores
from mma_eval.eval.settings import RunSettings
from mma_eval.models.card import ModelCard
from mma_eval.task.spec import AnswerForm
from mma_eval.types import Seeds

RECORDED_PACKAGES = (
    "torch",
    "transformers",
    "peft",
    "numpy",
    "av",
    "decord",
    "soxr",
    "pydantic",
    "google-genai",
)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class TaskEntry(_Part):
    """One resolved task of a run."""

    name: str
    ask: str
    version: int
    hash: str
    dataset: str
    answer: AnswerForm
    metrics: tuple[str, ...]
    perturbations: tuple[dict[str, Any], ...]
    control_of: str | None
    samples: int
    temperature: float | None = None
    """As resolved; 0 is greedy. None in runs that did not record it."""


class DatasetEntry(_Part):
    """One dataset of a run, with the pairs of its derangement (receiving clip to donor)."""

    name: str
    path: Path
    version: str
    rows: int
    classes: tuple[str, ...]
    pairs: dict[str, str]
    vanished: tuple[str, ...] = ()
    """Clips that could not be had; questions that need them are not among the samples."""


class Environment(_Part):
    """The machine and the software that answered."""

    mma_eval: str
    python: str
    platform: str
    packages: dict[str, str]
    git_commit: str | None
    model: dict[str, str | int | float | bool | None]


class RunManifest(_Part):
    """Everything needed to understand a run, and to repeat it."""

    format: int = 1
    command: str
    settings: RunSettings
    seeds: dict[str, int]
    card: ModelCard
    fingerprint: str
    tasks: tuple[TaskEntry, ...]
    datasets: tuple[DatasetEntry, ...] = Field(min_length=1)
    environment: Environment
    started: AwareDatetime
    ended: AwareDatetime
    asked: int
    """Questions that went to the model; the rest came from the store."""
    error: str | None = None
    scores: RunScores | None = None
    """None for a run that only predicted."""

    @model_validator(mode="after")
    def _whole(self) -> RunManifest:
        counted = Counter(task.name for task in self.tasks)
        if twice := [name for name, count in counted.items() if count > 1]:
            raise ValueError(f"the task {twice[0]} is listed twice")
        if missing := [name for name in vars(Seeds()) if name not in self.seeds]:
            raise ValueError(f"the seed '{missing[0]}' is missing")
        return self


def describe_tasks(plan: Plan) -> tuple[TaskEntry, ...]:
    return tuple(
        TaskEntry(
            name=planned.task.name,
            ask=planned.task.ask,
            version=planned.task.spec.version,
            hash=planned.task.content_hash,
            dataset=planned.dataset.name,
            answer=planned.task.answer,
            metrics=planned.task.spec.metrics,
            perturbations=tuple(
                {"name": step.name, **step.model_dump(mode="json")}
                for step in planned.task.perturbations
            ),
            control_of=planned.task.control_of,
            samples=len(planned.rows),
            temperature=generation(planned.task, plan.model.card, plan.settings).temperature,
        )
        for planned in plan.tasks
    )


def describe_datasets(plan: Plan) -> tuple[DatasetEntry, ...]:
    entries: dict[Path, DatasetEntry] = {}
    for planned in plan.tasks:
        dataset = planned.dataset
        swaps = planned.task.swaps and not dataset.conflicting
        previous = entries.get(dataset.path)
        if previous is not None and not swaps:
            continue
        entries[dataset.path] = DatasetEntry(
            name=dataset.name,
            path=dataset.path.absolute(),
            version=dataset.version,
            rows=len(dataset.rows),
            classes=dataset.classes,
            pairs=planned.builder.pair_table if swaps else {},
            vanished=tuple(sorted(dataset.vanished)),
        )
    return tuple(entries.values())


def describe_environment(plan: Plan) -> Environment:
    return environment_of(plan.model.describe())


def environment_of(described: dict[str, str | int | float | bool | None]) -> Environment:
    """This machine's software, around a backend that describes itself so."""
    return Environment(
        mma_eval=__version__,
        python=platform.python_version(),
        platform=platform.platform(),
        packages=package_versions(),
        git_commit=_git_commit(),
        model=described,
    )


def command_line() -> str:
    """The command as it was typed, near enough to paste again."""
    import shlex

    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])


def now() -> datetime:
    return datetime.now(UTC)


def package_versions() -> dict[str, str]:
    """Versions of the packages that may change an answer, of those that are installed."""
    found = {}
    for name in RECORDED_PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _git_commit() -> str | None:
    """The commit of the checkout that this code runs from, None for an installed package."""
    root = Path(__file__).resolve().parents[3]
    if not (root / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
        )
    except OSError:
        return None
    return done.stdout.strip() or None
