"""`PATH` or `PATH:TASK`: one side of a comparison."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mma_eval.errors import UnknownNameError, UsageError
from mma_eval.eval.analysis.subject import Subject, read_subjects
from mma_eval.eval.manifest import TaskEntry


@dataclass(frozen=True)
class Operand:
    """One side: a subject, and the task where one was named."""

    text: str
    subject: Subject
    task: str | None

    def entry(self, task: str) -> TaskEntry:
        """The manifest's entry of a task; raises UnknownNameError with the nearest name."""
        entries = {entry.name: entry for entry in self.subject.manifest.tasks}
        if task not in entries:
            raise UnknownNameError("task", task, entries, where=f"{self.text}: ")
        return entries[task]

    def holder(self, task: str) -> Path:
        """The folder of the run that a task is taken from: the newest that has it."""
        return next(
            run.folder.resolve()
            for run in reversed(self.subject.runs)
            if any(entry.name == task for entry in run.manifest.tasks)
        )


def read_operand(text: str) -> Operand:
    """The run that `text` names, with its task.

    A path that exists is a path, whatever colons it holds; else what follows the last colon is a
    task. Raises UsageError for no run or for several, UnknownNameError for no such task.
    """
    head, colon, task = text.rpartition(":")
    if Path(text).exists() or not colon or not Path(head).exists():
        return Operand(text, _only_subject(Path(text)), None)
    operand = Operand(text, _only_subject(Path(head)), task)
    operand.entry(task)
    return operand


def _only_subject(path: Path) -> Subject:
    subjects = read_subjects([path])
    if len(subjects) > 1:
        found = "; ".join(f"{subject.name}: {subject.runs[-1].folder}" for subject in subjects)
        raise UsageError(
            f"{path} holds runs of {len(subjects)} models or configurations; give one ({found})"
        )
    return subjects[0]
