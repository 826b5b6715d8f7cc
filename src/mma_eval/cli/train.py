"""`mma-eval train`: modality-aware tuning, from a recipe to an adapter."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mma_eval.cli.console import SECONDS_BETWEEN_LINES

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from mma_eval.train.course import TuningProgress
    from mma_eval.train.curves import CurvePoint
    from mma_eval.train.recipe import Recipe
    from mma_eval.train.tune import Tuned
    from mma_eval.train.validation import Accuracy


def train_command(
    recipe: Annotated[
        str, typer.Option("--recipe", "-r", help="A recipe's name, or a file (ls recipes).")
    ],
    change: Annotated[
        list[str] | None,
        typer.Option("--set", help="A value of the recipe, as in training.epochs=2. Repeatable."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder of the adapter. \\[adapters/RECIPE]"),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what would be trained on; load no weights."),
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Forget an earlier training in that folder.")
    ] = False,
) -> None:
    """Tune a model on aligned and swapped pairs. The same command continues a stopped training.

    For several GPUs: accelerate launch -m mma_eval.cli.main train ...
    """
    from mma_eval.errors import StoppedError
    from mma_eval.train.recipe import load_recipe

    chosen = load_recipe(recipe, change or ())
    if dry_run:
        _preview(chosen)
        return
    out = output or Path("adapters") / chosen.name
    try:
        tuned = _tuned(chosen, out, fresh)
    except KeyboardInterrupt:
        raise StoppedError(
            f"stopped; the same command continues from the last checkpoint in {out}"
        ) from None
    _show(tuned)


def _preview(recipe: Recipe) -> None:
    from mma_eval.cli.console import answer_bar, output
    from mma_eval.report.training_data import print_training_data
    from mma_eval.train.describe import describe
    from mma_eval.train.pairs import open_clips, training_data
    from mma_eval.train.tune import tuning_model

    model = tuning_model(recipe)
    with answer_bar("preparing the dataset") as bar:
        clips = open_clips(recipe, bar.report)
    data = training_data(clips, recipe.data, recipe.seed, model.tokenizer)
    print_training_data(output(), describe(data, recipe, model.tokenizer))


def _tuned(recipe: Recipe, out: Path, fresh: bool) -> Tuned:
    from mma_eval.cli.console import answer_bar, diagnostics, step_bars
    from mma_eval.cli.download import allow_download
    from mma_eval.train.course import NoTuningProgress
    from mma_eval.train.pairs import open_clips
    from mma_eval.train.tune import Processes, tune, tuning_model

    model = tuning_model(recipe)
    if not Processes.here().first:
        return tune(recipe, out, progress=NoTuningProgress(), fresh=fresh, model=model)
    allow_download(model)
    with answer_bar("preparing the dataset") as bar:
        open_clips(recipe, bar.report)
    console = diagnostics()
    if not console.is_terminal:
        return tune(recipe, out, progress=_Lines(console), fresh=fresh, model=model)
    with step_bars(console) as bars:
        return tune(recipe, out, progress=_Bar(bars), fresh=fresh, model=model)


def _show(tuned: Tuned) -> None:
    from mma_eval.cli.console import output
    from mma_eval.report.files import save_text
    from mma_eval.report.svg.training_curves import training_curves
    from mma_eval.report.tuned import print_tuned
    from mma_eval.train.curves import CURVES_FILE, CURVES_PICTURE
    from mma_eval.train.tune import Processes

    if not Processes.here().first:
        return
    record = tuned.record
    title = f"Tuning {record.base.card} by {record.recipe.name}"
    picture = tuned.folder / CURVES_PICTURE
    save_text(picture, training_curves(tuned.curves, title=title))
    console = output()
    print_tuned(console, record)
    lines = (
        f"loss and accuracy: {picture}, {tuned.folder / CURVES_FILE}",
        f"evaluate it: mma-eval --model {record.base.card} --adapter {tuned.folder} "
        "--tasks aligned,misalign",
    )
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


class _Bar:
    """A bar with the loss beside it; a `TuningProgress`."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task = bars.add_task("training", total=None, note="")

    def begin(self, steps: int, done: int) -> None:
        self._bars.reset(self._task, total=steps, completed=done)

    def step(self, point: CurvePoint) -> None:
        self._bars.update(self._task, completed=point.step, note=_loss(point))

    def validated(self, step: int, accuracy: Accuracy) -> None:
        self._bars.console.print(_validated(step, accuracy), markup=False, soft_wrap=True)


class _Lines:
    """The same where no terminal is: a line now and then, as a cluster's log wants it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._steps = 0
        self._last = time.monotonic()

    def begin(self, steps: int, done: int) -> None:
        self._steps = steps
        self._console.print(f"training: {done}/{steps} steps done", markup=False)

    def step(self, point: CurvePoint) -> None:
        now = time.monotonic()
        if now - self._last >= SECONDS_BETWEEN_LINES or point.step == self._steps:
            self._last = now
            self._console.print(
                f"training: {point.step}/{self._steps} steps, {_loss(point)}", markup=False
            )

    def validated(self, step: int, accuracy: Accuracy) -> None:
        self._console.print(_validated(step, accuracy), markup=False, soft_wrap=True)


def _loss(point: CurvePoint) -> str:
    return "" if point.loss is None else f"loss {point.loss:.4f}"


def _validated(step: int, accuracy: Accuracy) -> str:
    shares = ", ".join(f"{name} {100 * share.rate:.1f}" for name, share in accuracy.tasks.items())
    return f"validation after {step} steps, in %: {shares}"


if TYPE_CHECKING:
    _: tuple[type[TuningProgress], ...] = (_Bar, _Lines)
