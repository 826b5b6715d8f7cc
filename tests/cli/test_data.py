"""`mma-eval data export`, and recipes in the commands that list, show and check."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mma_eval.train.recipe import recipe_files
from tests.cli.commands import run

SMALL = ("--set", "data.swaps=2", "--set", "data.validation=0")


def test_export_counts_examples_files_and_bytes(
    capsys: pytest.CaptureFixture[str], manifest: Path, tmp_path: Path
) -> None:
    out = tmp_path / "pairs"
    chosen = ("data", "export", "--recipe", "modality_aware", "--output", out, *SMALL)
    given = (*chosen, "--set", f"data.dataset={manifest}", "--limit", 3)
    said = run(capsys, *given)
    assert "modality_aware_train" in said
    assert "9 media files" in said
    assert "9 written, 0 kept" in said
    lines = (out / "modality_aware_train.jsonl").read_text().splitlines()
    assert len(lines) == 3 * 2 * 2 * 2
    assert "0 written, 9 kept" in run(capsys, *given)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--recipe", "tinydemo"), "did you mean 'tiny_demo'"),
        (("--recipe", "modality_aware"), "names no clips"),
        (("--recipe", "tiny_demo", "--set", "data.swop=3"), "did you mean 'swaps'"),
        (("--recipe", "tiny_demo", "--format", "parquet"), "'parquet' is not one of"),
    ],
)
def test_what_cannot_be_exported_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    said = run(capsys, "data", "export", "--output", tmp_path / "out", *arguments, code=2)
    assert complaint in said
    assert said.count("mma-eval:") == 1
    assert not (tmp_path / "out").exists()


def test_recipes_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    listed = run(capsys, "ls", "recipes")
    assert all(name in listed for name in recipe_files())
    assert "learning_rate: 0.0001" in run(capsys, "show", "modality_aware")
    assert "did you mean 'tiny_demo'" in run(capsys, "show", "tiny_dem", code=2)


def test_recipes_are_checked_beside_other_files(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "mine.yaml"
    shutil.copy(recipe_files()["tiny_demo"], path)
    assert "the recipe tiny_demo" in run(capsys, "validate", path)
    path.write_text(path.read_text().replace("swaps:", "swop:"))
    assert "did you mean 'swaps'" in run(capsys, "validate", path, code=2)


def test_a_recipe_beside_tasks_is_no_task(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shutil.copy(recipe_files()["tiny_demo"], tmp_path)
    assert "aligned_visual" in run(capsys, "ls", "tasks", "--include-path", tmp_path)


def test_listing_recipes_loads_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from mma_eval.cli.main import main\n"
        "try: main(['ls', 'recipes'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('torch', 'transformers', 'peft', 'av') if m in sys.modules],"
        " file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "[]"
