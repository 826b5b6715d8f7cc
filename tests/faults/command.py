"""The real command in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE = 60.0


def command(manifest: Path, out: Path, *arguments: object, model_args: str = "") -> list[str]:
    """`mma-eval` with the mock on `manifest`."""
    given = ["--model-args", model_args] if model_args else []
    return [
        *(sys.executable, "-m", "mma_eval.cli.main", "--model", "mock"),
        *("--dataset", str(manifest), "--output-path", str(out)),
        *given,
        *map(str, arguments),
    ]


def start(arguments: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        arguments,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        preexec_fn=_heed_interrupts,
    )


def _heed_interrupts() -> None:
    """A shell makes what it starts in the background ignore Ctrl-C, and so would its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and standard error."""
    _, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, errors


def wait_until(process: subprocess.Popen[str], happened: Callable[[], bool]) -> None:
    """Wait for something that the running process does."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert process.poll() is None, finish(process)
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


def asked(log: Path) -> list[str]:
    """Ids that the mock was asked, in order, from its log."""
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []
