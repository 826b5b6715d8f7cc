"""What attention shows, in a few lines on a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mma_eval.diagnose.effects_file import (
    AttentionEffects,
    Contrast,
    Effects,
    EffectStream,
    Magnitude,
    Statistic,
)
from mma_eval.report.attention_figures import words
from mma_eval.report.columns import NO_NUMBER, print_heading

N = TypeVar("N", Magnitude, Contrast)

NOTES = (
    "Positive d: more attention to a stream when sight is asked about than when sound is.",
    "Mean |d| is over the layers, which count from 0.",
    "By mass: one observation a sample; audio is the mirror of video. Per token: one observation "
    "a token, so d is smaller and n is large; intervals resample clips in both.",
    "Chance: what noise of this size alone would give as mean |d|, were there no shift.",
    "Attention that moves with the question is a correlation: whether the answer comes from it, "
    "only hiding a stream can tell (--block).",
)


def print_effects(console: Console, effects: AttentionEffects) -> None:
    """Text share, peaks and mean |d| of a run, and how they differ from those before an adapter."""
    for run in effects.runs:
        _print_run(console, run)
    if effects.before is not None:
        _print_changes(console, effects)
    console.print()
    for note in NOTES:
        console.print(Text(note, style="dim"))


def _print_run(console: Console, run: Effects) -> None:
    print_heading(console, f"{run.origin.name} on {run.origin.dataset}")
    console.print(Text(f"Attention of {words.QUERIES[run.query]}."))
    by_condition = ", ".join(
        f"{one.task} {100 * one.overall:.1f} %" for one in run.text if len(run.text) > 1
    )
    share = f"Text receives {100 * run.text_share:.1f} % of it, mean over layers and heads"
    console.print(Text(f"{share} ({by_condition})." if by_condition else f"{share}."))
    console.print()
    table = _table("mean |d|\n95 % CI", ("by\nchance", "peak d\n(layer)", "clips"))
    for one in _told_once(run.magnitudes):
        curve = run.curve(one.condition, one.statistic, one.stream, "layer")
        at = words.peak(curve) if curve else None
        top = f"{words.number(curve.d[at])} ({at})" if curve and at is not None else NO_NUMBER
        table.add_row(
            *_names(one),
            words.with_interval(one.value, one.low, one.high),
            words.number(one.chance),
            top,
            str(one.clips),
        )
    console.print(table)
    if run.contrasts:
        console.print()
        console.print(_contrasts("less aligned\n95 % CI", _told_once(run.contrasts)))


def _print_changes(console: Console, effects: AttentionEffects) -> None:
    assert effects.before is not None
    print_heading(
        console,
        f"After ({effects.measured.origin.name}) less before ({effects.before.origin.name})",
    )
    console.print(_contrasts("change of mean |d|\n95 % CI", _told_once(effects.changes)))


def _contrasts(heading: str, contrasts: Sequence[Contrast]) -> Table:
    table = _table(heading, ("clips",))
    for one in contrasts:
        difference = words.with_interval(one.value, one.low, one.high)
        table.add_row(*_names(one), difference, str(one.clips))
    return table


def _told_once(numbers: Sequence[N]) -> list[N]:
    """By mass both streams have the same |d|."""
    return [one for one in numbers if (one.statistic, one.stream) != ("by mass", "audio")]


def _names(one: Magnitude | Contrast) -> tuple[str, str, str]:
    return one.condition, one.statistic, _tokens(one.statistic, one.stream)


def _tokens(statistic: Statistic, stream: EffectStream) -> str:
    return "both" if statistic == "by mass" else stream


def _table(heading: str, more: Sequence[str]) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        header_style="bold",
    )
    for name in ("condition", "Cohen's d", "tokens"):
        table.add_column(name, no_wrap=name != "condition", overflow="fold", vertical="bottom")
    table.add_column(heading, justify="right", style="bold", no_wrap=True)
    for name in more:
        table.add_column(name, justify="right", no_wrap=True)
    return table
