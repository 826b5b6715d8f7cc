"""Recipes of modality-aware tuning: which pairs, which weights and how they are trained."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from mma_eval.errors import RecipeError, UnknownNameError, UsageError
from mma_eval.paths import data_folder
from mma_eval.yaml_file import YamlFile, describe_fault, read_yaml, validate

Targets = Literal["q_v", "all_linear", "self_attention"]
NAMED_TARGETS = ("q_v", "all_linear", "self_attention")


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", protected_namespaces=(), coerce_numbers_to_str=True
    )


class DataSettings(_Part):
    """Which clips are paired, and how they are divided into training, validation and test."""

    dataset: str | None = None
    """As `--dataset` takes it: a name, a manifest's path or `hf:owner/name`."""
    tasks: tuple[str, str] = ("aligned", "misalign")
    """The evaluation's tasks that ask about a clip as it is, and with another class's sound."""
    swaps: int = Field(10, ge=1)
    """Sounds of distinct other classes that each clip gets; its aligned copy is repeated as often.

    arXiv 2511.22826, section 5.1 and appendix D.
    """
    limit: int | None = Field(None, ge=1)
    """Clips that take part, drawn by seed and evenly by class; all of them without it."""
    split: Literal["clip", "column"] = "clip"
    """`clip`: drawn by seed and class; `column`: the manifest's own `split` column."""
    validation: float = Field(0.1, ge=0, lt=1)
    """Share of every class's clips; only with `split: clip`."""
    test: float = Field(0.1, ge=0, lt=1)
    held_out_classes: float | tuple[str, ...] | None = None
    """Share of the classes, or their names, that no training example shows, sounds or asks for.

    They stay in the option lists, as in the evaluation. Supplement, Table 3: 29 of 58.
    """

    @field_validator("held_out_classes", mode="before")
    @classmethod
    def _share_or_names(cls, value: Any) -> Any:
        if isinstance(value, list | tuple) and value and all(isinstance(v, str) for v in value):
            return value
        if value is None or (_is_number(value) and 0 < float(value) < 1):
            return value
        raise ValueError("is a share between 0 and 1, a list of classes, or null")

    @model_validator(mode="after")
    def _leaves_training(self) -> DataSettings:
        if self.validation + self.test >= 1:
            raise ValueError("validation and test leave no clips for training; make them smaller")
        return self


class LoraSettings(_Part):
    """Which weights are tuned, by adapters of low rank (arXiv 2106.09685)."""

    r: int = Field(8, ge=1)
    alpha: float = Field(16.0, gt=0)
    dropout: float = Field(0.0, ge=0, lt=1)
    targets: Targets | tuple[str, ...] = "q_v"
    """Projections of the language model: W_Q and W_V, all of attention, those and the feed-forward
    ones, or the ends of published module names."""
    projectors: bool = False
    """Whether what carries picture and sound into the language model is trained as well."""

    @field_validator("targets", mode="before")
    @classmethod
    def _known_targets(cls, value: Any) -> Any:
        if value in NAMED_TARGETS:
            return value
        if isinstance(value, list | tuple) and value and all(isinstance(v, str) for v in value):
            return value
        raise ValueError(f"is one of {', '.join(NAMED_TARGETS)}, or a list of module names")


