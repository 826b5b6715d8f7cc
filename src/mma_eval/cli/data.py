"""`mma-eval data`: the pairs of modality-aware tuning for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mma_eval.errors import StoppedError

data_app = typer.Typer(no_args_is_help=True, help="The pairs of modality-aware tuning.")


@data_app.callback()
def _group() -> None:
    """The pairs of modality-aware tuning."""


@data_app.command("export")
def export_data_command(
    recipe: Annotated[
        str, typer.Option("--recipe", "-r", help="A recipe's name, or a file (ls recipes).")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the data set.")],
    to: Annotated[
        Literal["llamafactory"],
        typer.Option("--format", "-f", help="LLaMA-Factory's multimodal format."),
    ] = "llamafactory",
    limit: Annotated[
        int | None, typer.Option(help="Clips that take part, drawn by seed.", min=1)
    ] = None,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", help="A value of the recipe, as in data.swaps=4. Repeatable."),
    ] = None,
) -> None:
    """Write the examples of a recipe, and every clip with every sound as one mp4.

    A stopped export goes on where it was: media files that are there and whole are kept.
    """
    from mma_eval.cli.console import answer_bar
    from mma_eval.cli.console import output as standard_output
    from mma_eval.report.training_data import print_export
    from mma_eval.train.llama_factory import export_llama_factory
    from mma_eval.train.pairs import open_clips, training_data
    from mma_eval.train.recipe import load_recipe

    changes = [*(change or ()), *([] if limit is None else [f"data.limit={limit}"])]
    chosen = load_recipe(recipe, changes)
    with answer_bar("preparing the dataset") as bar:
        clips = open_clips(chosen, bar.report)
    examples = training_data(clips, chosen.data, chosen.seed)
    try:
        with answer_bar("media") as bar:
            exported = export_llama_factory(examples, chosen, output, bar.report)
    except KeyboardInterrupt:
        raise StoppedError(f"stopped; the same command goes on with what is in {output}") from None
    print_export(standard_output(), exported)
