"""Commands that list, show and check tasks, models, recipes and datasets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mma_eval.errors import MmaEvalError, UnknownNameError, UsageError

if TYPE_CHECKING:
    from mma_eval.models.card import ModelCard
    from mma_eval.task.load import Task
    from mma_eval.train.recipe import Recipe

list_app = typer.Typer(no_args_is_help=True, help="List tasks, models, recipes or datasets.")

IncludePath = Annotated[
    list[Path] | None, typer.Option("--include-path", help="A folder of your own. Repeatable.")
]


@list_app.command("tasks")
def list_tasks(
    selection: Annotated[str, typer.Argument(help="Names, tags and globs.")] = "*",
    include_path: IncludePath = None,
) -> None:
    """Tasks, their condition and their tags."""
    from rich.table import Table

    from mma_eval.cli.console import output
    from mma_eval.task.load import TaskCatalogue

    catalogue = TaskCatalogue(include_path or ())
    table = Table(box=None, pad_edge=False)
    for column in ("task", "what it does", "tags"):
        table.add_column(column, no_wrap=column == "task")
    for task in catalogue.select(selection):
        if task.control_of is None:
            table.add_row(task.name, task.spec.description, ", ".join(task.spec.tags))
    console = output()
    console.print(table)
    console.print("\nVariants (task@variant) and controls: mma-eval show TASK", markup=False)


@list_app.command("models")
def list_models(include_path: IncludePath = None) -> None:
    """Model cards, and backends without one."""
    from rich.table import Table

    from mma_eval.cli.console import output
    from mma_eval.models.catalogue import CardCatalogue
    from mma_eval.registry import MODELS

    cards = CardCatalogue(include_path or ())
    table = Table(box=None, pad_edge=False)
    for column in ("model", "what it is", "parameters", "licence"):
        table.add_column(column, no_wrap=column in ("model", "parameters"))
    for name in cards.names():
        card = cards.get(name)
        table.add_row(name, card.summary, _size(card.parameters), card.license)
    named = {cards.get(name).backend for name in cards.names()}
    for backend in MODELS.names():
        if backend not in named:
            table.add_row(backend, "a backend without a card", "", "")
    output().print(table)


@list_app.command("recipes")
def list_recipes() -> None:
    """Recipes of modality-aware tuning."""
    from rich.table import Table

    from mma_eval.cli.console import output
    from mma_eval.train.recipe import load_recipe, recipe_files

    table = Table(box=None, pad_edge=False)
    for column in ("recipe", "model", "what it is"):
        table.add_column(column, no_wrap=column != "what it is")
    for name in recipe_files():
        recipe = load_recipe(name)
        table.add_row(name, recipe.base, recipe.description)
    output().print(table)


@list_app.command("datasets")
def list_datasets() -> None:
    """Named datasets; --dataset also takes the path of a manifest."""
    import os

    from rich.table import Table

    from mma_eval.cli.console import output
    from mma_eval.registry import DATASETS

    known = {
        "demo": "Procedural clips of ten classes, made on this machine from a seed",
        "mma_bench": f"MMA-Bench, prepared by you under MMA_EVAL_DATA "
        f"({os.environ.get('MMA_EVAL_DATA') or 'not set'})",
    }
    table = Table(box=None, pad_edge=False)
    table.add_column("dataset", no_wrap=True)
    table.add_column("what it is")
    for name in DATASETS.names():
        table.add_row(name, known.get(name, "registered by an installed package"))
    table.add_row("PATH", "A manifest: .jsonl, .csv or .parquet with id, video and labels")
    table.add_row("hf:OWNER/NAME", "A dataset on the Hugging Face Hub with those columns")
    output().print(table)


def show_command(
    name: Annotated[str, typer.Argument(help="A task, a model or a recipe.")],
    include_path: IncludePath = None,
) -> None:
    """A resolved task with one rendered prompt, or a resolved model card or recipe."""
    from mma_eval.models.catalogue import CardCatalogue
    from mma_eval.task.load import TaskCatalogue
    from mma_eval.train.recipe import load_recipe, recipe_files

    tasks = TaskCatalogue(include_path or ())
    cards = CardCatalogue(include_path or ())
    if name in cards.names():
        _show_card(cards.get(name))
        return
    if name in recipe_files():
        _show_recipe(load_recipe(name), recipe_files()[name])
        return
    try:
        shown = tasks.select(name)
    except UnknownNameError:
        known = [*tasks.names(), *tasks.tags(), *cards.names(), *recipe_files()]
        raise UnknownNameError("task, model or recipe", name, known) from None
    for task in shown:
        _show_task(task)


def _show_task(task: Task) -> None:
    import yaml
    from rich.syntax import Syntax

    from mma_eval.cli.console import output
    from mma_eval.task.samples import example_sample

    console = output()
    console.rule(task.name, align="left")
    resolved = task.spec.model_dump(mode="json", exclude_none=True, exclude={"perturb"})
    resolved["ask"] = task.ask
    resolved["perturb"] = [{step.name: step.model_dump(mode="json")} for step in task.perturbations]
    resolved["variants"] = sorted(task.spec.variants)
    resolved["controls"] = sorted(task.spec.controls)
    text = yaml.safe_dump(resolved, sort_keys=False, allow_unicode=True, width=96)
    console.print(f"# {task.path}  hash {task.content_hash}", style="dim", soft_wrap=True)
    console.print(Syntax(text.rstrip(), "yaml", background_color="default", word_wrap=True))
    console.print("\nPrompt, on a made-up clip of a bird:", style="bold")
    console.print(task.prompt.render_shown(example_sample(task)), markup=False, soft_wrap=True)
    console.print()


def _show_card(card: ModelCard) -> None:
    import yaml
    from rich.syntax import Syntax

    from mma_eval.cli.console import output
    from mma_eval.registry import MODELS

    console = output()
    console.rule(card.name, align="left")
    resolved = card.model_dump(mode="json", exclude_none=True, exclude={"path"})
    text = yaml.safe_dump(resolved, sort_keys=False, allow_unicode=True, width=96)
    console.print(Syntax(text.rstrip(), "yaml", background_color="default", word_wrap=True))
    if card.backend in MODELS:
        fields = MODELS.get(card.backend).Arguments.model_fields
        console.print("\n--model-args:", style="bold")
        for name, field in fields.items():
            default = card.arguments.get(name, field.get_default(call_default_factory=True))
            console.print(f"  {name} = {default}", markup=False)
    _show_records(card)


def _show_recipe(recipe: Recipe, path: Path) -> None:
    import yaml
    from rich.syntax import Syntax

    from mma_eval.cli.console import output

    console = output()
    console.rule(recipe.name, align="left")
    console.print(f"# {path}", style="dim", soft_wrap=True, markup=False)
    text = yaml.safe_dump(
        recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=96
    )
    console.print(Syntax(text.rstrip(), "yaml", background_color="default", word_wrap=True))


def _show_records(card: ModelCard) -> None:
    """On whose kinds of machines it was seen to run (`mma-eval doctor --save`)."""
    from mma_eval.cli.console import output
    from mma_eval.eval.doctor.record import read_record, records_of
    from mma_eval.report.doctor_record import in_a_line

    found = records_of(card.name)
    if found:
        output().print("\nrecords:", style="bold")
    for path in found:
        line = in_a_line(read_record(path))
        output().print(f"  {path.name}: {line}", markup=False, soft_wrap=True)


def validate_command(
    path: Annotated[Path, typer.Argument(help="A task, card, recipe or manifest, or a folder.")],
) -> None:
    """Check task files, model cards, recipes and manifests without running anything."""
    from mma_eval.cli.console import diagnostics, output

    files = _files_to_check(path)
    faults = 0
    for file in files:
        try:
            verdict = _check(file)
        except MmaEvalError as error:
            faults += 1
            diagnostics().print(f"mma-eval: {error}", style="red", markup=False, soft_wrap=True)
        else:
            output().print(f"{file}: {verdict}", markup=False, soft_wrap=True)
    if faults:
        raise UsageError(f"{faults} of {len(files)} files are wrong")


def _files_to_check(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UsageError(f"{path}: there is no such file or folder")
    wanted = {".yaml", ".yml", ".jsonl", ".csv", ".parquet"}
    files = sorted(file for file in path.rglob("*") if file.suffix in wanted)
    if not files:
        raise UsageError(f"{path}: holds no task, card, recipe or manifest")
    return files


def _check(file: Path) -> str:
    from mma_eval.models.catalogue import checked_card
    from mma_eval.task.dataset import read_dataset
    from mma_eval.task.load import read_tasks
    from mma_eval.train.recipe import read_recipe
    from mma_eval.yaml_file import read_yaml

    if file.suffix not in (".yaml", ".yml"):
        dataset = read_dataset(file, file.name)
        return f"a manifest of {len(dataset.rows)} rows and {len(dataset.classes)} classes"
    found = read_yaml(file)
    if found.is_card:
        return f"the card of {checked_card(file).name}"
    if found.is_recipe:
        return f"the recipe {read_recipe(file).name}"
    tasks = [task.name for task in read_tasks(file) if task.control_of is None]
    return f"{len(tasks)} tasks ({', '.join(tasks)})"


def _size(parameters: int | None) -> str:
    if parameters is None:
        return ""
    for unit, size in (("B", 10**9), ("M", 10**6), ("k", 10**3)):
        if parameters >= size:
            return f"{parameters / size:.3g}{unit}"
    return str(parameters)
