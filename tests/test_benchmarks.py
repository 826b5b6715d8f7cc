"""The benchmarks run, and both of their sides give the same answers; times are not asserted."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import REPOSITORY


def test_shared_prefix_against_the_plain_path(clips_folder: Path) -> None:
    done = subprocess.run(
        [
            sys.executable, "benchmarks/shared_prefix.py", "--clips", str(clips_folder),
            "--size", "tiny", "--long-tokens", "300", "--max-frames", "4",
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
        [sys.executable, "benchmarks/load.py", "--samples", "200", "--kills", "2"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 questions lost, 0 asked twice" in done.stdout
    assert "the result is equal to that of the run without kills" in done.stdout
