"""The plots of the page, each drawn once for wide and once for narrow screens."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mma_eval.eval.analysis.subject import Subject
from mma_eval.report.page.view import Plot
from mma_eval.report.svg.attribution import attribution
from mma_eval.report.svg.before_after import before_after
from mma_eval.report.svg.drawing import NARROW
from mma_eval.report.svg.heat_map import class_heat_map
from mma_eval.report.svg.profile import profile
from mma_eval.report.svg.reported_comparison import reported_comparison

PAGE_WIDTH = 960
"""The width of the text, in px."""


def profile_plot(subject: Subject) -> Plot:
    return _drawn(lambda width: profile(subject.name, subject.scores, width=width))


def attribution_plot(subject: Subject) -> Plot:
    return _drawn(lambda width: attribution(subject.name, subject.scores, width=width))


def class_plot(subject: Subject) -> Plot | None:
    """None where no task was scored by class."""
    if not subject.scores.classes:
        return None
    return _drawn(lambda width: class_heat_map(subject.name, subject.scores, width=width))


def reported_plot(subject: Subject) -> Plot | None:
    """None where no task of the card's published numbers was run."""
    reported = subject.manifest.card.reported
    if not {one.task for one in reported} & {task.name for task in subject.manifest.tasks}:
        return None
    return _drawn(
        lambda width: reported_comparison(subject.name, subject.scores, reported, width=width)
    )


def adapter_changes(subjects: Sequence[Subject]) -> tuple[Plot, ...]:
    """A plot for every subject with an adapter whose like without one is here too."""
    return tuple(
        _change(base, tuned)
        for tuned in subjects
        if tuned.adapter is not None
        for base in subjects
        if base.adapter is None and _differ_in_adapter_only(base, tuned)
    )


def _differ_in_adapter_only(base: Subject, tuned: Subject) -> bool:
    one, other = base.manifest, tuned.manifest
    bare = {"adapter": None, "tasks": (), "output_path": None, "fresh": False}
    same_data = {data.version for data in one.datasets} == {data.version for data in other.datasets}
    return same_data and one.settings.model_copy(update=bare) == other.settings.model_copy(
        update=bare
    )


def _change(base: Subject, tuned: Subject) -> Plot:
    return _drawn(
        lambda width: before_after(base.name, base.scores, tuned.name, tuned.scores, width=width)
    )


def _drawn(draw: Callable[[int], str]) -> Plot:
    return Plot(wide=draw(PAGE_WIDTH), narrow=draw(NARROW))
