"""`mma-eval train-specimen`: make tiny-omni again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from mma_eval.train.specimen.evaluate import Finding
    from mma_eval.train.specimen.train import Progress as TrainingProgress


def train_specimen_command(
    out: Annotated[Path, typer.Argument(help="Folder for the checkpoint.")],
    seed: Annotated[int, typer.Option(help="Seed of clips, weights and batches.", min=0)] = 0,
    scale: Annotated[
        float,
        typer.Option(help="Share of clips and steps, for a quick trial.", min=0.0, max=1.0),
    ] = 1.0,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Forget an unfinished training in that folder.")
    ] = False,
) -> None:
    """Train the specimen tiny-omni from nothing: one thread, under fifteen minutes.

    A killed training continues where it was, with the same result.
    """
    from mma_eval.cli.console import diagnostics, step_bars
    from mma_eval.train.specimen.make import train_specimen
    from mma_eval.train.specimen.schedule import PUBLISHED

    console = diagnostics()
    with step_bars(console) as bars:
        clips = bars.add_task("clips", total=None, note="")
        steps = bars.add_task("training", total=None, note="", start=False)

        def on_clip(done: int, total: int) -> None:
            bars.update(clips, completed=done, total=total)

        def on_step(progress: TrainingProgress) -> None:
            bars.start_task(steps)
            note = f"{progress.stage}, loss {progress.loss:.3f}"
            bars.update(steps, completed=progress.step, total=progress.steps, note=note)

        report = train_specimen(
            out,
            seed=seed,
            resume=not fresh,
            recipe=PUBLISHED if scale == 1.0 else PUBLISHED.scaled(scale),
            on_clip=on_clip,
            on_step=on_step,
        )
    console.print(_findings_table(report.findings))
    console.print(f"{report.parameters:,} weights in {report.folder}")


def _findings_table(findings: Sequence[Finding]) -> Table:
    from rich.table import Table

    table = Table(title="On clips of the validation seed, in percent")
    table.add_column("condition")
    table.add_column("asked")
    for column in ("clips", "right", "other modality"):
        table.add_column(column, justify="right")
    for finding in findings:
        shares = (f"{100 * share:.1f}" for share in (finding.right, finding.other))
        table.add_row(finding.condition, finding.ask, str(finding.clips), *shares)
    return table
