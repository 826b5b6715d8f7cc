"""The model card of an adapter, and its recipe as it was resolved."""

from __future__ import annotations

from pathlib import Path

import yaml

from mma_eval.errors import StoreError
from mma_eval.train.folder import CARD_FILE, RECIPE_FILE
from mma_eval.train.recipe import Recipe
from mma_eval.train.record import TrainingRecord
from mma_eval.whole_file import replacing


def write_card(folder: Path, record: TrainingRecord) -> None:
    """Write `README.md`; raises StoreError."""
    _write(folder / CARD_FILE, adapter_card(record))


def write_recipe(folder: Path, recipe: Recipe) -> None:
    """Write `recipe.yaml`, every value spelt out; raises StoreError."""
    _write(folder / RECIPE_FILE, recipe_text(recipe))


def recipe_text(recipe: Recipe) -> str:
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def adapter_card(record: TrainingRecord) -> str:
    """What the adapter is, how it came about and what it changed, in Markdown."""
    base = record.base
    head = {
        "library_name": "peft",
        "base_model": base.weights,
        "pipeline_tag": "video-text-to-text",
        "tags": ["lora", "mma-eval", "audio-visual"],
    }
    parts = [
        f"---\n{yaml.safe_dump(head, sort_keys=False)}---",
        f"# {record.recipe.name} on {base.card}",
        record.recipe.description.strip(),
        _how_to_use(record),
        _accuracy_table(record),
        _base(record),
        _data(record),
        f"## Recipe\n\n```yaml\n{_published(record.recipe)}```",
        _software(record),
        "## Licence\n\n"
        f"The base model is under: {base.license}. An adapter is of use with it only, and "
        "its terms apply; those of the clips that it was trained on may add to them.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _how_to_use(record: TrainingRecord) -> str:
    return (
        "## Use\n\n```\n"
        f"mma-eval --model {record.base.card} --adapter FOLDER --tasks aligned,misalign\n```"
    )


def _accuracy_table(record: TrainingRecord) -> str:
    if record.best is None or record.before is None:
        return "## Validation\n\nNothing was validated; the adapter is that of the last step."
    lines = [
        f"## Validation\n\nThe adapter of step {record.best.step} of {record.steps}, chosen by the "
        "mean of these accuracies (95 % Wilson intervals), so they are not those of a test.\n",
        "| task | base | tuned | n |",
        "|---|---|---|---|",
    ]
    for name, before in record.before.tasks.items():
        after = record.best.accuracy.tasks[name]
        cells = [
            f"{100 * share.rate:.1f} ({100 * share.low:.1f} to {100 * share.high:.1f})"
            for share in (before, after)
        ]
        lines.append(f"| {name} | {cells[0]} | {cells[1]} | {after.n} |")
    lines.append(
        f"| mean | {100 * record.before.mean:.1f} | {100 * record.best.accuracy.mean:.1f} | |"
    )
    return "\n".join(lines)


def _base(record: TrainingRecord) -> str:
    base = record.base
    revision = f" at revision {base.revision}" if base.revision else ""
    return (
        f"## Base\n\n`{base.weights}`{revision}, card `{base.card}`, fingerprint "
        f"`{base.fingerprint}`. {record.trained_parameters:,} weights were trained, all others "
        f"frozen; modules: `{record.targets}`."
    )


def _data(record: TrainingRecord) -> str:
    data = record.data
    lines = [
        f"## Data\n\n`{data.dataset}`, version `{data.version}`.\n",
        "| part | clips | examples |",
        "|---|---|---|",
        *(
            f"| {part} | {clips:,} | {data.examples[part]:,} |"
            for part, clips in data.clips.items()
            if clips
        ),
        f"\n{len(data.seen_classes)} classes were trained on"
        + (f", {len(data.unseen_classes)} held out." if data.unseen_classes else "."),
    ]
    return "\n".join(lines)


def _published(recipe: Recipe) -> str:
    """The recipe without the places of this machine's files."""
    dataset = recipe.data.dataset
    if dataset is not None and not dataset.startswith(("hf:", "demo")):
        data = recipe.data.model_copy(update={"dataset": Path(dataset).name})
        recipe = recipe.model_copy(update={"data": data})
    arguments = {
        key: Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value
        for key, value in recipe.model_args.items()
    }
    return recipe_text(recipe.model_copy(update={"model_args": arguments}))


def _software(record: TrainingRecord) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in record.packages.items())
    minutes = record.seconds / 60
    return (
        f"## Training\n\n{record.steps:,} steps in {minutes:.1f} minutes on {record.device} in "
        f"{record.precision}, {record.processes} process{'es' if record.processes > 1 else ''}: "
        f"{versions}."
    )


def _write(path: Path, text: str) -> None:
    try:
        with replacing(path) as partial:
            partial.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror}); make room") from error
