"""`mma-eval rerun`: a run again from its manifest, and every difference."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mma_eval.eval.rerun.comparison import RunComparison
    from mma_eval.eval.rerun.repeat import Repetition, RerunChoices
    from mma_eval.eval.run import Run


def rerun_command(
    run: Annotated[Path, typer.Argument(help="The folder of a run.")],
    dataset: Annotated[
        str | None, typer.Option("--dataset", "-d", help="Where the dataset is now.")
    ] = None,
    adapter: Annotated[Path | None, typer.Option(help="Where the adapter is now.")] = None,
    include_path: Annotated[
        list[Path] | None, typer.Option(help="Where your own tasks are now. Repeatable.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only so many of the run's clips, drawn by seed.")
    ] = None,
    tolerance: Annotated[
        float, typer.Option(min=0, help="Nats by which option scores may differ.")
    ] = 0.0,
    output_path: Annotated[
        Path | None, typer.Option("--output-path", "-o", help="Keep the rerun in this new folder.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="As JSON, with every difference.")
    ] = False,
) -> None:
    """Repeat a run from its manifest and report any difference.

    Everything is asked again; stored answers are not read. Exit code 1 when anything differs.
    """
    from mma_eval.cli.console import output
    from mma_eval.eval.rerun.repeat import RerunChoices, find_run, place_of_rerun
    from mma_eval.report.rerun import print_comparison, print_facts

    folders = None if include_path is None else tuple(include_path)
    choices = RerunChoices(dataset, adapter, folders, limit)
    with place_of_rerun(output_path) as place:
        repetition = _prepare(find_run(run), choices, place)
        if not as_json:
            print_facts(output(), repetition.original, repetition.changed)
        repeated = _ask(repetition)
    comparison = _compare(repetition, repeated, tolerance)
    if as_json:
        _print_json(repetition, comparison)
    else:
        print_comparison(output(), comparison)
    if comparison.differing:
        raise typer.Exit(1)


def _prepare(folder: Path, choices: RerunChoices, place: Path) -> Repetition:
    from mma_eval.cli.console import answer_bar
    from mma_eval.eval.rerun.repeat import prepare_rerun

    with answer_bar("preparing the dataset") as bar:
        return prepare_rerun(folder, choices, place, progress=bar.report)


def _ask(repetition: Repetition) -> Run:
    """Everything again; a backend that breaks on the way is said to have."""
    from mma_eval.cli.console import answer_bar, diagnostics
    from mma_eval.cli.download import allow_download
    from mma_eval.eval.rerun.repeat import ask_again

    allow_download(repetition.plan.model)
    with answer_bar("asking again") as bar:
        repeated = ask_again(repetition, bar)
    if repeated.manifest.error is not None:
        diagnostics().print(
            f"mma-eval: the backend broke: {repeated.manifest.error}",
            style="red",
            markup=False,
            soft_wrap=True,
        )
    return repeated


def _compare(repetition: Repetition, repeated: Run, tolerance: float) -> RunComparison:
    """Against the whole run, or against the clips that a smaller limit left."""
    from mma_eval.eval.rerun.comparison import compare_runs, of_the_same_clips

    before = repetition.original.samples
    if repetition.plan.settings.limit != repetition.original.manifest.settings.limit:
        before = of_the_same_clips(before, repeated.samples)
    return compare_runs(before, repeated.samples, tolerance=tolerance)


def _print_json(repetition: Repetition, comparison: RunComparison) -> None:
    import json
    from dataclasses import asdict

    found = {
        "run": str(repetition.original.folder),
        "changed": [asdict(change) for change in repetition.changed],
        "compared": len(comparison.samples),
        "identical": comparison.identical,
        "kinds": {str(kind): count for kind, count in comparison.kinds.items()},
        "fields": comparison.fields,
        "largest_score_difference": comparison.largest_score_difference,
        "tolerance": comparison.tolerance,
        "tasks": [asdict(tally) for tally in comparison.tallies],
        "differing": [asdict(sample) for sample in comparison.differing],
    }
    typer.echo(json.dumps(found, indent=1, ensure_ascii=False))