class TrainingSettings(_Part):
    """How the weights are trained."""

    epochs: float = Field(5.0, gt=0)
    max_steps: int | None = Field(None, ge=1)
    """Optimizer steps after which training ends, whatever `epochs` says."""
    batch_size: int = Field(4, ge=1)
    accumulation: int = Field(4, ge=1)
    """Batches whose gradients make one step."""
    learning_rate: float = Field(1e-4, gt=0)
    schedule: Literal["cosine"] = "cosine"
    warmup: float = Field(0.1, ge=0, lt=1)
    """Share of the steps in which the learning rate rises."""
    weight_decay: float = Field(0.0, ge=0)
    max_gradient_norm: float = Field(1.0, gt=0)
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """`auto`: bf16 on a GPU that has it, fp32 on a CPU."""
    gradient_checkpointing: bool = False
    evaluate_every: int | Literal["epoch"] = "epoch"
    """Optimizer steps between looks at the validation part, or `epoch`."""
    validation_samples: int = Field(1000, ge=1)
    """arXiv 2511.22826, section 5.2."""
    save_every: int = Field(100, ge=1)
    """Optimizer steps between the states from which a killed training continues."""
    encoded_cache_mb: int = Field(2048, ge=0)
    """Memory for encoded media, which do not change while only the language model is tuned."""
    encoded_disk_mb: int = Field(65_536, ge=0)
    """Room for them in the cache folder, so that no epoch encodes what an earlier one did."""

    @field_validator("evaluate_every", mode="before")
    @classmethod
    def _steps_or_epoch(cls, value: Any) -> Any:
        if value == "epoch" or (_is_number(value) and float(value).is_integer() and value >= 1):
            return value
        raise ValueError("is a number of steps from 1, or epoch")


class Recipe(_Part):
    """One way of modality-aware tuning; a file in `recipes/` or the user's own."""

    recipe: str = Field(pattern=r"^[a-z0-9][a-z0-9_]*$")
    description: str
    source: str | None = None
    """Where its numbers were published, and where the publications disagree."""
    base: str
    """The model card that is tuned."""
    model_args: dict[str, Any] = {}
    data: DataSettings
    lora: LoraSettings = LoraSettings()
    training: TrainingSettings = TrainingSettings()
    seed: int = Field(0, ge=0)
    """Of the split, the pairs, the new weights and the order of examples."""

    @property
    def name(self) -> str:
        return self.recipe


def recipe_files() -> dict[str, Path]:
    """Every recipe that ships with the package, by name."""
    return {path.stem: path for path in sorted(data_folder("recipes").glob("*.yaml"))}


def load_recipe(name_or_path: str | Path, overrides: Iterable[str] = ()) -> Recipe:
    """A recipe by its name or its file, with `training.learning_rate=1e-4` and the like on top.

    Raises UnknownNameError, RecipeError with the line and the nearest key, or UsageError for an
    override that is wrong.
    """
    path = _find(name_or_path)
    recipe = read_recipe(path)
    for override in overrides:
        recipe = _overridden(recipe, override)
    return recipe


def read_recipe(path: Path) -> Recipe:
    """The recipe of one file; raises RecipeError with the line and the nearest key."""
    return validate(Recipe, _read(path), RecipeError)


def _find(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    if path.is_file():
        return path
    known = recipe_files()
    if path.suffix in (".yaml", ".yml"):
        raise UsageError(f"{path}: there is no such recipe; mma-eval ls recipes names those here")
    if str(name_or_path) not in known:
        raise UnknownNameError("recipe", str(name_or_path), known)
    return known[str(name_or_path)]


def _read(path: Path) -> YamlFile:
    return read_yaml(path, RecipeError)


def _overridden(recipe: Recipe, override: str) -> Recipe:
    """`recipe` with one value replaced; the value is read as a recipe file would read it."""
    place, equals, text = override.partition("=")
    keys = place.strip().split(".")
    if not equals or not all(keys):
        raise UsageError(f"'{override}' is not key=value, such as training.learning_rate=1e-4")
    try:
        value = yaml.safe_load(text) if text.strip() else None
    except yaml.YAMLError as error:
        raise UsageError(f"'{override}': the value cannot be read") from error
    values = deepcopy(recipe.model_dump())
    _put(values, keys, value, override)
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        sentence = describe_fault(Recipe, tuple(fault["loc"]), fault)
        raise UsageError(f"{override}: {sentence}") from error


def _put(values: dict[str, Any], keys: list[str], value: Any, override: str) -> None:
    *above, last = keys
    part: Any = values
    for key in above:
        part = part.setdefault(key, {})
        if not isinstance(part, dict):
            raise UsageError(f"{override}: '{key}' holds a value and no keys of its own")
    part[last] = value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
