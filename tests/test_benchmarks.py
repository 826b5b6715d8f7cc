"""The benchmarks run, and both of their sides give the same answers; times are not asserted."""

from __future__ import annotations

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
