"""What the header of a submission says, against the registered dataset version."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mma_eval.leaderboard.findings import Finding, error, note, such_as, warning
from mma_eval.leaderboard.registered import RegisteredDataset, RegisteredTask
from mma_eval.leaderboard.submission import Header, SubmittedRun, SubmittedTask, registered_name
from mma_eval.task.rows import VANISHED_FILE


def check_file_name(name: str, header: Header) -> Iterable[Finding]:
    """A file is named for what it holds, so that two files of one row cannot lie side by side."""
    if name != header.file_name:
        yield error(
            "the file's name",
            f"{name} holds what belongs into {header.file_name}",
            f"name it {header.file_name}",
        )


def check_header(header: Header, dataset: RegisteredDataset) -> Iterable[Finding]:
    """One model under one set of settings, on the samples that are registered."""
    first = header.runs[0]
    if registered_name(header.dataset) != dataset.stem:
        yield error(
            "the dataset version",
            f"is registered as {dataset.name}, and the file names it {header.dataset.name}",
            f"run with --dataset {dataset.name}",
        )
    if header.dataset.rows != dataset.rows:
        yield error(
            "the dataset version",
            f"has {dataset.rows} rows and is said to have {header.dataset.rows}",
            "make the file anew with `mma-eval leaderboard submit`",
        )
    yield from _check_vanished(header.dataset.vanished, dataset)
    for what, values in _SAMENESS.items():
        if any(getattr(run, values) != getattr(first, values) for run in header.runs):
            yield error(
                "the runs", f"are of different {what}", "submit runs of one set of settings"
            )
    for name, seed in dataset.seeds.items():
        if first.seeds.get(name) != seed:
            yield error(
                "the seeds",
                f"{name} is {first.seeds.get(name)}, and the registered samples are those of "
                f"{seed}",
                f"run with --seed {seed}",
            )
    if first.split != dataset.split:
        yield error(
            "the split",
            f"is {first.split}, and the registered one is {dataset.split}",
            "run on the registered split",
        )
    given = first.generation.model_dump(exclude_none=True)
    if given:
        said = ", ".join(f"{name}={value}" for name, value in given.items())
        yield warning(
            "the generation settings",
            f"are not the tasks' own: {said}",
            "a maintainer decides; the row says so",
        )
    if any((task.temperature or 0) > 0 for run in header.runs for task in run.tasks):
        yield warning(
            "the answers",
            "were sampled, so that another run gives others",
            "greedy answers (temperature 0) are comparable",
        )
    if header.answer_by == "likelihood":
        yield note("the answers", "are the likeliest options, not text")


def check_tasks(header: Header, dataset: RegisteredDataset) -> Iterable[Finding]:
    """Every task once, in the registered version, file and template."""
    seen: set[str] = set()
    for run in header.runs:
        for task in run.tasks:
            if task.name in seen:
                yield error(task.name, "is in two runs", "leave one of them out")
            seen.add(task.name)
            known = dataset.by_task.get(task.name)
            if known is None:
                yield error(
                    task.name,
                    "is not registered for this dataset version",
                    f"registered: {such_as(dataset.by_task)}; leave the task out",
                )
            else:
                yield from _check_task(run, task, known, dataset, header.dataset.vanished)


_SAMENESS = {
    "models or weights": "fingerprint",
    "seeds": "seeds",
    "splits": "split",
    "ways to answer": "answer_by",
    "generation settings": "generation",
}
"""What every run of a submission has in common, and the field that says it."""


def _check_vanished(vanished: Sequence[str], dataset: RegisteredDataset) -> Iterable[Finding]:
    """Clips that a submitter could not get: known ones, and told to whoever reads the verdict."""
    if unknown := [clip for clip in vanished if clip not in dataset.clips]:
        yield error(
            "the vanished clips",
            f"are none of the dataset version: {such_as(unknown)}",
            f"correct {VANISHED_FILE} and run again",
        )
    if len(set(vanished)) < len(vanished):
        yield error(
            "the vanished clips",
            "are named more than once",
            "make the file anew with `mma-eval leaderboard submit`",
        )
    if vanished:
        yield warning(
            "the vanished clips",
            f"are said to be {such_as(vanished)} of {len(dataset.clips):,}",
            "see whether they can be had; the row is over the others, and is compared on those",
        )


def _check_task(
    run: SubmittedRun,
    task: SubmittedTask,
    known: RegisteredTask,
    dataset: RegisteredDataset,
    vanished: Sequence[str],
) -> Iterable[Finding]:
    if (task.version, task.hash) != (known.version, known.hash):
        yield error(
            task.name,
            f"is version {task.version} with the hash {task.hash}; registered is version "
            f"{known.version} with {known.hash}: its file, its prompt or a perturbation differs",
            "run the task as it ships with the version of mma-eval that registered it "
            f"({dataset.mma_eval})",
        )
    drawn = dataset.drawn(known, run.limit, run.seeds.get("draw", 0), vanished)
    if task.samples != len(drawn):
        yield error(
            task.name,
            f"is said to have {task.samples} samples, and has {len(drawn)}",
            "make the file anew with `mma-eval leaderboard submit`",
        )
