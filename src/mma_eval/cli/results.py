"""Commands that work on finished runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mma_eval.eval.run import Run


def score_command(
    run: Annotated[Path, typer.Argument(help="The folder of a run.")],
    svg: Annotated[
        Path | None, typer.Option("--svg", help="Also save the table as a picture.")
    ] = None,
) -> None:
    """Score a run again from its answers, without the model."""
    from mma_eval.eval.evaluate import rescore

    scored = rescore(run)
    show_run(scored)
    if svg is not None:
        _save_picture(scored, svg)


def _save_picture(run: Run, path: Path) -> None:
    """The result table as an SVG; raises StoreError where it cannot be written."""
    from rich.terminal_theme import DIMMED_MONOKAI

    from mma_eval.cli.console import canvas
    from mma_eval.eval.baseline import aligned_baseline
    from mma_eval.report.files import save_text
    from mma_eval.report.summary import print_run

    console = canvas()
    print_run(console, run, aligned_baseline(run))
    title = f"mma-eval --model {run.manifest.settings.model}"
    picture = console.export_svg(title=title, theme=DIMMED_MONOKAI)
    # The fonts that rich names are fetched from the network; the reader's own will do.
    picture = re.sub(r"@font-face\s*{.*?}", "", picture, flags=re.DOTALL)
    save_text(path, picture)


def show_run(run: Run) -> None:
    """The result table of a run, or what to do with one that only predicted."""
    from mma_eval.cli.console import diagnostics, output
    from mma_eval.eval.baseline import aligned_baseline
    from mma_eval.report.summary import print_run

    print_run(output(), run, aligned_baseline(run))
    for kind in run.tally.failures:
        diagnostics().print(
            f"mma-eval: {kind.count} of {run.tally.samples} samples failed ({kind.status}): "
            f"{kind.example}",
            style="red",
            markup=False,
            soft_wrap=True,
        )
