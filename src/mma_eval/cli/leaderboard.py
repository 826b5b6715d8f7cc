"""`mma-eval leaderboard`: rows that others can judge, from a run to the page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mma_eval.leaderboard.registered import RegisteredDatasets

leaderboard_app = typer.Typer(
    no_args_is_help=True, help="Submissions, their check, and the page: rows that others can judge."
)

FOLDER = Path("leaderboard")
SUBMISSIONS, DATASETS = FOLDER / "submissions", FOLDER / "datasets"

Datasets = Annotated[
    Path | None,
    typer.Option(
        "--datasets",
        metavar="FOLDER",
        help=f"Registered dataset versions; else {DATASETS}, else those of mma-eval.",
    ),
]


def _registered(given: Path | None) -> RegisteredDatasets:
    """The registered versions to check against; raises UsageError for a folder that is none."""
    from mma_eval.errors import UsageError
    from mma_eval.leaderboard.registered import RegisteredDatasets
    from mma_eval.paths import data_folder

    if given is not None and not given.is_dir():
        raise UsageError(f"--datasets {given}: is not a folder")
    here = DATASETS if DATASETS.is_dir() else None
    return RegisteredDatasets(given or here or data_folder("leaderboard") / DATASETS.name)


@leaderboard_app.callback()
def _group() -> None:
    """Submissions, their check, and the page: rows that others can judge."""


@leaderboard_app.command("submit")
def submit_command(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders of runs, or folders above them.")
    ],
    card: Annotated[
        str,
        typer.Option(
            "--card", metavar="CARD.yaml", help="The model card of the runs: a file, or a name."
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder of submissions.")
    ] = SUBMISSIONS,
    submitter: Annotated[str | None, typer.Option("--by", help="Who submits, as shown.")] = None,
    contact: Annotated[
        str | None, typer.Option("--contact", metavar="URL", help="An https address of yours.")
    ] = None,
    datasets: Datasets = None,
) -> None:
    """Write one file from finished runs: card, manifest, every answer, claimed scores.

    It holds no media and nothing of this machine but its software. The file is checked at once.
    """
    from mma_eval.cli.console import output as standard_output
    from mma_eval.leaderboard.check import check
    from mma_eval.leaderboard.likeness import likenesses_in
    from mma_eval.leaderboard.show import print_verdict
    from mma_eval.leaderboard.submission import write_submission
    from mma_eval.leaderboard.submit import prepare

    registered = _registered(datasets)
    prepared = prepare(runs, card, submitter=submitter, contact=contact)
    path = write_submission(output, prepared.header, prepared.answers)
    console = standard_output()
    others = likenesses_in(output, without=[path.name])
    verdict = check(path, registered, others)
    print_verdict(console, verdict)
    console.print()
    console.print(f"{path}  {path.stat().st_size / 1e3:.0f} kB", markup=False, soft_wrap=True)
    if not verdict.ok:
        raise typer.Exit(1)


@leaderboard_app.command("check")
def check_command(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Submissions.")],
    datasets: Datasets = None,
    others: Annotated[
        Path | None,
        typer.Option(
            "--others",
            metavar="FOLDER",
            help="Submissions among which copies are sought; else those beside the first file.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, for a program.")] = False,
) -> None:
    """Check submissions of anybody: whole, registered, and with numbers that their answers bear.

    Nothing of a file is run or unpacked to disk. Exit code 1 where one is refused.
    """
    from mma_eval.cli.console import output
    from mma_eval.leaderboard.check import Verdict, check
    from mma_eval.leaderboard.likeness import likenesses_in
    from mma_eval.leaderboard.show import print_verdict, verdicts_as_json

    registered = _registered(datasets)
    known = likenesses_in(others or files[0].parent, without=[file.name for file in files])
    verdicts: list[Verdict] = []
    for file in files:
        verdict = check(file, registered, known)
        verdicts.append(verdict)
        if verdict.likeness is not None:
            known.append(verdict.likeness)
        if not as_json:
            print_verdict(output(), verdict)
    if as_json:
        typer.echo(verdicts_as_json(verdicts))
    if not all(verdict.ok for verdict in verdicts):
        raise typer.Exit(1)


@leaderboard_app.command("register")
def register_command(
    dataset: Annotated[
        str, typer.Argument(metavar="DATASET", help="A dataset's name, or a path to a manifest.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder of registered dataset versions.")
    ] = DATASETS,
    seed: Annotated[int, typer.Option(min=0, help="Seed of pairs, options and texts.")] = 0,
    split: Annotated[str | None, typer.Option(help="One split of the dataset.")] = None,
) -> None:
    """Write a dataset version that submissions are checked against; for maintainers.

    It holds the ids, labels, prompts and pairs of every task as the catalogue has them now.
    """
    from mma_eval.cli.console import answer_bar
    from mma_eval.cli.console import output as standard_output
    from mma_eval.leaderboard.register import register
    from mma_eval.leaderboard.registered import write_registered
    from mma_eval.task.dataset import open_dataset

    with answer_bar("preparing the dataset") as bar:
        opened = open_dataset(dataset, split=split, progress=bar.report)
    registered = register(opened, seed=seed, split=split)
    path = write_registered(output, registered)
    samples = sum(len(task.samples) for task in registered.tasks)
    standard_output().print(
        f"{path}  {len(registered.tasks)} tasks, {samples:,} samples, "
        f"{path.stat().st_size / 1e3:.0f} kB",
        markup=False,
        soft_wrap=True,
    )


@leaderboard_app.command("build")
def build_command(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The leaderboard's folder.")
    ] = FOLDER,
) -> None:
    """Check and score every submission, rank, and write the tables and the page.

    Exit code 1 where a submission had to be left out; the rest is written all the same.
    """
    from mma_eval.cli.console import diagnostics, output
    from mma_eval.leaderboard.build import build
    from mma_eval.leaderboard.plain_text import shown

    built = build(folder)
    output().print(
        f"{folder}  {len(built.board.rows)} rows, {len(built.left_out)} files left out",
        markup=False,
        soft_wrap=True,
    )
    for left in built.left_out:
        diagnostics().print(
            f"mma-eval: left out: {shown(left.file)}: {shown(left.why, 400)}",
            style="red",
            markup=False,
            soft_wrap=True,
        )
    if built.exit_code:
        raise typer.Exit(built.exit_code)
