"""Which questions a submission answers: each once, all that its runs drew, as they are worded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from mma_eval.leaderboard.findings import Finding, error, such_as
from mma_eval.leaderboard.registered import RegisteredDataset, RegisteredTask
from mma_eval.leaderboard.submission import Submission, SubmittedAnswer, SubmittedRun


def check_samples(submission: Submission, dataset: RegisteredDataset) -> Iterator[Finding]:
    """Errors only; a submission without any can be scored."""
    by_task: dict[str, list[SubmittedAnswer]] = {}
    for answer in submission.answers:
        by_task.setdefault(answer.task, []).append(answer)
    runs = {task.name: run for run in submission.header.runs for task in run.tasks}
    if strange := by_task.keys() - runs.keys():
        yield error(
            "the answers",
            f"are to tasks that no run has: {such_as(sorted(strange))}",
            "make the file anew with `mma-eval leaderboard submit`",
        )
    vanished = submission.header.dataset.vanished
    for name, run in runs.items():
        task, given = dataset.by_task[name], by_task.get(name, [])
        drawn = dataset.drawn(task, run.limit, run.seeds.get("draw", 0), vanished)
        yield from _check_task(run, task, given, dataset, drawn)


def _check_task(
    run: SubmittedRun,
    task: RegisteredTask,
    answers: list[SubmittedAnswer],
    dataset: RegisteredDataset,
    drawn: set[str],
) -> Iterable[Finding]:
    counted = Counter(answer.id for answer in answers)
    if twice := [name for name, count in counted.items() if count > 1]:
        yield error(
            task.name, f"answers questions more than once: {such_as(twice)}", "answer each once"
        )
    if unknown := [name for name in counted if name not in task.by_id]:
        yield error(
            task.name,
            f"has ids that the dataset version does not have: {such_as(unknown)}",
            "run on the registered dataset version",
        )
        return
    of = "all samples" if run.limit is None else f"those that --limit {run.limit} draws"
    if missing := sorted(drawn - counted.keys()):
        yield error(
            task.name,
            f"lacks samples of {of}: {such_as(missing)}",
            "submit every sample of the run; a part is chosen with --limit, which draws by seed",
        )
    if beyond := sorted(counted.keys() - drawn):
        yield error(
            task.name, f"has samples beyond {of}: {such_as(beyond)}", "submit the run as it was"
        )
    digests = dataset.prompt_digests
    reworded = [a.id for a in answers if digests[task.by_id[a.id].prompt] != a.prompt]
    if reworded:
        yield error(
            task.name,
            f"was asked in other words than the registered ones: {such_as(reworded)}",
            "ask with the task as it ships; a changed prompt is another task",
        )
