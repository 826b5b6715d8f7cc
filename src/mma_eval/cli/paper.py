"""`mma-eval paper`: the paper's tables and figures from runs, beside the published numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mma_eval.errors import UsageError


def paper_command(
    exhibit: Annotated[
        str | None,
        typer.Argument(
            metavar="TABLE-OR-FIGURE", help="table3, figure6, supplement-table5, or all."
        ),
    ] = None,
    runs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="RUN...", help="Folders of runs, or folders above them."),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Also write the numbers as CSV.")
    ] = None,
    svg: Annotated[Path | None, typer.Option("--svg", help="Also draw it as bars.")] = None,
    output_path: Annotated[
        Path | None,
        typer.Option(
            "--output-path", "-o", help="Write text, CSV and SVG into this folder instead."
        ),
    ] = None,
    show_map: Annotated[
        bool, typer.Option("--map", help="Print docs/paper-map.md: what is made here and what not.")
    ] = False,
) -> None:
    """The paper's tables and figures from runs, beside what is published. Alone: the list."""
    from mma_eval.cli.console import output
    from mma_eval.report.paper.published import read_paper

    paper = read_paper()
    if show_map:
        from mma_eval.report.paper.map import paper_map

        typer.echo(paper_map(paper), nl=False)
        return
    if exhibit is None:
        if csv or svg or output_path:
            raise UsageError("name a table or figure to write, or all; mma-eval paper lists them")
        from mma_eval.report.paper.show import print_list

        print_list(output(), paper)
        return
    asked = paper.measurable if exhibit == "all" else (paper.find(exhibit),)
    if paper.source_of(asked[0]) is None and not (runs or csv or svg or output_path):
        from mma_eval.report.paper.show import print_unmade

        print_unmade(output(), paper, asked[0])
        return
    if svg is not None and len(asked) > 1:
        raise UsageError("--svg draws one table or figure; with all, give a folder (-o FOLDER)")
    from mma_eval.eval.analysis.subject import read_subjects
    from mma_eval.report.files import save_text
    from mma_eval.report.paper.files import csv_text, write_tables
    from mma_eval.report.paper.show import print_table
    from mma_eval.report.paper.table import make_table

    subjects = read_subjects(runs or ())
    tables = [make_table(paper, one, subjects) for one in asked]
    if csv is not None:
        save_text(csv, csv_text(tables))
    if svg is not None:
        from mma_eval.report.paper.picture import picture

        save_text(svg, picture(tables[0]))
    if output_path is not None:
        written = write_tables(output_path, tables)
        output().print(f"{len(written)} files in {output_path}", markup=False, soft_wrap=True)
        return
    for table in tables:
        print_table(output(), table)
