"""What has changed around a run since it was made: software, device, model, tasks, dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mma_eval.eval.manifest import DatasetEntry, Environment, RunManifest, TaskEntry
from mma_eval.models.card import ModelCard

NOT_THERE = "not there"
COUNTED_WHILE_RUNNING = frozenset({"batch_halvings"})
"""What a backend describes that is not known before it has answered."""


@dataclass(frozen=True)
class FactChange:
    """One recorded fact that is different now."""

    what: str
    before: str
    now: str


def changed_facts(
    recorded: RunManifest,
    *,
    fingerprint: str,
    card: ModelCard | None,
    tasks: Sequence[TaskEntry],
    datasets: Sequence[DatasetEntry],
    environment: Environment,
) -> tuple[FactChange, ...]:
    """Every recorded fact that differs, in the order in which it may explain a difference.

    `card` is what the model's name means now, None for nothing.
    """
    before = {
        **_task_facts(recorded.tasks),
        **_dataset_facts(recorded.datasets),
        "model fingerprint": recorded.fingerprint,
        **environment_facts(recorded.environment),
        **({} if card is None else _card_facts(recorded.card)),
    }
    now = {
        **_task_facts(tasks),
        **_dataset_facts(datasets),
        "model fingerprint": fingerprint,
        **environment_facts(environment),
        **({} if card is None else _card_facts(card)),
    }
    changes = differing_facts(before, now)
    if card is None:
        changes.append(FactChange("model card", recorded.card.name, NOT_THERE))
    return (*changes, *_pair_changes(recorded.datasets, datasets))


def differing_facts(before: Mapping[str, str], now: Mapping[str, str]) -> list[FactChange]:
    """The facts that are not the same, in their order."""
    return [
        FactChange(what, before.get(what, NOT_THERE), now.get(what, NOT_THERE))
        for what in dict.fromkeys((*before, *now))
        if before.get(what) != now.get(what)
    ]


def _task_facts(tasks: Sequence[TaskEntry]) -> dict[str, str]:
    return {f"task {task.name}": f"version {task.version}, {task.hash}" for task in tasks}


def _dataset_facts(datasets: Sequence[DatasetEntry]) -> dict[str, str]:
    """By place: a dataset that has moved may have another name."""
    facts = {}
    for number, entry in enumerate(datasets, start=1):
        what = "dataset" if len(datasets) == 1 else f"dataset {number}"
        facts[f"{what} path"] = str(entry.path)
        facts[f"{what} version"] = entry.version
        facts[f"{what} rows"] = str(entry.rows)
        facts[f"{what} vanished clips"] = ", ".join(entry.vanished) or "none"
        facts[f"{what} classes"] = ", ".join(entry.classes)
    return facts


def _pair_changes(
    before: Sequence[DatasetEntry], now: Sequence[DatasetEntry]
) -> tuple[FactChange, ...]:
    """How many clips get the sound of another clip than they got."""
    changes = []
    for one, two in zip(before, now, strict=False):
        clips = {*one.pairs, *two.pairs}
        moved = sum(one.pairs.get(clip) != two.pairs.get(clip) for clip in clips)
        if moved:
            changes.append(
                FactChange(
                    "pair table", f"{len(one.pairs)} pairs", f"{moved} of {len(clips)} differ"
                )
            )
    return tuple(changes)


def environment_facts(environment: Environment) -> dict[str, str]:
    return {
        "mma-eval": environment.mma_eval,
        "git commit": environment.git_commit or "none",
        "Python": environment.python,
        "platform": environment.platform,
        **environment.packages,
        **{
            f"model {name}": str(value)
            for name, value in environment.model.items()
            if name not in COUNTED_WHILE_RUNNING and name not in environment.packages
        },
    }


def _card_facts(card: ModelCard) -> dict[str, str]:
    fields = card.model_dump(mode="json", exclude={"path"})
    return {f"card {name}": str(value) for name, value in fields.items()}
