"""The benchmarks run, and both of their sides give the same answers; times are not asserted."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from benchmarks import every_backend, gpu_check
from tests.conftest import REPOSITORY


def test_shared_prefix_against_the_plain_path(clips_folder: Path) -> None:
    done = subprocess.run(
        [
            sys.executable, "benchmarks/shared_prefix.py", "--clips", str(clips_folder),
            "--size", "tiny", "--long-tokens", "100", "--max-frames", "2",
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "36 requests" in done.stdout
    assert "identical answers: 68 of 68" in done.stdout


def test_planted_specimens_fill_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    markers = ("<!-- planted specimens: begin -->", "<!-- planted specimens: end -->")
    page.write_text(f"above\n{markers[0]}\nold\n{markers[1]}\nbelow\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "benchmarks/planted_specimens.py", "--runs", "10:1", "--write", str(page)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    text = page.read_text(encoding="utf-8")
    assert text.startswith("above\n") and text.endswith("below\n") and "old" not in text
    # Ten of ten declined: Wilson's lower end is 72 %, over one half.
    assert re.search(r"\| always abstains \|.*\*\*1\*\*", text)
    assert re.search(r"\| no fault planted: any finding \| 0 of 2 \|", text)


def test_a_load_that_is_killed_and_resumed() -> None:
    done = subprocess.run(
        [sys.executable, "benchmarks/load.py", "--samples", "80", "--kills", "1"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 questions lost, 0 asked twice" in done.stdout
    assert "the result is equal to that of the run without kills" in done.stdout


def test_every_backend_is_told_by_its_streams(
    shared_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--backends", "mock", "pandagpt", "--limit", "1", "--shared", str(shared_folder)]
    monkeypatch.setattr(sys, "argv", ["every_backend.py", *asked])
    every_backend.main()
    heading, mock, pandagpt = capsys.readouterr().out.splitlines()
    assert heading.split()[:5] == ["backend", "tasks", "samples", "n/a", "coverage"]
    assert mock.split()[:5] == ["mock", "22", "22", "0", "100.0%"]
    assert pandagpt.split()[:5] == ["pandagpt", "22", "22", "2", "100.0%"]
    assert "joint" in pandagpt and "2 not_applicable, 20 ok" in pandagpt


def test_a_backend_that_fails_is_a_fault(
    shared_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextmanager
    def failing(sources: every_backend.Sources) -> Iterator[every_backend.Ready]:
        yield every_backend.Ready("mock", {"behaviour": "fail"}, "aligned")

    monkeypatch.setitem(every_backend.BACKENDS, "failing", failing)
    asked = ["--backends", "failing", "--limit", "1", "--shared", str(shared_folder)]
    monkeypatch.setattr(sys, "argv", ["every_backend.py", *asked])
    with pytest.raises(SystemExit) as stop:
        every_backend.main()
    assert stop.value.code == 1
    shown = capsys.readouterr().out
    assert "0.0%" in shown and "aligned_audio" in shown


def test_the_check_for_a_gpu_runs_small_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "check.json"
    small = ["--size", "tiny", "--device", "cpu", "--limit", "2", "--media", "1"]
    asked = [*small, "--long-tokens", "50", "--answer-tokens", "3", "--json", str(file)]
    monkeypatch.setattr(sys, "argv", ["gpu_check.py", *asked])
    gpu_check.main()
    shown = capsys.readouterr().out
    assert "tiny shape of qwen2.5-omni  (random weights: the answers are noise)" in shown
    sections = {part["title"]: part["figures"] for part in json.loads(file.read_text("utf-8"))}
    agreement = next(f for f in sections["precision"] if "shared and plain" in f["name"])
    assert 0 < agreement["value"] < 1e-3
    assert all(figure["holds"] for part in sections.values() for figure in part)
    (halvings,) = sections["want of memory"]
    assert (halvings["value"], halvings["note"]) == (None, "only a GPU can be limited")


def test_without_a_gpu_the_check_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    monkeypatch.setattr(sys, "argv", ["gpu_check.py"])
    with pytest.raises(SystemExit, match="torch sees no GPU here"):
        gpu_check.main()
