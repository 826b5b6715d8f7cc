"""What holds for every plot, whatever the numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mma_eval import evaluate
from mma_eval.eval.score import is_control
from mma_eval.eval.scorecard import ClassTable, RunScores, TaskScore
from mma_eval.models.card import Reported
from mma_eval.report.svg.attribution import attribution
from mma_eval.report.svg.before_after import before_after
from mma_eval.report.svg.drawing import NARROW, WIDE
from mma_eval.report.svg.grouped_bars import Bar, BarGroup, grouped_bars
from mma_eval.report.svg.heat_map import class_heat_map
from mma_eval.report.svg.profile import profile
from mma_eval.report.svg.reported_comparison import reported_comparison
from mma_eval.types import Attribution
from tests.report.svg.picture import Picture
from tests.report.svg.scores import HOSTILE, class_table, scores_of, task

Plot = Callable[[str, RunScores, int], str]

FAMILIES = ("aligned", "misalign", "frames_zeroed", "misleading_caption", "abstention", "custom")


def _reported(scores: RunScores) -> list[Reported]:
    # A card refuses what is no Unicode.
    source = HOSTILE.replace("\ud800", "")
    return [
        Reported(task=score.task, metric=metric, value=41.5, source=source)
        for score in scores.tasks
        for metric in ("accuracy", "leak")
    ]


def _bars(name: str, scores: RunScores, width: int) -> str:
    bars = tuple(
        Bar(score.task, score.accuracy.rate, score.accuracy.low, score.accuracy.high, score.n > 50)
        for score in scores.tasks
        if score.accuracy
    )
    return grouped_bars(name, [BarGroup(name, bars, bars[::2])], notes=[name], width=width)


PLOTS: dict[str, Plot] = {
    "profile": lambda name, scores, width: profile(
        name, scores, reported=_reported(scores), width=width
    ),
    "attribution": lambda name, scores, width: attribution(name, scores, width=width),
    "heat map": lambda name, scores, width: class_heat_map(name, scores, width=width),
    "reported": lambda name, scores, width: reported_comparison(
        name, scores, _reported(scores), width=width
    ),
    "before and after": lambda name, scores, width: before_after(
        name, scores, name + "+", scores, width=width
    ),
    "bars": _bars,
}


@st.composite
def _tasks(draw: st.DrawFn) -> list[TaskScore]:
    names = draw(
        st.lists(
            st.tuples(
                st.sampled_from(FAMILIES) | st.text(max_size=40),
                st.sampled_from(("visual", "audio", "visual@before", "other")),
            ),
            unique=True,
            max_size=8,
        )
    )
    tasks = []
    for family, asked in names:
        n = draw(st.integers(0, 700))
        right = draw(st.integers(0, n))
        named = draw(st.integers(0, n - right))
        source = draw(st.sampled_from(Attribution))
        leak = right if draw(st.booleans()) else None
        tasks.append(
            task(
                f"{family}_{asked}",
                right=0 if leak is not None else right,
                leak=leak,
                n=n,
                chance=draw(st.none() | st.floats(0, 1)),
                attribution={source: named},
            )
        )
    return tasks


@st.composite
def scores(draw: st.DrawFn) -> RunScores:
    tasks = draw(_tasks())
    tables: list[ClassTable] = []
    for score in tasks:
        if score.accuracy:
            labels = st.dictionaries(st.text(max_size=30), st.integers(0, 10), max_size=5)
            tables.append(class_table(score.task, draw(labels)))
    return scores_of(*tasks, classes=tuple(tables))


@pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS)
@pytest.mark.parametrize("width", [WIDE, NARROW])
@settings(max_examples=30)
@given(scores=scores(), name=st.text(max_size=60))
def test_everything_drawn_lies_inside(plot: Plot, width: int, scores: RunScores, name: str) -> None:
    picture = Picture(plot(name, scores, width))
    wide, high = picture.size
    assert wide == width
    for box in picture.boxes():
        assert box.left >= 0
        assert box.top >= 0
        assert box.right <= wide + 0.01
        assert box.bottom <= high + 0.01


@pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS)
def test_hostile_names_stay_text(plot: Plot) -> None:
    name = f"{HOSTILE}_visual"
    hostile = scores_of(task(name, right=40), classes=(class_table(name, {HOSTILE: 3, "Bird": 5}),))
    svg = plot(HOSTILE, hostile, WIDE)
    assert Picture(svg).texts
    assert "<script" not in svg
    assert svg.count("<svg") == svg.count("</svg>") == 1


@pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS)
def test_no_number_is_drawn_as_a_sentence(plot: Plot) -> None:
    picture = Picture(plot("nobody", scores_of(), NARROW))
    assert picture.tasks == []
    assert len(picture.texts) >= 2


@pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS)
def test_the_same_numbers_give_the_same_bytes(plot: Plot) -> None:
    numbers = scores_of(
        task("aligned_visual", right=40), classes=(class_table("aligned_visual", {"Bird": 3}),)
    )
    assert plot("a", numbers, WIDE) == plot("a", numbers, WIDE)


@pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS)
def test_no_plot_fetches_or_runs_anything(plot: Plot) -> None:
    numbers = scores_of(
        task("aligned_visual", right=40), classes=(class_table("aligned_visual", {"Bird": 3}),)
    )
    root = Picture(plot("a", numbers, WIDE)).root
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert not tags & {"script", "style", "image", "use", "foreignObject", "a"}
    values = [value for element in root.iter() for value in element.attrib.values()]
    assert not any("http" in value or "javascript" in value for value in values)


def test_every_task_of_a_real_run_is_drawn_but_controls(manifest: Path, tmp_path: Path) -> None:
    run = evaluate(
        "mock",
        "mma_bench,-long_context*",
        dataset=manifest,
        output_path=tmp_path,
        model_args={"behaviour": "first"},
    )
    assert run.scores is not None
    names = {score.task for score in run.scores.tasks}
    shown = {name for name in names if not is_control(name)}
    assert shown < names
    assert set(Picture(profile("mock", run.scores)).tasks) == shown
    assert set(Picture(attribution("mock", run.scores)).tasks) == shown
    assert set(Picture(before_after("mock", run.scores, "again", run.scores)).tasks) == shown
