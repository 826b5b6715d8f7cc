"""The tasks of a plot by condition, in plain words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from mma_eval.eval.score import is_control
from mma_eval.eval.scorecard import RunScores, Share, TaskScore
from mma_eval.models.card import Reported

_PLAIN_WORDS = {
    "aligned": "Nothing changed",
    "misalign": "Sound of another clip",
    "frames_zeroed": "Picture black",
    "audio_removed": "Sound silent",
    "misleading_caption": "Misleading caption",
    "long_context": "Long irrelevant text",
    "abstention": "Stream gone, can decline",
    "cot_aligned": "Reasoning first",
    "cot_misalign": "Reasoning, other sound",
}
_REPORTED_AS = {"accuracy": ("accuracy", "abstention"), "leak": ("leak",)}
"""The metrics of a card by what is plotted; declining is the right answer of its task."""
_NAME = re.compile(r"(?P<family>.+?)_(?P<ask>visual|audio)(?P<rest>(?:[@+.].*)?)")


@dataclass(frozen=True)
class Condition:
    """What was done to the clips: the plain words, and the tasks' name without the modality."""

    words: str
    name: str

    @classmethod
    def of(cls, task: str) -> Condition:
        """A task without a modality in its name, or of an unknown family, keeps its own name."""
        found = _NAME.fullmatch(task)
        if found is None:
            return cls(task, task)
        family, rest = found["family"], found["rest"]
        return cls(_PLAIN_WORDS.get(family, family) + (f" {rest}" if rest else ""), family + rest)


@dataclass
class ConditionTasks:
    """The tasks of one condition, in their order."""

    condition: Condition
    tasks: list[TaskScore] = field(default_factory=list)


def by_condition(tasks: Iterable[TaskScore]) -> list[ConditionTasks]:
    """Tasks of one condition together, without controls, in the order of their first."""
    found: dict[str, ConditionTasks] = {}
    for task in tasks:
        if not is_control(task.task):
            condition = Condition.of(task.task)
            found.setdefault(condition.name, ConditionTasks(condition)).tasks.append(task)
    return list(found.values())


@dataclass(frozen=True)
class Headline:
    """The one number that a task is plotted by."""

    metric: Literal["accuracy", "leak"]
    share: Share

    @classmethod
    def of(cls, task: TaskScore) -> Headline | None:
        """Accuracy, or the leak of an ill-posed task; None where nothing was scored."""
        if task.accuracy is not None:
            return cls("accuracy", task.accuracy)
        return cls("leak", task.leak) if task.leak is not None else None


def aligned_share(scores: RunScores, task: TaskScore) -> Share | None:
    """The accuracy that `task` is measured against; None where it has none or is it.

    That is the baseline of its drop, else the aligned task of the same modality. A task that leaks
    and one that asks for declining have other right answers, so nothing to fall from.
    """
    if task.accuracy is None or task.task in {summary.task for summary in scores.abstentions}:
        return None
    named = {drop.task: drop.baseline for drop in scores.drops}
    baseline = named.get(task.task, f"aligned_{task.ask}")
    if baseline == task.task:
        return None
    return next((other.accuracy for other in scores.tasks if other.task == baseline), None)


def published(tasks: Iterable[TaskScore], reported: Sequence[Reported]) -> dict[str, Reported]:
    """The first published result of each task that says the same as its plotted number.

    A leak is set against a reported leak only; a task without a score takes either.
    """
    found: dict[str, Reported] = {}
    for task in tasks:
        headline = Headline.of(task)
        plotted = _REPORTED_AS if headline is None else (headline.metric,)
        metrics = {metric for name in plotted for metric in _REPORTED_AS[name]}
        for result in reported:
            if result.task == task.task and result.metric in metrics:
                found.setdefault(task.task, result)
    return found


def sources_note(reported: Iterable[Reported]) -> list[str]:
    """Where published numbers come from, as a note below a plot; none without numbers."""
    places: dict[str, list[str]] = {}
    for source in dict.fromkeys(result.source for result in reported):
        work, _, place = source.partition(", ")
        places.setdefault(work, []).append(place)
    told = [", ".join(filter(None, (work, *found))) for work, found in places.items()]
    return [f"Reported: {'; '.join(told)}."] if told else []
