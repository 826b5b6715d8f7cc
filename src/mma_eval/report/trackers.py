"""`--log-to`: a run's scores in an experiment tracker, which is an extra to install."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, Protocol

from mma_eval.errors import PrerequisiteError, StoreError
from mma_eval.eval.run import Run
from mma_eval.report.measurements import measurements

TrackerName = Literal["trackio", "wandb"]
PROJECT = "mma-eval"
TRACKIO_LOSES = re.compile(r"\b(failed|could not|skipped|dropped|error)\b", re.IGNORECASE)
"""What its warnings say that tell of a failure; the others are advice."""


class Tracker(Protocol):
    """Takes the scores and the configuration of finished runs, one at a time."""

    def write(self, name: str, scores: dict[str, float], configuration: dict[str, Any]) -> None: ...


def open_tracker(name: TrackerName) -> Tracker:
    """The tracker of this name, found usable; nothing is logged yet.

    Raises PrerequisiteError where its package is missing or nobody is logged in: better now than
    when hours of answers are there.
    """
    if find_spec(name) is None:
        raise PrerequisiteError(
            f"--log-to {name} needs a package that is not installed: pip install 'mma-eval[{name}]'"
        )
    return Trackio() if name == "trackio" else Wandb()


def log_run(tracker: Tracker, run: Run) -> None:
    """Log a run that is already written; raises StoreError where the tracker fails."""
    if run.scores is None:
        return
    numbers: dict[str, float] = {}
    for found in measurements(run.scores):
        name = f"{found.task}/{found.metric}"
        numbers[name] = found.value
        if found.low is not None and found.high is not None:
            numbers[f"{name}_low"], numbers[f"{name}_high"] = found.low, found.high
    manifest = run.manifest
    configuration = manifest.model_dump(mode="json", exclude={"scores", "datasets"})
    configuration["datasets"] = [
        dataset.model_dump(mode="json", exclude={"pairs"}) for dataset in manifest.datasets
    ]
    try:
        tracker.write(f"{manifest.card.name}-{run.folder.name}", numbers, configuration)
    # What a tracker and its network raise is nothing that this code could list.
    except Exception as error:
        raise StoreError(
            f"the run is complete and kept in {run.folder}, but {type(tracker).__name__.lower()} "
            f"did not take its scores ({' '.join(str(error).split())}); the same command logs "
            "them again and asks nothing"
        ) from error


class Trackio:
    """Trackio, which keeps a SQLite file under TRACKIO_DIR (default: the Hugging Face cache)."""

    def write(self, name: str, scores: dict[str, float], configuration: dict[str, Any]) -> None:
        import trackio

        # Standard output is for results.
        with redirect_stdout(sys.stderr), _failing_as_trackio_warns():
            trackio.init(
                project=PROJECT,
                name=name,
                config=configuration,
                resume="allow",
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )
            trackio.log(scores)
            # Waits for the thread that writes, so that its warnings come in here.
            trackio.finish()  # type: ignore[no-untyped-call, unused-ignore]


@contextmanager
def _failing_as_trackio_warns() -> Iterator[None]:
    """Raise StoreError with the first warning in here by which trackio tells of a failure.

    Trackio only warns, and catches its own warnings where they are errors: they are recorded.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    failures: list[str] = []
    for warning in caught:
        message = str(warning.message)
        own = Path(warning.filename).parent.name == "trackio"
        if own and TRACKIO_LOSES.search(message):
            failures.append(message)
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
    if failures:
        # Its second sentence promises that code goes on.
        raise StoreError(failures[0].partition(". ")[0])


class Wandb:
    """Weights & Biases; WANDB_MODE=offline keeps the run in ./wandb until `wandb sync`."""

    def __init__(self) -> None:
        import wandb

        online = wandb.setup().settings.mode == "online"
        if online and not wandb.login(prompt=False, verify=False):
            raise PrerequisiteError(
                "--log-to wandb finds no API key: run wandb login, or set WANDB_MODE=offline"
            )

    def write(self, name: str, scores: dict[str, float], configuration: dict[str, Any]) -> None:
        import wandb

        quiet = wandb.Settings(console="off", silent=True)
        run = wandb.init(
            project=PROJECT,
            name=name,
            config=configuration,
            reinit="create_new",
            settings=quiet,
        )
        run.log(scores)
        run.finish()
