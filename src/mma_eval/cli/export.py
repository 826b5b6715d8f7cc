"""`mma-eval export`: runs in the formats of other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def export_command(
    runs: Annotated[
        list[Path], typer.Argument(help="Folders of runs, or folders with runs below.")
    ],
    to: Annotated[
        Literal["lm-eval", "csv"],
        typer.Option("--format", "-f", help="lm-evaluation-harness' layout, or two CSV files."),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A file set is made in it for each model.")
    ] = Path("export"),
) -> None:
    """Write runs in a format that other programs read; never over an earlier export."""
    from mma_eval.eval.analysis.subject import read_subjects
    from mma_eval.report.export.files import write_new
    from mma_eval.report.export.lm_eval import lm_eval_files
    from mma_eval.report.export.spreadsheet import csv_files

    files_of = lm_eval_files if to == "lm-eval" else csv_files
    files = {}
    for subject in read_subjects(runs):
        files.update(files_of(subject, output))
    write_new(files)
    for path in files:
        typer.echo(path)
