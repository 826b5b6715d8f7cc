"""What the name of a task tells: its twin, its control, its aligned baseline."""

from __future__ import annotations

import re

CONTROL_ALIGNED = ".control_aligned"
CONTROL_IRRELEVANT = ".control_irrelevant"

_ASK_IN_NAME = re.compile(r"_(visual|audio)(?![A-Za-z0-9_])")


def is_control(task: str) -> bool:
    """Whether a task only serves as the control of an abstention task."""
    return CONTROL_ALIGNED in task or CONTROL_IRRELEVANT in task


def without_control(task: str) -> str:
    return task.replace(CONTROL_ALIGNED, "").replace(CONTROL_IRRELEVANT, "")


def twin_of(task: str) -> str | None:
    """The name of the task that asks about the other modality."""
    found = _ASK_IN_NAME.search(task)
    if found is None:
        return None
    other = "audio" if found.group(1) == "visual" else "visual"
    return f"{task[: found.start(1)]}{other}{task[found.end(1) :]}"


def condition_of(task: str) -> str:
    """The name without the asked modality: the same for a task and its twin."""
    return _ASK_IN_NAME.sub("", task, count=1)


def baselines_of(task: str) -> tuple[str, ...]:
    """The tasks that ask the same without the condition, best first; none for a baseline itself.

    `misalign_audio` goes with `aligned_audio`, `cot_misalign_audio` with `cot_aligned_audio`, and
    a question set under a condition with the question set alone; a variant goes with the same
    variant of the baseline before it goes with the plain one.
    """
    unperturbed = task.partition("+")[0]
    plain, _, variant = unperturbed.partition("@")
    found = _ASK_IN_NAME.search(plain)
    if found is None:
        baseline = plain
    else:
        reasoning = "cot_" if plain.startswith("cot_") else ""
        baseline = f"{reasoning}aligned_{found.group(1)}"
    if unperturbed == task and plain == baseline:
        return ()
    return (f"{baseline}@{variant}", baseline) if variant else (baseline,)
