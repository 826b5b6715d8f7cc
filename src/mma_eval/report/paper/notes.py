"""What has to be known to read a table of the paper: what lacks, what differs, what is doubtful."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mma_eval.eval.analysis.subject import Subject
from mma_eval.eval.baseline import command_for
from mma_eval.report.paper.published import Column, Exhibit, Paper, Source
from mma_eval.report.paper.setting import differences_of_setting

ROUNDING = 0.0501
"""Half a unit of the figures' one decimal, and a little for binary fractions."""


@dataclass(frozen=True)
class Note:
    """A sentence, and the command that mends what it says."""

    text: str
    command: str | None = None
    about_runs: bool = False
    """Whether it is about the reader's own runs rather than about what is published."""


def notes_on(
    paper: Paper, exhibit: Exhibit, source: Source, subjects: Sequence[Subject]
) -> tuple[Note, ...]:
    """Everything to be said below one table or figure, the reader's own runs first."""
    notes = [note for subject in subjects for note in _on_subject(subject, source)]
    if exhibit.note is not None:
        notes.append(Note(exhibit.note))
    if source.note is not None:
        notes.append(Note(f"The reported numbers were {source.note}."))
    notes += [Note(text) for text in _doubts(source)]
    notes += [Note(text) for text in _elsewhere(paper, source)]
    notes += [Note(f"Contradiction: {text}") for text in paper.contradictions_of(exhibit)]
    return tuple(notes)


def selection(tasks: Iterable[str]) -> str:
    """Task names for `--tasks`; a family stands for both of its questions."""
    names = list(dict.fromkeys(tasks))
    words: dict[str, None] = {}
    for name in names:
        family, _, ask = name.rpartition("_")
        twin = f"{family}_{'audio' if ask == 'visual' else 'visual'}"
        words[family if twin in names else name] = None
    return ",".join(words)


def _on_subject(subject: Subject, source: Source) -> list[Note]:
    scores = {score.task: score for score in subject.scores.tasks}
    wanted = list(dict.fromkeys(column.task for column in source.columns))
    notes = []
    if lacking := [task for task in wanted if task not in scores]:
        command = command_for(subject.manifest.settings, selection(lacking))
        notes.append(Note(f"{subject.name} lacks {', '.join(lacking)}. To ask:", command, True))
    notes += [Note(text, about_runs=True) for text in differences_of_setting(subject)]
    asked = [scores[task] for task in wanted if task in scores]
    if gaps := [s for s in asked if s.answered < s.n]:
        told = ", ".join(f"{s.task} {s.answered} of {s.n}" for s in gaps)
        text = f"{subject.name} did not answer everything: {told}."
        notes.append(Note(text, about_runs=True))
    return notes


def _doubts(source: Source) -> list[str]:
    """The numbers that carry a question mark."""
    return [
        f"?: {suspect.task} of {suspect.model or 'every model'}: {suspect.why}."
        for suspect in source.suspect
    ]


def _elsewhere(paper: Paper, source: Source) -> list[str]:
    """Where another source prints something else for the same number, beyond rounding."""
    found = []
    for column in source.columns:
        told = [
            f"{row.model} {number} ({'; '.join(places)})"
            for row in source.rows
            for number, places in other_numbers(paper, source, row.model, column).items()
        ]
        if told:
            found.append(f"Printed elsewhere for {column.task}: {', '.join(told)}.")
    return found


def other_numbers(paper: Paper, source: Source, model: str, column: Column) -> dict[str, list[str]]:
    """Numbers as printed, each with the places that print it; `?` where they are in doubt."""
    numbers: dict[str, list[str]] = {}
    value = source.value(model, column)
    for other in paper.sources:
        theirs = other.value(model, column)
        if value is None or theirs is None:
            continue
        tolerance = ROUNDING if 1 in (other.decimals, source.decimals) else 0.0
        if abs(theirs - value) > tolerance:
            doubt = "?" if other.doubt(model, column.task) else ""
            numbers.setdefault(f"{theirs:.{other.decimals}f}{doubt}", []).append(other.place)
    return numbers
