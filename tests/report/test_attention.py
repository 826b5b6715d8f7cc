"""What a terminal says about attention."""

from __future__ import annotations

import re

from rich.console import Console

from mma_eval.diagnose.effects import effects_of
from mma_eval.diagnose.effects_file import AttentionEffects
from mma_eval.report.attention import print_effects
from tests.diagnose.attention_runs import attention_run, tuned_run


def told(effects: AttentionEffects) -> str:
    console = Console(width=80, record=True, file=None, quiet=False, force_terminal=False)
    with console.capture() as captured:
        print_effects(console, effects)
    return captured.get()


def test_one_run() -> None:
    effects = effects_of(attention_run(), replicates=200)
    text = told(effects)
    assert all(len(line) <= 80 for line in text.splitlines())
    assert f"Text receives {100 * effects.measured.text_share:.1f} % of it" in text
    (first, *_) = effects.measured.magnitudes
    assert first.value is not None and first.chance is not None
    row = next(line for line in text.splitlines() if re.match("aligned +by mass +both", line))
    assert f"{first.value:.2f} [" in row and f"{first.chance:.2f}" in row
    assert row.endswith("12")
    # By mass the two streams are one row, per token each has its own.
    assert len(re.findall("^misalign ", text, re.MULTILINE)) == 2 * 3
    assert "before" not in text
    assert "correlation" in text


def test_before_and_after() -> None:
    text = told(effects_of(tuned_run(), attention_run(), replicates=200))
    assert "tiny on demo" in text and "tiny + tuned on demo" in text
    changes = text.partition("After (tiny + tuned) less before (tiny)")[2]
    assert len(re.findall("^(?:aligned|misalign) ", changes, re.MULTILINE)) == 2 * 3
