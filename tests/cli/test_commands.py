"""The commands that look rather than run, and how fast they are to say so."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mma_eval import __version__
from mma_eval.cli.main import main
from tests.cli.commands import run
from tests.conftest import REPOSITORY

HEAVY = ("torch", "transformers", "decord", "av", "librosa", "scipy", "datasets", "google")


def test_help_shows_the_flat_form(capsys: pytest.CaptureFixture[str]) -> None:
    assert "mma-eval --model NAME --tasks NAMES" in run(capsys, "--help")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--version") == f"mma-eval {__version__}\n"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("run", "lists as [a,b]"),
        ("run", "[results]"),
        ("doctor", "lists as [a,b]"),
        ("train", "[adapters/RECIPE]"),
        ("diagnose", "[aligned,misalign]"),
    ],
)
def test_help_keeps_what_stands_in_brackets(
    command: str, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert said in run(capsys, command, "--help")


@pytest.mark.parametrize("command", [["--help"], ["ls", "tasks"], ["ls", "models"]])
def test_looking_loads_nothing_heavy(command: list[str]) -> None:
    script = (
        "import sys\n"
        "from mma_eval.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *command], capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "[]"


def test_ls_tasks_lists_the_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    listed = run(capsys, "ls", "tasks", "mma_bench")
    assert len([line for line in listed.splitlines() if "mma_bench" in line]) == 18


def test_ls_datasets(capsys: pytest.CaptureFixture[str]) -> None:
    assert "demo" in run(capsys, "ls", "datasets")


def test_show_a_task_renders_its_prompt(capsys: pytest.CaptureFixture[str]) -> None:
    shown = run(capsys, "show", "abstention_visual")
    assert "Options: {Bird, Cat, Door, None of the above}" in shown
    assert "zero_frames" in shown


def test_show_a_model_lists_its_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    shown = run(capsys, "show", "mock")
    assert "license: Apache-2.0" in shown
    assert "behaviour = first" in shown


def test_validate_everything_that_ships(capsys: pytest.CaptureFixture[str], manifest: Path) -> None:
    assert "misalign_visual" in run(capsys, "validate", REPOSITORY / "tasks")
    assert "the card of mock" in run(capsys, "validate", REPOSITORY / "model_cards")
    assert "6 rows and 4 classes" in run(capsys, "validate", manifest)


def test_validate_names_every_wrong_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "card.yaml").write_text("backend: mock\nname: x\nfamily: x\nsummary: x\n")
    (tmp_path / "task.yaml").write_text("task: x\n")
    with pytest.raises(SystemExit) as stop:
        main(["validate", str(tmp_path)])
    errors = capsys.readouterr().err
    assert stop.value.code == 2
    assert "the key 'license' is missing" in errors
    assert "task.yaml" in errors
    assert "2 of 2 files are wrong" in errors


def test_a_dry_run_asks_nothing(
    capsys: pytest.CaptureFixture[str], manifest: Path, tmp_path: Path
) -> None:
    shown = run(
        capsys, "--model", "mock", "--tasks", "misalign_audio,frames_zeroed_visual",
        "--dataset", manifest, "-o", tmp_path, "--dry-run",
    )  # fmt: skip
    assert "12 samples on 6 clips; nothing was asked" in shown
    assert "black frames of 56x56" in shown
    assert "Which class best describes the audio content" in shown
    assert list(tmp_path.iterdir()) == []


def test_a_config_file_means_the_same_as_options(
    capsys: pytest.CaptureFixture[str], manifest: Path, tmp_path: Path
) -> None:
    config = tmp_path / "run.yaml"
    config.write_text(
        f"model: mock\ntasks: [aligned]\ndataset: {manifest}\nlimit: 2\n"
        f"model_args: {{behaviour: last}}\noutput_path: {tmp_path / 'a'}\n"
    )
    run(capsys, "--config", config)
    run(
        capsys, "--model", "mock", "--tasks", "aligned", "--dataset", manifest, "--limit", 2,
        "--model-args", "behaviour=last", "-o", tmp_path / "b",
    )  # fmt: skip
    run(capsys, "--config", config, "--limit", 3, "-o", tmp_path / "c")
    counts = {}
    for name in "abc":
        (samples,) = (tmp_path / name / "mock").glob("*/samples.jsonl")
        counts[name] = len(samples.read_text().splitlines())
    assert counts == {"a": 4, "b": 4, "c": 6}, "options win over the file"


def test_the_result_table(
    capsys: pytest.CaptureFixture[str], manifest: Path, tmp_path: Path
) -> None:
    shown = run(
        capsys, "--model", "mock", "--tasks", "misalign", "--dataset", manifest, "-o", tmp_path
    )
    for part in ("accuracy", "both", "chance", "coverage", "Baseline", "Run", "Next"):
        assert part in shown
    assert f"mma-eval --model mock --dataset {manifest}" in shown, "how to make the baseline"
    run(capsys, "--model", "mock", "--tasks", "aligned", "--dataset", manifest, "-o", tmp_path)
    again = run(
        capsys, "--model", "mock", "--tasks", "misalign", "--dataset", manifest, "-o", tmp_path
    )
    assert "aligned: visual 33.3, audio 33.3" in again, "found in the other run"


def test_seeds_make_one_run_each(
    capsys: pytest.CaptureFixture[str], manifest: Path, tmp_path: Path
) -> None:
    run(
        capsys, "--model", "mock", "--tasks", "misalign_audio", "--dataset", manifest,
        "-o", tmp_path, "--seeds", "0,1,2",
    )  # fmt: skip
    config = tmp_path / "run.yaml"
    config.write_text(
        f"model: mock\ntasks: misalign_audio\ndataset: {manifest}\nseeds: [0, 1, 2]\n"
        f"output_path: {tmp_path}\n"
    )
    run(capsys, "--config", config)
    manifests = [json.loads(path.read_text()) for path in tmp_path.glob("mock/*/run.json")]
    assert sorted(manifest["settings"]["seed"] for manifest in manifests) == [0, 1, 2]
    assert len({json.dumps(manifest["datasets"][0]["pairs"]) for manifest in manifests}) > 1


def test_score_reads_a_run_again(
    capsys: pytest.CaptureFixture[str], manifest: Path, tmp_path: Path
) -> None:
    first = run(
        capsys, "--model", "mock", "--tasks", "aligned", "--dataset", manifest, "-o", tmp_path
    )
    (folder,) = (tmp_path / "mock").iterdir()
    assert run(capsys, "score", folder) == first


def test_the_table_as_a_picture(
    capsys: pytest.CaptureFixture[str], manifest: Path, tmp_path: Path
) -> None:
    run(capsys, "--model", "mock", "--tasks", "aligned", "--dataset", manifest, "-o", tmp_path)
    (folder,) = (tmp_path / "mock").iterdir()
    run(capsys, "score", folder, "--svg", tmp_path / "table.svg")
    picture = (tmp_path / "table.svg").read_text()
    assert "aligned_visual" in picture
    assert "@font-face" not in picture, "nothing is fetched to look at it"


def test_a_run_on_what_is_left_says_how_many_clips_are_gone(
    capsys: pytest.CaptureFixture[str], manifest: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(manifest.parent, tmp_path / "clips"))
    (folder / "clip0.mp4").unlink()
    (folder / "vanished.txt").write_text("clip0\n", encoding="utf-8")
    command = ("--model", "mock", "--tasks", "misalign", "--dataset", folder)
    for more in (["--dry-run"], ["-o", tmp_path / "out"]):
        with pytest.raises(SystemExit) as stop:
            main([str(word) for word in (*command, *more)])
        assert stop.value.code == 0
        said = capsys.readouterr()
        assert "need a vanished clip of clips are left out (vanished: 1)" in said.err
        assert "misalign_audio" in said.out
