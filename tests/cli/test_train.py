"""`mma-eval train`: from a recipe to an adapter that the evaluation takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mma_eval.train.recipe import Recipe
from tests.cli.commands import run
from tests.train.small_tuning import small_recipe


@pytest.fixture(scope="module")
def recipe(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe of the user's own, as a file."""
    made: Recipe = small_recipe(manifest)
    path = tmp_path_factory.mktemp("recipes") / "small.yaml"
    path.write_text(json.dumps(made.model_dump(mode="json")), encoding="utf-8")
    return path


def test_an_adapter_is_trained_shown_and_evaluated(
    capsys: pytest.CaptureFixture[str], recipe: Path, manifest: Path, tmp_path: Path
) -> None:
    out = tmp_path / "adapter"
    given = ("train", "--recipe", recipe, "-o", out, "--set", "training.epochs=1")
    said = run(capsys, *given)
    assert "aligned_audio" in said
    assert "polyline" in (out / "curves.svg").read_text(encoding="utf-8")
    assert run(capsys, *given) == said, "a finished training is not done again"

    asked = ("--model", "tiny-omni", "--dataset", manifest, "--model-args", "max_frames=2")
    runs = ("--limit", 2, "-o", tmp_path / "results", "--tasks", "misalign_audio")
    assert "misalign_audio" in run(capsys, *asked, *runs, "--adapter", out)


def test_a_dry_run_shows_what_would_be_trained_on(
    capsys: pytest.CaptureFixture[str], recipe: Path, tmp_path: Path
) -> None:
    out = tmp_path / "adapter"
    said = run(capsys, "train", "--recipe", recipe, "-o", out, "--dry-run")
    assert "validation" in said
    assert "target: " in said
    assert not out.exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("training.epoch=1", "unknown key 'epoch'; did you mean 'epochs'?"),
        ("base=mock", "takes no adapter to tune"),
        ("base=gemini-2.5-pro", "takes no adapter to tune"),
        ("training.precision=fp16", "fp16 needs a GPU"),
        ("data.swaps=5", "distinct"),
    ],
)
def test_what_cannot_be_trained_is_one_sentence(
    capsys: pytest.CaptureFixture[str], recipe: Path, tmp_path: Path, change: str, sentence: str
) -> None:
    arguments = ("train", "--recipe", recipe, "-o", tmp_path / "out", "--set", change)
    said = run(capsys, *arguments, "--set", "model_args={}", code=2)
    assert sentence in " ".join(said.split())
    assert not (tmp_path / "out").exists()


def test_another_training_in_the_folder_is_not_overwritten(
    capsys: pytest.CaptureFixture[str], recipe: Path, tmp_path: Path
) -> None:
    given = ("train", "--recipe", recipe, "-o", tmp_path, "--set", "training.max_steps=1")
    run(capsys, *given)
    said = run(capsys, *given, "--set", "lora.r=2", code=2)
    assert "lora.r was 4 and is 2" in " ".join(said.split())
    run(capsys, *given, "--set", "lora.r=2", "--fresh")
