"""Runs in real experiment trackers, kept on this machine and read back."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from mma_eval.errors import PrerequisiteError
from mma_eval.report.trackers import open_tracker

SHORT = ("--model", "mock", "--tasks", "aligned_audio")


def needs(package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        find_spec(package) is None, reason=f"{package} is not installed: pip install {package}"
    )


def run(place: Path, manifest: Path, *options: str, **variables: str) -> tuple[int, str, str]:
    """The real command in its own process: trackers read their environment once."""
    done = subprocess.run(
        [
            sys.executable, "-m", "mma_eval.cli.main", *SHORT, "--dataset", str(manifest),
            "-o", str(place / "results"), *options,
        ],
        capture_output=True, text=True, check=False, cwd=place,
        env={**os.environ, "HOME": str(place), "WANDB_API_KEY": "", **variables},
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def written(place: Path) -> Path:
    (folder,) = (place / "results" / "mock").iterdir()
    assert (folder / "run.json").is_file()
    return folder


@needs("trackio")
def test_trackio(tmp_path: Path, manifest: Path) -> None:
    store = tmp_path / "trackio"
    code, shown, errors = run(tmp_path, manifest, "--log-to", "trackio", TRACKIO_DIR=str(store))
    assert code == 0, errors
    assert "Trackio project" in errors and "Trackio project" not in shown, "stdout is for results"
    assert run(tmp_path, manifest)[0] == 0
    folder = written(tmp_path)  # One folder: logging is no part of what a run is.
    with sqlite3.connect(store / "mma-eval.db") as database:
        ((name, metrics),) = database.execute("select run_name, metrics from metrics")
        ((configuration,),) = database.execute("select config from configs")
    assert name == f"mock-{folder.name}"
    scores = json.loads(metrics)
    assert scores["aligned_audio/accuracy"] == pytest.approx(2 / 6)
    assert scores["aligned_audio/accuracy_low"] < 2 / 6 < scores["aligned_audio/accuracy_high"]
    assert json.loads(configuration)["settings"]["tasks"] == ["aligned_audio"]


@needs("trackio")
def test_trackio_that_cannot_write_fails_and_the_same_command_logs_again(
    tmp_path: Path, manifest: Path
) -> None:
    """Trackio itself only warns. Its folder cannot be made: a file is in the way."""
    store = tmp_path / "trackio"
    store.touch()
    options = ("--log-to", "trackio")
    code, shown, errors = run(tmp_path, manifest, *options, TRACKIO_DIR=str(store / "in"))
    assert code == 1
    assert "33.3" in shown, "the table comes first"
    (sentence,) = [line for line in errors.splitlines() if line.startswith("mma-eval: ")]
    assert str(written(tmp_path).name) in sentence
    assert "trackio did not take its scores (trackio" in sentence
    assert "UserWarning" not in errors, "said once"
    store.unlink()
    code, _, errors = run(tmp_path, manifest, *options, TRACKIO_DIR=str(store / "in"))
    assert code == 0, errors
    assert (store / "in" / "mma-eval.db").is_file()


@needs("wandb")
def test_wandb_offline(tmp_path: Path, manifest: Path) -> None:
    code, _, errors = run(tmp_path, manifest, "--log-to", "wandb", WANDB_MODE="offline")
    assert code == 0, errors
    (file,) = (tmp_path / "wandb").glob("offline-run-*/run-*.wandb")
    kept = file.read_bytes()
    assert b"aligned_audio/accuracy_low" in kept
    assert f"mock-{written(tmp_path).name}".encode() in kept


@needs("wandb")
def test_nobody_logged_in_is_said_before_anything_is_asked(tmp_path: Path, manifest: Path) -> None:
    code, shown, errors = run(tmp_path, manifest, "--log-to", "wandb", WANDB_MODE="online")
    assert (code, shown) == (2, "")
    assert "mma-eval: --log-to wandb finds no API key" in errors
    assert not (tmp_path / "results").exists()


@needs("wandb")
def test_a_tracker_that_fails_loses_nothing(tmp_path: Path, manifest: Path) -> None:
    """A server that refuses every connection."""
    code, shown, errors = run(
        tmp_path, manifest, "--log-to", "wandb", WANDB_MODE="online", WANDB_API_KEY="0" * 40,
        WANDB_BASE_URL="http://127.0.0.1:9", WANDB_INIT_TIMEOUT="3",
    )  # fmt: skip
    assert code == 1
    assert "33.3" in shown, "the table comes first"
    (sentence,) = [line for line in errors.splitlines() if line.startswith("mma-eval: ")]
    assert str(written(tmp_path).name) in sentence
    assert "wandb did not take its scores" in sentence


def test_what_is_not_installed_is_said_before_anything_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "trackio", None)
    with pytest.raises(PrerequisiteError, match=r"pip install 'mma-eval\[trackio\]'"):
        open_tracker("trackio")


def test_predictions_have_no_scores_to_log(tmp_path: Path, manifest: Path) -> None:
    code, _, errors = run(tmp_path, manifest, "--log-to", "trackio", "--predict-only")
    assert (code, "--predict-only" in errors) == (2, True)
