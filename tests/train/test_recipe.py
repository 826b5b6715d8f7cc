"""Recipes: those that ship, a user's own, and values changed on top."""

from __future__ import annotations

from pathlib import Path

import pytest

from mma_eval.demo.dataset import demo_version
from mma_eval.errors import RecipeError, UnknownNameError, UsageError
from mma_eval.models.catalogue import CardCatalogue
from mma_eval.train.recipe import load_recipe, recipe_files
from mma_eval.train.specimen.pool import FIRST_TRAINING_SEED

OWN = """\
recipe: own
description: Mine
base: tiny-omni
data:
  dataset: clips.jsonl
  swaps: 3
"""


@pytest.mark.parametrize("name", sorted(recipe_files()))
def test_a_shipped_recipe_is_named_as_its_file_and_tunes_a_model_with_a_card(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert CardCatalogue().get(recipe.base).name == recipe.base


def test_the_published_recipe_is_the_papers() -> None:
    recipe = load_recipe("modality_aware")
    assert (recipe.lora.r, recipe.lora.targets, recipe.data.swaps) == (8, "q_v", 10)
    training = recipe.training
    assert (training.learning_rate, training.warmup, training.epochs) == (1e-4, 0.1, 5)
    assert (training.batch_size, training.accumulation, training.precision) == (4, 4, "fp16")


def test_the_demonstration_trains_on_clips_that_no_test_set_holds() -> None:
    dataset = load_recipe("tiny_demo").data.dataset or ""
    seed = int(dataset.partition("seed=")[2].partition(",")[0])
    assert seed > FIRST_TRAINING_SEED
    assert demo_version(seed) != demo_version(FIRST_TRAINING_SEED)


def test_values_change_as_a_file_would_say_them() -> None:
    recipe = load_recipe(
        "tiny_demo",
        [
            "training.learning_rate=1e-4",
            "lora.targets=[q_proj,gate_proj]",
            "training.evaluate_every=epoch",
            "data.held_out_classes=0.5",
            "model_args.max_pixels=784",
        ],
    )
    assert recipe.training.learning_rate == 1e-4
    assert recipe.lora.targets == ("q_proj", "gate_proj")
    assert recipe.training.evaluate_every == "epoch"
    assert recipe.data.held_out_classes == 0.5
    assert recipe.model_args == {"max_pixels": 784}
    assert recipe.training.batch_size == load_recipe("tiny_demo").training.batch_size


@pytest.mark.parametrize(
    ("override", "complaint"),
    [
        ("training.learning_rat=1", "did you mean 'learning_rate'"),
        ("training.epochs=-1", "greater than 0"),
        ("lora.targets=qv", "one of q_v, all_linear, self_attention"),
        ("data.held_out_classes=2", "share between 0 and 1"),
        ("data.validation=0.95", "leave no clips for training"),
        ("seed.a=1", "'seed' holds a value"),
        ("training.epochs", "is not key=value"),
        ("training.epochs=[", "cannot be read"),
    ],
)
def test_a_wrong_override_is_named_with_what_is_wrong(override: str, complaint: str) -> None:
    with pytest.raises(UsageError) as error:
        load_recipe("tiny_demo", [override])
    assert override in str(error.value)
    assert complaint in str(error.value)


def test_an_unknown_recipe_gets_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'tiny_demo'"):
        load_recipe("tinydemo")


@pytest.mark.parametrize(
    ("line", "changed", "at", "complaint"),
    [
        ("  swaps: 3", "  swop: 3", 6, "did you mean 'swaps'"),
        ("  swaps: 3", "  swaps: 0", 6, "greater than or equal to 1"),
        ("base: tiny-omni", "", None, "the key 'base' is missing"),
    ],
)
def test_a_wrong_file_is_named_with_its_line(
    tmp_path: Path, line: str, changed: str, at: int | None, complaint: str
) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(OWN)
    assert load_recipe(path).data.swaps == 3
    path.write_text(OWN.replace(line, changed))
    with pytest.raises(RecipeError) as error:
        load_recipe(path)
    assert complaint in str(error.value)
    assert at is None or f"own.yaml:{at}" in str(error.value)
