"""From runs to what the page shows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from mma_eval import __version__
from mma_eval.eval.analysis.diagnosis import diagnose
from mma_eval.eval.analysis.findings import Finding, Verdict
from mma_eval.eval.analysis.subject import Subject
from mma_eval.eval.manifest import DatasetEntry
from mma_eval.eval.task_names import is_control
from mma_eval.report.attention_figures.folder import AttentionFolder
from mma_eval.report.diagnosis import TITLES
from mma_eval.report.page import words
from mma_eval.report.page.attention import attention_view
from mma_eval.report.page.origin import run_view, subject_facts, subject_warnings
from mma_eval.report.page.plots import (
    adapter_changes,
    attribution_plot,
    class_plot,
    profile_plot,
    reported_plot,
)
from mma_eval.report.page.tables import (
    abstention_rows,
    confusion_rows,
    following_rows,
    reported_rows,
    score_row,
    side_rows,
)
from mma_eval.report.page.view import DiagnosisView, Fact, GalleryView, Page, SubjectView


def build_page(
    subjects: Sequence[Subject],
    gallery: GalleryView,
    *,
    title: str | None,
    made: datetime,
    attention: Sequence[AttentionFolder] = (),
) -> Page:
    """The whole page, with a gallery that is built already."""
    models = dict.fromkeys(subject.manifest.card.name for subject in subjects)
    return Page(
        title=title or f"{', '.join(models)}: when sight, sound and text disagree",
        lead=_lead(subjects),
        made=f"{made:%d %B %Y}".lstrip("0"),
        version=__version__,
        side=side_rows(subjects),
        same_clips=len({_clips_of(subject) for subject in subjects}) == 1,
        subjects=tuple(subject_view(at, subject) for at, subject in enumerate(subjects, start=1)),
        changes=adapter_changes(subjects),
        attention=tuple(attention_view(found) for found in attention),
        gallery=gallery,
        terms=words.TERMS,
    )


def subject_view(number: int, subject: Subject) -> SubjectView:
    """One model's part of the page; `number` counts from 1."""
    scores, card = subject.scores, subject.manifest.card
    shown = [score for score in scores.tasks if not is_control(score.task)]
    return SubjectView(
        anchor=f"model-{number}",
        name=subject.name,
        summary=card.summary,
        facts=subject_facts(subject),
        warnings=subject_warnings(subject),
        diagnosis=_diagnosis(subject),
        profile=profile_plot(subject),
        attribution=attribution_plot(subject),
        rows=tuple(score_row(score, scores, number) for score in shown),
        abstentions=abstention_rows(scores),
        followings=following_rows(scores),
        confusions=confusion_rows(scores),
        reported=reported_rows(scores, card.reported),
        reported_plot=reported_plot(subject),
        data=_data(subject),
        classes=class_plot(subject),
        runs=tuple(run_view(run) for run in subject.runs),
    )


def _lead(subjects: Sequence[Subject]) -> tuple[Fact, ...]:
    answered = sum(subject.scores.answered for subject in subjects)
    planned = sum(subject.scores.n for subject in subjects)
    coverage = f" of {planned:,} samples" if answered < planned else " samples, all there are"
    tasks = {task.name for subject in subjects for task in subject.manifest.tasks}
    data = dict.fromkeys(_data(subject) for subject in subjects)
    return (
        Fact("Models", "; ".join(subject.name for subject in subjects)),
        Fact("Data", "; ".join(data)),
        Fact("Tasks", str(len(tasks))),
        Fact("Scored", f"{answered:,}{coverage}"),
        Fact("Run", _period(subjects)),
    )


def _data(subject: Subject) -> str:
    return ", ".join(
        f"{dataset.name} ({dataset.rows:,} rows, {len(dataset.classes)} classes{_gone(dataset)})"
        for dataset in subject.manifest.datasets
    )


def _gone(dataset: DatasetEntry) -> str:
    return f", vanished: {len(dataset.vanished):,}" if dataset.vanished else ""


def _clips_of(subject: Subject) -> tuple[object, ...]:
    """What decides which clips are asked about, and whose sound they get."""
    manifest = subject.manifest
    versions = tuple(sorted((one.version, *one.vanished) for one in manifest.datasets))
    drawn = (manifest.settings.limit, manifest.settings.split)
    return (*versions, *drawn, manifest.seeds["pairing"], manifest.seeds["draw"])


def _period(subjects: Sequence[Subject]) -> str:
    days = sorted(run.manifest.ended.date() for subject in subjects for run in subject.runs)
    first, last = f"{days[0]:%d %B %Y}".lstrip("0"), f"{days[-1]:%d %B %Y}".lstrip("0")
    return first if first == last else f"{first} to {last}"


def _diagnosis(subject: Subject) -> DiagnosisView:
    by_task = {task.name: subject.samples_of(task.name) for task in subject.manifest.tasks}
    diagnosis = diagnose(subject.scores, by_task)
    decided = any(check.verdict is Verdict.RULED_OUT for check in diagnosis.checks)
    title = TITLES[diagnosis.primary]
    if not diagnosis.findings and not decided:
        title = "too little was run to tell"
    return DiagnosisView(
        title=title,
        found=tuple(
            finding.sentence if finding.fault is diagnosis.primary else f"Also {_titled(finding)}"
            for finding in diagnosis.findings
        ),
        open=tuple(map(_titled, diagnosis.open)),
        untested=tuple(map(_titled, diagnosis.untested)),
    )


def _titled(finding: Finding) -> str:
    return f"{TITLES[finding.fault]}: {finding.sentence}"
