"""Which samples a diagnosis looks at: those of a run that was made, perhaps fewer of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mma_eval.errors import UsageError
from mma_eval.eval.plan import Plan
from mma_eval.eval.rerun.repeat import Repetition, RerunChoices, find_run, prepare_rerun
from mma_eval.task.dataset import Progress
from mma_eval.task.load import TaskCatalogue

PAPER_VIDEOS = 100
"""Videos drawn for the paper's white-box analysis (section 4.2)."""


def plan_of_run(
    folder: Path,
    choices: RerunChoices,
    output_path: Path,
    *,
    tasks: str | None = None,
    progress: Progress | None = None,
) -> Repetition:
    """The plan of the one run that `folder` names, with what has changed since it was made.

    Model, adapter, arguments, dataset, tasks and seeds are the run's; `choices.limit` draws fewer
    clips and `tasks` chooses among its tasks. Raises UsageError.
    """
    repetition = prepare_rerun(find_run(folder), choices, output_path, progress=progress)
    if tasks is None:
        return repetition
    return replace(repetition, plan=of_tasks(repetition.plan, tasks))


def of_tasks(plan: Plan, tasks: str) -> Plan:
    """The same plan with the chosen ones of its tasks; raises UsageError where none is left."""
    chosen = {task.name for task in TaskCatalogue(plan.settings.include_path).select(tasks)}
    kept = tuple(one for one in plan.tasks if one.task.name.partition("+")[0] in chosen)
    if not kept:
        asked = ", ".join(one.task.name for one in plan.tasks)
        raise UsageError(f"the run has none of the tasks {tasks}; it has {asked}")
    return replace(plan, tasks=kept)
