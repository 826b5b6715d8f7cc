"""`mma-eval diagnose`: where a model looks when it is asked what it sees and what it hears."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mma_eval.cli.options import key_values, seed_of
from mma_eval.errors import StoppedError, UsageError

if TYPE_CHECKING:
    from mma_eval.diagnose.blocks import BlockingRun
    from mma_eval.diagnose.measured import AttentionRun, QueryKind, Skipped
    from mma_eval.eval.plan import Plan

TASKS = "aligned,misalign"
VIDEOS = 100
"""As many as the paper draws (section 4.2)."""
CONTINUES = "what was measured is kept, and the same command continues from there"


@dataclass(frozen=True)
class Wanted:
    """What the command line asks for besides a run."""

    model: str | None
    tasks: str | None
    dataset: str | None
    model_args: str | None
    adapter: Path | None
    include_path: tuple[Path, ...]
    limit: int
    seed: str | None

    def of_a_run(self) -> list[str]:
        """Options that a run settles by itself."""
        given = {"--model": self.model, "--model-args": self.model_args, "--seed": self.seed}
        return [name for name, value in given.items() if value is not None]


def diagnose_command(
    run: Annotated[
        Path | None,
        typer.Argument(metavar="[RUN]", help="The folder of a run; else --model and the rest."),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for numbers and figures.")
    ] = Path("attention"),
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="A model card or a card file.")
    ] = None,
    tasks: Annotated[
        str | None, typer.Option("--tasks", "-t", help=f"Names, tags and globs. \\[{TASKS}]")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", "-d", help="demo, mma_bench, a manifest's path, ...")
    ] = None,
    model_args: Annotated[str | None, typer.Option(help="key=value,... for the backend.")] = None,
    adapter: Annotated[Path | None, typer.Option(help="A PEFT adapter folder.")] = None,
    include_path: Annotated[
        list[Path] | None, typer.Option(help="A folder of your own tasks and cards. Repeatable.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Clips, drawn by seed.")] = VIDEOS,
    seed: Annotated[str | None, typer.Option(help="One number, or name=number,...")] = None,
    query: Annotated[
        str,
        typer.Option(
            help="Whose attention: of the answer's place, of every generated token, or of the "
            "question (answer, generated, question)."
        ),
    ] = "answer",
    before: Annotated[
        Path | None,
        typer.Option(help="The diagnosis of the same model without its adapter, to compare with."),
    ] = None,
    block: Annotated[
        bool,
        typer.Option(
            "--block", help="Also hide each stream in some of the layers and count changed answers."
        ),
    ] = False,
    token_maps: Annotated[
        int, typer.Option(min=0, help="Samples shown token by token, of the last task.")
    ] = 1,
) -> None:
    """Attention by modality, Cohen's d between the visual and the audio question, and figures.

    The same command continues a stopped diagnosis.
    """
    from mma_eval.cli.download import allow_download
    from mma_eval.diagnose.measured import QUERY_KINDS, AttentionRun
    from mma_eval.errors import UnknownNameError

    if query not in QUERY_KINDS:
        raise UnknownNameError("query", query, QUERY_KINDS)
    kind: QueryKind = query
    earlier = None if before is None else AttentionRun.load(before)
    folders = tuple(include_path or ())
    wanted = Wanted(model, tasks, dataset, model_args, adapter, folders, limit, seed)
    plan = _plan(run, wanted, output)
    if earlier is not None:
        _check_before(plan, kind, earlier)
    allow_download(plan.model)
    try:
        measured = _measured(plan, kind, output)
        blocked = _blocked(plan, output) if block else None
        _save_token_maps(plan, token_maps, output)
    except KeyboardInterrupt:
        raise StoppedError(f"stopped; {CONTINUES}") from None
    _show(measured, earlier, blocked, output)
    skipped = (*measured.skipped, *(() if blocked is None else blocked.skipped))
    if skipped:
        _complain(skipped)
        raise typer.Exit(1)


def _plan(run: Path | None, wanted: Wanted, output: Path) -> Plan:
    if run is None:
        return _new_plan(wanted)
    if settled := wanted.of_a_run():
        raise UsageError(f"{settled[0]}: the run {run} says that itself; leave it out")
    return _plan_of_run(run, wanted, output)


def _new_plan(wanted: Wanted) -> Plan:
    from mma_eval.cli.console import answer_bar
    from mma_eval.eval.plan import make_plan
    from mma_eval.eval.settings import settings_from

    if wanted.model is None:
        raise UsageError("give the folder of a run, or a model with --model")
    settings = settings_from(
        {
            "model": wanted.model,
            "tasks": wanted.tasks or TASKS,
            "dataset": wanted.dataset,
            "model_args": key_values(wanted.model_args),
            "adapter": wanted.adapter,
            "include_path": wanted.include_path,
            "limit": wanted.limit,
            "seed": seed_of(wanted.seed),
        },
        config=None,
    )
    with answer_bar("preparing the dataset") as bar:
        return make_plan(settings, progress=bar.report)


def _plan_of_run(run: Path, wanted: Wanted, output: Path) -> Plan:
    from mma_eval.cli.console import answer_bar, diagnostics
    from mma_eval.diagnose.plans import plan_of_run
    from mma_eval.eval.rerun.repeat import RerunChoices

    choices = RerunChoices(
        wanted.dataset, wanted.adapter, wanted.include_path or None, wanted.limit
    )
    with answer_bar("preparing the dataset") as bar:
        repetition = plan_of_run(
            run, choices, output, tasks=wanted.tasks or TASKS, progress=bar.report
        )
    for change in repetition.changed:
        diagnostics().print(
            f"mma-eval: since the run, {change.what} was {change.before} and is {change.now}",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )
    return repetition.plan


def _check_before(plan: Plan, kind: QueryKind, earlier: AttentionRun) -> None:
    """Refuse at once what could not be compared after the work is done."""
    (name, *_) = [dataset.name for dataset in plan.datasets]
    pairs = (
        ("model", earlier.origin.model, plan.model.card.name),
        ("dataset", earlier.origin.dataset, name),
        ("query", earlier.query, kind),
        ("seed", earlier.origin.seed, plan.settings.seed),
    )
    for what, before, now in pairs:
        if before != now:
            raise UsageError(
                f"--before is of another {what}, {before} and not {now}; measure both alike"
            )


def _measured(plan: Plan, kind: QueryKind, folder: Path) -> AttentionRun:
    from mma_eval.cli.console import answer_bar
    from mma_eval.diagnose.measure import measure_attention

    with answer_bar("attention") as bar:
        return measure_attention(plan, kind, folder, bar)


def _blocked(plan: Plan, folder: Path) -> BlockingRun:
    from mma_eval.cli.console import answer_bar
    from mma_eval.diagnose.blocking import measure_blocking

    with answer_bar("hidden streams") as bar:
        return measure_blocking(plan, folder, bar)


def _save_token_maps(plan: Plan, number: int, folder: Path) -> None:
    from mma_eval.diagnose.token_map import token_maps

    last = plan.tasks[-1]
    chosen = [plan.sample(last, row).id for row in last.rows[:number]]
    for old in folder.glob("token_map_*.json"):
        old.unlink()
    if chosen:
        for place, made in enumerate(token_maps(plan, chosen), start=1):
            made.save(folder / f"token_map_{place}.json")


def _show(
    measured: AttentionRun, earlier: AttentionRun | None, blocked: BlockingRun | None, folder: Path
) -> None:
    from mma_eval.cli.console import diagnostics, output
    from mma_eval.diagnose.effects import effects_of
    from mma_eval.report.attention import print_effects
    from mma_eval.report.attention_figures.folder import AttentionFolder, figures_or_reason
    from mma_eval.report.blocking import print_blocking

    effects = effects_of(measured, earlier)
    effects.save(folder)
    console = output()
    print_effects(console, effects)
    if blocked is not None:
        print_blocking(console, blocked)
    figures, missing = figures_or_reason(AttentionFolder.load(folder), folder)
    said = f"{folder}: effects.csv, effects.json"
    console.print(
        f"{said}, {len(figures)} figures" if figures else said, markup=False, soft_wrap=True
    )
    if missing is not None:
        diagnostics().print(f"mma-eval: {missing}", style="yellow", markup=False, soft_wrap=True)


def _complain(skipped: tuple[Skipped, ...]) -> None:
    from mma_eval.cli.console import diagnostics

    first = skipped[0]
    diagnostics().print(
        f"mma-eval: {len(skipped)} samples could not be measured; the first, "
        f"{first.task}:{first.sample}: {first.reason}",
        style="red",
        markup=False,
        soft_wrap=True,
    )
