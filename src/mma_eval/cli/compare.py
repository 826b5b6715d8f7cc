"""`mma-eval compare`: two runs, or two conditions of one run, pair by pair."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mma_eval.errors import UsageError


def compare_command(
    first: Annotated[str, typer.Argument(metavar="A", help="A run, or RUN:TASK.")],
    second: Annotated[str, typer.Argument(metavar="B", help="A run, or RUN:TASK.")],
    allow_differences: Annotated[
        bool,
        typer.Option(
            "--allow-differences",
            help="Compare although dataset, prompts, versions or decoding differ.",
        ),
    ] = False,
    flips: Annotated[str, typer.Option(help="How many flips to list: a number, or all.")] = "20",
    flips_to: Annotated[
        Path | None, typer.Option("--flips-to", help="Write every flip to this new CSV file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, for a program.")] = False,
) -> None:
    """Compare two runs task by task, or two conditions: aligned_audio against misalign_audio."""
    from mma_eval.cli.console import output
    from mma_eval.eval.analysis.compare import compare
    from mma_eval.eval.analysis.operands import read_operand
    from mma_eval.report.compare import flip_lines, print_comparison
    from mma_eval.report.export.files import write_new

    listed = _how_many(flips)
    comparison = compare(
        read_operand(first), read_operand(second), allow_differences=allow_differences
    )
    if flips_to is not None:
        write_new({flips_to: flip_lines(comparison)})
    if as_json:
        typer.echo(comparison.model_dump_json(indent=1))
    else:
        print_comparison(output(), comparison, flips=listed)


def _how_many(text: str) -> int | None:
    """None for all; raises UsageError for what is neither."""
    if text == "all":
        return None
    if not text.isdecimal():
        raise UsageError(f"--flips takes a number or 'all', not '{text}'")
    return int(text)
