"""The example package: installed as a user would, found by name, and run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the example package is installed."""
    target = tmp_path_factory.mktemp("site")
    subprocess.run(
        [
            sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation",
            "--target", str(target), str(REPOSITORY / "examples" / "coin_flip"),
        ],
        check=True,
    )  # fmt: skip
    return {**os.environ, "PYTHONPATH": str(target)}


def mma_eval(environment: dict[str, str], *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mma_eval.cli.main", *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_installed_backend_is_listed(installed: dict[str, str]) -> None:
    assert "coin-flip" in mma_eval(installed, "ls", "models").stdout


def test_an_installed_backend_runs(
    installed: dict[str, str], manifest: Path, tmp_path: Path
) -> None:
    done = mma_eval(
        installed, "--model", "coin-flip", "--tasks", "abstention", "--dataset", manifest,
        "-o", tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "coin-flip").iterdir()
    samples = [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]
    silent = [sample for sample in samples if sample["task"] == "abstention_audio"]
    assert len(silent) == 6
    assert all(sample["answer"] == "None of the above" for sample in silent)
    assert all(sample["outcome"] == "correct" for sample in silent)
    assert all(sample["tokens"]["audio"] > 0 for sample in samples)


def test_its_argument_is_checked(installed: dict[str, str], manifest: Path) -> None:
    done = mma_eval(
        installed, "--model", "coin-flip", "--tasks", "aligned", "--dataset", manifest,
        "--model-args", "treshold=1",
    )  # fmt: skip
    assert done.returncode == 2
    assert "takes no argument 'treshold'; did you mean 'threshold'?" in done.stderr
