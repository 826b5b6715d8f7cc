"""`mma-eval report`: runs as one page that opens anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mma_eval.eval.analysis.subject import Subject


def report_command(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders of runs, or folders with runs.")
    ],
    path: Annotated[Path, typer.Option("--output", "-o", help="The HTML file to write.")] = Path(
        "report.html"
    ),
    gallery: Annotated[
        int,
        typer.Option(
            "--gallery", min=-1, help="Samples shown with their clips; 0 for none, -1 for all."
        ),
    ] = 200,
    max_embedded: Annotated[
        float,
        typer.Option(
            "--max-embedded",
            min=0,
            metavar="MB",
            help="Megabytes of clips inside the page; those past it are written beside it.",
        ),
    ] = 20.0,
    title: Annotated[str | None, typer.Option("--title", help="Title of the page.")] = None,
    attention: Annotated[
        list[Path] | None,
        typer.Option(
            "--attention",
            metavar="FOLDER",
            help="A folder that `mma-eval diagnose` wrote, to be shown too; repeatable.",
        ),
    ] = None,
    profile: Annotated[
        Path | None,
        typer.Option(
            "--profile",
            metavar="FILE.svg",
            help="Write only the robustness profile, as a picture, and no page.",
        ),
    ] = None,
) -> None:
    """Write runs as one self-contained HTML page: scores, plots, and samples with their clips."""
    from mma_eval.cli import console
    from mma_eval.eval.analysis.subject import read_subjects
    from mma_eval.report.attention_figures.folder import AttentionFolder
    from mma_eval.report.page.make import write_report

    subjects = read_subjects(runs)
    if profile is not None:
        _save_profile(subjects, profile)
        return
    diagnoses = [AttentionFolder.load(folder) for folder in attention or []]
    with console.answer_bar("Clips") as bar:
        written = write_report(
            subjects,
            path,
            gallery=None if gallery < 0 else gallery,
            max_embedded=max_embedded,
            title=title,
            attention=diagnoses,
            progress=bar.report,
        )
    lines = [
        f"{written.path}  {written.size / 1e6:.1f} MB, "
        f"{written.shown} of {written.samples} samples in the gallery"
    ]
    if written.without_clip:
        lines.append(f"{written.without_clip} without their clip; each says in the page why")
    if written.files:
        lines.append(f"{written.folder}/  {written.files} clips that go with the page")
    for line in lines:
        console.output().print(line, markup=False, soft_wrap=True)


def _save_profile(subjects: Sequence[Subject], path: Path) -> None:
    """The robustness profile alone; raises UsageError for more than one model."""
    from mma_eval.cli.console import output
    from mma_eval.errors import UsageError
    from mma_eval.report.files import save_text
    from mma_eval.report.svg.profile import profile

    if len(subjects) != 1:
        names = ", ".join(subject.name for subject in subjects)
        raise UsageError(f"--profile draws one model, and these runs are of {names}")
    save_text(path, profile(subjects[0].name, subjects[0].scores))
    output().print(str(path), markup=False, soft_wrap=True)
