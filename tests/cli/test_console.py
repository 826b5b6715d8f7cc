"""Progress: a bar for a terminal, lines for a log."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from rich.console import Console

from mma_eval.cli import console as module
from mma_eval.cli.console import ProgressLines


def lines(every: float, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(module, "SECONDS_BETWEEN_LINES", every)
    written = io.StringIO()
    progress = ProgressLines(Console(file=written), "tiny-omni")
    progress.begin(40)
    for _ in range(4):
        progress.advance(10)
    return written.getvalue().splitlines()


def test_a_log_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [line.split(",")[0] for line in lines(0.0, monkeypatch)] == [
        "tiny-omni: 10/40",
        "tiny-omni: 20/40",
        "tiny-omni: 30/40",
        "tiny-omni: 40/40",
    ]


def test_short_work_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lines(60.0, monkeypatch) == []


@pytest.mark.parametrize("console", [module.output, module.diagnostics, module.canvas])
def test_names_between_colons_are_no_emoji(console: Callable[[], Console]) -> None:
    with (shown := console()).capture() as captured:
        shown.print("results:dog:one", markup=False)
    assert "results:dog:one" in captured.get()
