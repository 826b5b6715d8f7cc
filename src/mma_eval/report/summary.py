"""A finished run on the terminal: its table, its baseline and the next useful command."""

from __future__ import annotations

import shlex

from rich.console import Console

from mma_eval.eval.analysis.diagnosis import diagnose
from mma_eval.eval.baseline import BASELINE_TASKS, Baseline
from mma_eval.eval.run import Run
from mma_eval.report.diagnosis import print_diagnosis
from mma_eval.report.table import print_next, print_results


def print_run(console: Console, run: Run, baseline: Baseline) -> None:
    """The result table, or where the answers are when nothing was scored yet."""
    if run.scores is None:
        console.print(
            f"{run.tally.samples} answers kept in {run.folder}; score them with\n"
            f"{_score_command(run)}",
            markup=False,
            soft_wrap=True,
        )
        return
    if (unproved := run.tally.unproved) > 0:
        console.print(
            f"\n{unproved} answers came without token counts: nothing proves that picture and "
            "sound reached the model.",
            style="yellow",
            markup=False,
        )
    print_results(
        console,
        run.scores,
        model=_model_name(run),
        dataset=", ".join(dataset.name for dataset in run.manifest.datasets),
    )
    if run.scores.answered:
        print_diagnosis(console, diagnose(run.scores, run.by_task))
    print_next(
        console,
        run.scores,
        run_path=run.folder,
        baseline=_baseline_line(run, baseline),
        next_command=_next_command(run, baseline),
    )


def _model_name(run: Run) -> str:
    adapter = run.manifest.settings.adapter
    name = run.manifest.card.name
    return name if adapter is None else f"{name} with {adapter.name}"


def _baseline_line(run: Run, baseline: Baseline) -> str | None:
    """None where the table holds the baseline itself, or nothing that has one."""
    if baseline.folder == run.folder or not _has_baseline(run):
        return None
    if not baseline.accuracy:
        return baseline.command
    shares = ", ".join(
        f"{task.removeprefix('aligned_')} {100 * share.rate:.1f}"
        for task, share in baseline.accuracy.items()
    )
    return f"aligned: {shares} ({baseline.folder})"


def _has_baseline(run: Run) -> bool:
    """A question set asks what no aligned task does."""
    return any(task.ask != "row" for task in run.manifest.tasks)


def _next_command(run: Run, baseline: Baseline) -> str:
    """Retry what failed, else make the baseline, else the whole benchmark, else the report."""
    if failed := run.tally.failed:
        return f"{run.manifest.command}  (asks the {failed} failed samples again)"
    if not baseline.accuracy and _has_baseline(run):
        return baseline.command
    asked = {task.name for task in run.manifest.tasks}
    if asked <= {*BASELINE_TASKS, "misalign_visual", "misalign_audio"}:
        by_likelihood = run.manifest.settings.answer_by == "likelihood"
        everything = "'mma_bench,-cot_*'" if by_likelihood else "mma_bench"
        return baseline.command.removesuffix("aligned") + everything
    return shlex.join(["mma-eval", "report", str(run.folder), "-o", "report.html"])


def _score_command(run: Run) -> str:
    return shlex.join(["mma-eval", "score", str(run.folder)])
