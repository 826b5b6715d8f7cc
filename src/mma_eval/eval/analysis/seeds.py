"""The same evaluation under several seeds: mean and spread, and how much was really repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mma_eval.eval.run import Run
from mma_eval.metrics.spread import Spread, spread


@dataclass(frozen=True)
class SeedSummary:
    """The accuracy of one task under several seeds."""

    task: str
    accuracies: tuple[float, ...]
    """One a run, in the order given."""
    spread: Spread
    """Over distinct measurements; its `n` counts them."""


def over_seeds(runs: Sequence[Run]) -> tuple[SeedSummary, ...]:
    """A summary for each task that every run has an accuracy for.

    Runs that asked exactly the same and decoded greedily are one measurement: the first of them
    counts, and the others say nothing new.
    """
    if not runs or any(run.scores is None for run in runs):
        return ()
    accuracies = [_accuracies(run) for run in runs]
    shared = [task for task in accuracies[0] if all(task in found for found in accuracies)]
    return tuple(
        _summary(task, runs, tuple(found[task] for found in accuracies)) for task in shared
    )


def _accuracies(run: Run) -> dict[str, float]:
    assert run.scores is not None
    return {score.task: score.accuracy.rate for score in run.scores.tasks if score.accuracy}


def _summary(task: str, runs: Sequence[Run], accuracies: tuple[float, ...]) -> SeedSummary:
    distinct: dict[object, float] = {}
    for run, accuracy in zip(runs, accuracies, strict=True):
        distinct.setdefault(_measurement(run, task), accuracy)
    return SeedSummary(task, accuracies, spread(tuple(distinct.values())))


def _measurement(run: Run, task: str) -> object:
    """Equal for two runs of which the second could not answer otherwise."""
    sampling = run.manifest.seeds["sampling"] if _sampled(run, task) else None
    return (run.tally.asked[task], sampling)


def _sampled(run: Run, task: str) -> bool:
    """Whether the sampling seed could change an answer."""
    manifest = run.manifest
    if manifest.settings.answer_by == "likelihood":
        return False
    temperature = {entry.name: entry.temperature for entry in manifest.tasks}[task]
    if temperature is None:
        override = manifest.settings.gen_kwargs.temperature
        temperature = manifest.card.decoding.temperature if override is None else override
    return temperature > 0
