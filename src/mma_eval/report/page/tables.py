"""The rows of the page's tables."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from mma_eval.eval.analysis.subject import Subject
from mma_eval.eval.scorecard import RunScores, TaskScore
from mma_eval.eval.task_names import is_control
from mma_eval.metrics.words import same_name
from mma_eval.models.card import Reported
from mma_eval.report.page import words
from mma_eval.report.page.view import (
    AbstentionRow,
    ConfusionRow,
    FollowingRow,
    Number,
    ReportedRow,
    ScoreRow,
    SideRow,
)
from mma_eval.report.svg.conditions import Condition, Headline
from mma_eval.report.svg.scale import percent
from mma_eval.types import Attribution

CONFUSIONS = 3
"""Rows of each task; `run.json` holds all."""


def side_rows(subjects: Sequence[Subject]) -> tuple[SideRow, ...]:
    """The headline number of every task that at least two subjects have; empty for one subject."""
    by_task: dict[str, dict[int, TaskScore]] = {}
    for at, subject in enumerate(subjects):
        for score in subject.scores.tasks:
            if not is_control(score.task):
                by_task.setdefault(score.task, {})[at] = score
    return tuple(
        SideRow(
            task=task,
            condition=Condition.of(task).words,
            asked=_asked(next(iter(scores.values()))),
            numbers=tuple(_headline(scores.get(at)) for at in range(len(subjects))),
        )
        for task, scores in by_task.items()
        if len(scores) > 1
    )


def _headline(score: TaskScore | None) -> Number:
    headline = None if score is None else Headline.of(score)
    if headline is None:
        return Number()
    number = words.share_number(headline.share)
    return Number(number.text, number.detail, "leak" if headline.metric == "leak" else "")


def score_row(score: TaskScore, scores: RunScores, number: int) -> ScoreRow:
    return ScoreRow(
        task=score.task,
        condition=Condition.of(score.task).words,
        asked=_asked(score),
        n=f"{score.n:,}",
        accuracy=words.share_number(score.accuracy),
        both_right=words.share_number(score.both_right),
        leak=words.share_number(score.leak),
        drop=_drop(score, scores),
        coverage="" if score.coverage is None else percent(score.coverage),
        gallery="#gallery?" + urlencode({"model": f"model-{number}", "task": score.task}),
    )


def _asked(score: TaskScore) -> str:
    return "mixed" if score.ask is None else words.ASKED[score.ask]


def _drop(score: TaskScore, scores: RunScores) -> Number:
    drop = next((drop for drop in scores.drops if drop.task == score.task), None)
    if drop is None:
        return Number()
    change = words.change_number(drop.difference)
    return Number(change.text, change.detail, f"{words.p_value(drop.p_holm)}, {drop.pairs} pairs")


def abstention_rows(scores: RunScores) -> tuple[AbstentionRow, ...]:
    asked = {score.task: _asked(score) for score in scores.tasks}
    return tuple(
        AbstentionRow(
            condition=Condition.of(summary.task).words,
            asked=asked[summary.task],
            recall=words.share_number(summary.recall),
            false_abstention=words.share_number(summary.false_abstention),
            balanced=words.estimate_number(summary.balanced_accuracy),
        )
        for summary in scores.abstentions
    )


def following_rows(scores: RunScores) -> tuple[FollowingRow, ...]:
    ask = {score.task: score.ask for score in scores.tasks}
    asked = {score.task: _asked(score) for score in scores.tasks}
    other = {"visual": "what is heard", "audio": "what is seen"}
    return tuple(
        FollowingRow(
            condition=Condition.of(following.task).words,
            asked=asked[following.task],
            source="the caption's class"
            if following.source is Attribution.CAPTION
            else other.get(ask[following.task] or "", "the other modality"),
            share=words.share_number(following.share),
            expected="" if following.expected is None else percent(following.expected),
            net=words.change_number(following.net),
            able=words.share_number(following.able_share),
        )
        for following in scores.followings
    )


def confusion_rows(scores: RunScores) -> tuple[ConfusionRow, ...]:
    """For each task the classes that were most often taken for one other, at least twice."""
    asked = {score.task: _asked(score) for score in scores.tasks}
    rows = []
    for table in scores.classes:
        clips = {score.label: score.accuracy.n for score in table.classes}
        mistaken = [
            cell
            for cell in table.confusion
            if cell.count > 1 and cell.named is not None and not same_name(cell.named, cell.target)
        ]
        mistaken.sort(key=lambda cell: -cell.count / clips[cell.target])
        rows += [
            ConfusionRow(
                condition=Condition.of(table.task).words,
                asked=asked[table.task],
                target=cell.target,
                named=cell.named or "",
                count=f"{cell.count} of {clips[cell.target]}",
            )
            for cell in mistaken[:CONFUSIONS]
        ]
    return tuple(rows)


def reported_rows(scores: RunScores, reported: Sequence[Reported]) -> tuple[ReportedRow, ...]:
    """Published numbers of the card whose task was run here too."""
    by_task = {score.task: score for score in scores.tasks}
    return tuple(
        ReportedRow(
            condition=Condition.of(one.task).words,
            asked=_asked(by_task[one.task]),
            metric=one.metric.replace("_", " "),
            here=_measured(by_task[one.task], one.metric),
            reported=f"{one.value:g}",
            source=one.source,
            note=one.note or "",
        )
        for one in reported
        if one.task in by_task
    )


def _measured(score: TaskScore, metric: str) -> Number:
    """This page's value of a published metric; empty where it has no such number."""
    if metric == "macro_accuracy":
        return words.estimate_number(score.macro_accuracy)
    shares = {"accuracy": score.accuracy, "leak": score.leak, "both_right": score.both_right}
    return words.share_number(shares.get(metric))
