"""`mma-eval run`: plan, ask, score, show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mma_eval.cli.options import key_values, numbers, seed_of
from mma_eval.errors import StoppedError, StoreError, UsageError

if TYPE_CHECKING:
    from mma_eval.eval.plan import Plan
    from mma_eval.eval.run import Run
    from mma_eval.eval.settings import RunSettings
    from mma_eval.report.trackers import Tracker


def run_command(
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="A model card, a card file or a backend.")
    ] = None,
    tasks: Annotated[
        str | None,
        typer.Option("--tasks", "-t", help="Names, tags and globs, separated by commas."),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option("--dataset", "-d", help="demo, mma_bench, a manifest path or hf:owner/name."),
    ] = None,
    split: Annotated[str | None, typer.Option(help="Only rows of this split.")] = None,
    perturb: Annotated[
        list[str] | None,
        typer.Option(help="Add a condition: name\\[:key=value,...]. Repeatable."),
    ] = None,
    model_args: Annotated[
        str | None, typer.Option(help="key=value,... for the backend; lists as \\[a,b].")
    ] = None,
    adapter: Annotated[Path | None, typer.Option(help="A PEFT adapter folder.")] = None,
    limit: Annotated[int | None, typer.Option(help="Clips, drawn by seed.")] = None,
    seed: Annotated[
        str | None, typer.Option(help="One number, or name=number,... for separate seeds.")
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(help="Several numbers: one run each, sharing answers.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Questions in one forward pass.")] = None,
    gen_kwargs: Annotated[
        str | None, typer.Option(help="max_new_tokens=..,temperature=..,top_p=..")
    ] = None,
    answer_by: Annotated[
        Literal["generate", "likelihood"] | None,
        typer.Option(help="Read an option from text, or take the likeliest option."),
    ] = None,
    output_path: Annotated[
        Path | None, typer.Option("--output-path", "-o", help="Where runs are kept. \\[results]")
    ] = None,
    include_path: Annotated[
        list[Path] | None, typer.Option(help="A folder of your own tasks and cards. Repeatable.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="YAML with these options as keys; options win.")
    ] = None,
    predict_only: Annotated[
        bool, typer.Option("--predict-only", help="Keep the answers, score later.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ask everything again.")] = False,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="Stop at the first sample that fails.")
    ] = False,
    stall_limit: Annotated[
        float | None, typer.Option(help="End the run after so many seconds without an answer.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be asked; load no weights.")
    ] = False,
    log_to: Annotated[
        Literal["trackio", "wandb"] | None,
        typer.Option(help="Also log the scores to an experiment tracker (an extra to install)."),
    ] = None,
) -> None:
    """Evaluate a model. The same command continues a stopped run."""
    from mma_eval.eval.settings import settings_by_seed

    values: dict[str, Any] = {
        "model": model,
        "tasks": tasks,
        "dataset": dataset,
        "split": split,
        "perturb": tuple(perturb or ()),
        "model_args": key_values(model_args),
        "adapter": adapter,
        "limit": limit,
        "seed": seed_of(seed),
        "seeds": None if seeds is None else numbers(seeds),
        "batch_size": batch_size,
        "gen_kwargs": key_values(gen_kwargs),
        "answer_by": answer_by,
        "output_path": output_path,
        "include_path": tuple(include_path or ()),
        "predict_only": predict_only or None,
        "fresh": fresh or None,
        "fail_fast": fail_fast or None,
        "stall_limit": stall_limit,
    }
    settings = settings_by_seed(values, config)
    if dry_run:
        _preview(settings[0])
        return
    tracker = None if log_to is None else _tracker(log_to, settings)
    from mma_eval.eval.ask import CONTINUES

    try:
        failed = _run_all(settings, tracker)
    except KeyboardInterrupt:
        raise StoppedError(f"stopped; {CONTINUES}") from None
    if failed:
        raise typer.Exit(1)


def _run_all(runs: list[RunSettings], tracker: Tracker | None) -> bool:
    """Run every setting with one model; whether anything failed."""
    from mma_eval.cli.console import answer_bar, diagnostics
    from mma_eval.cli.download import allow_download
    from mma_eval.eval.evaluate import run_plan

    failed = False
    first: Plan | None = None
    done: list[Run] = []
    for settings in runs:
        plan = _plan(settings, first)
        if first is None:
            _show_vanished(plan)
            allow_download(plan.model)
            first = plan
        with answer_bar(_label(settings, len(runs) > 1)) as bar:
            run = run_plan(plan, bar)
        _show(run)
        _show_notes(run)
        done.append(run)
        failed |= run.tally.failed > 0 or run.manifest.error is not None
        if run.manifest.error is not None:
            diagnostics().print(
                f"mma-eval: the backend broke: {run.manifest.error}",
                style="red",
                markup=False,
                soft_wrap=True,
            )
        if tracker is not None:
            failed |= not _logged(tracker, run)
    if len(done) > 1:
        _show_seeds(done)
    return failed


def _tracker(name: Literal["trackio", "wandb"], runs: list[RunSettings]) -> Tracker:
    from mma_eval.report.trackers import open_tracker

    if any(settings.predict_only for settings in runs):
        raise UsageError("--log-to logs scores, which --predict-only leaves out; drop one of them")
    return open_tracker(name)


def _logged(tracker: Tracker, run: Run) -> bool:
    """Whether the tracker took the scores; if not, the user reads why."""
    from mma_eval.cli.console import diagnostics
    from mma_eval.report.trackers import log_run

    try:
        log_run(tracker, run)
    except StoreError as error:
        diagnostics().print(f"mma-eval: {error}", style="red", markup=False, soft_wrap=True)
        return False
    return True


def _plan(settings: RunSettings, first: Plan | None) -> Plan:
    from mma_eval.cli.console import answer_bar
    from mma_eval.eval.plan import make_plan

    model = None if first is None else first.model
    with answer_bar("preparing the dataset") as bar:
        return make_plan(settings, model=model, progress=bar.report)


def _show_notes(run: Run) -> None:
    """How often an answer came about in an unusual way."""
    from mma_eval.cli.console import diagnostics

    for note, count in run.tally.notes.items():
        diagnostics().print(
            f"mma-eval: {note} ({count} of {run.tally.samples} answers)",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )


def _show_vanished(plan: Plan) -> None:
    """That some questions are not asked, since the media of their clips are gone."""
    from mma_eval.cli.console import diagnostics

    for dataset in plan.datasets:
        if dataset.vanished:
            diagnostics().print(
                f"mma-eval: questions that need a vanished clip of {dataset.name} are left out "
                f"(vanished: {len(dataset.vanished)})",
                style="yellow",
                markup=False,
                soft_wrap=True,
            )


def _show(run: Run) -> None:
    from mma_eval.cli.results import show_run

    show_run(run)


def _show_seeds(runs: list[Run]) -> None:
    from mma_eval.cli.console import output
    from mma_eval.eval.analysis.seeds import over_seeds
    from mma_eval.report.seeds import print_seeds

    print_seeds(output(), over_seeds(runs))


def _preview(settings: RunSettings) -> None:
    from mma_eval.cli.console import output
    from mma_eval.eval.preview import preview
    from mma_eval.report.preview import print_preview

    plan = _plan(settings, None)
    _show_vanished(plan)
    print_preview(output(), preview(plan))


def _label(settings: RunSettings, several: bool) -> str:
    return f"{settings.model} seed {settings.seed}" if several else settings.model
