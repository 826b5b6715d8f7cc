"""Several seeds as they read on the terminal."""

from __future__ import annotations

import io

from rich.console import Console

from mma_eval.eval.analysis.seeds import SeedSummary
from mma_eval.metrics.spread import spread
from mma_eval.report.seeds import print_seeds


def printed(*summaries: SeedSummary) -> list[str]:
    output = io.StringIO()
    print_seeds(Console(file=output, width=80, color_system=None), summaries)
    return [" ".join(line.split()) for line in output.getvalue().splitlines()]


def test_mean_spread_and_what_was_measured_once() -> None:
    swapped = SeedSummary("misalign_audio", (0.5, 0.6, 0.7), spread([0.5, 0.6, 0.7]))
    aligned = SeedSummary("aligned_audio", (0.9, 0.9, 0.9), spread([0.9]))
    lines = printed(swapped, aligned)
    assert "misalign_audio 60.0 10.0 3 50.0 60.0 70.0" in lines
    assert "aligned_audio 90.0 - 1 90.0 90.0 90.0" in lines
    assert any("measured once" in line for line in lines)
    assert not any("measured once" in line for line in printed(swapped))


def test_nothing_to_summarise_prints_nothing() -> None:
    assert printed() == []
