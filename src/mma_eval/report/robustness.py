"""What a condition does to a model: its drops, what it follows, what it cannot have known."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from mma_eval.eval.scorecard import AbstentionSummary, Drop, Following, TaskScore
from mma_eval.report.columns import (
    Column,
    changes,
    percents,
    print_heading,
    probability,
    table_of,
    with_intervals,
)
from mma_eval.types import Ask, Attribution


def print_drops(console: Console, drops: Sequence[Drop]) -> None:
    """Each condition against its baseline, over pairs."""
    if not drops:
        return
    columns = [
        Column("pairs", tuple(str(drop.pairs) for drop in drops)),
        Column("change\n95 % CI", changes([drop.difference for drop in drops]), "bold"),
        Column("lost", tuple(str(drop.lost) for drop in drops)),
        Column("gained", tuple(str(drop.gained) for drop in drops)),
        Column("p, Holm", tuple(probability(drop.p_holm) for drop in drops)),
    ]
    print_heading(console, "Change from the aligned question on the same clips, points")
    console.print(table_of(console, [drop.task for drop in drops], columns))


def print_followings(
    console: Console, followings: Sequence[Following], shown: Sequence[TaskScore]
) -> None:
    """Answers that say what another source says, with and without what inability explains."""
    if not followings:
        return
    ask_of = {score.task: score.ask for score in shown}
    columns = [
        Column("follows", tuple(_followed(f, ask_of.get(f.task)) for f in followings)),
        Column("share", percents(found.share for found in followings)),
        Column("expected", percents(found.expected for found in followings), "dim", "ex-\npected"),
        Column("net\n95 % CI", changes([found.net for found in followings]), "bold"),
        Column("net,\nable", percents(found.able_net for found in followings)),
        Column("able\nclips", tuple(_able_clips(found) for found in followings), "dim"),
    ]
    print_heading(console, "Following a source that was not asked about, %")
    console.print(table_of(console, [found.task for found in followings], columns))
    console.print()
    able = ", ".join(dict.fromkeys(name for found in followings for name in found.able_by))
    text = (
        "Expected: for a label, how often a shuffled one is named; for a caption, its class alone."
    )
    console.print(Text(text, style="dim"))
    if able:
        console.print(Text(f"Able: right on the same sources in {able}.", style="dim"))


def print_leaks(console: Console, shown: Sequence[TaskScore]) -> None:
    """How often a label is named whose stream was taken away."""
    leaking = [score for score in shown if score.leak is not None]
    if not leaking:
        return
    columns = [
        Column("leak\n95 % CI", with_intervals([score.leak for score in leaking]), "bold"),
        Column("chance", percents(score.chance for score in leaking), "dim"),
    ]
    print_heading(console, "Leak: naming what was taken away, %; lower is better")
    console.print(table_of(console, [score.task for score in leaking], columns))


def print_abstentions(console: Console, summaries: Sequence[AbstentionSummary]) -> None:
    """Declining against the two controls."""
    if not summaries:
        return
    columns = [
        Column("recall\n95 % CI", with_intervals([s.recall for s in summaries]), "bold"),
        Column("false,\naligned", percents(s.false_aligned for s in summaries)),
        Column("false, other\nremoved", percents(s.false_irrelevant for s in summaries)),
        Column("balanced\naccuracy", percents(s.balanced_accuracy for s in summaries)),
    ]
    print_heading(console, "Declining when the stream is gone, and only then, %")
    console.print(table_of(console, [summary.task for summary in summaries], columns))


def _followed(following: Following, ask: Ask | None) -> str:
    if following.source is Attribution.CAPTION:
        return "caption"
    return {"audio": "picture", "visual": "sound"}.get(ask or "", "other")


def _able_clips(following: Following) -> str:
    return "-" if following.able_share is None else str(following.able_share.n)
