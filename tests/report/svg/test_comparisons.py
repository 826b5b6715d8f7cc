"""Attribution, classes, and one set of numbers against another."""

from __future__ import annotations

import re

import pytest

from mma_eval.models.card import Reported
from mma_eval.report.svg.attribution import attribution
from mma_eval.report.svg.before_after import before_after
from mma_eval.report.svg.grouped_bars import Bar, BarGroup, grouped_bars
from mma_eval.report.svg.heat_map import class_heat_map
from mma_eval.report.svg.reported_comparison import reported_comparison
from mma_eval.types import NONE_OF_THE_ABOVE, Attribution
from tests.report.svg.picture import Picture
from tests.report.svg.scores import class_table, scores_of, task


def _place(share: float, axis: tuple[float, float]) -> float:
    return axis[0] + share * (axis[1] - axis[0])


def test_segments_are_as_long_as_their_counts() -> None:
    named = {Attribution.OTHER_MODALITY: 30, Attribution.NOTHING: 20}
    picture = Picture(
        attribution("m", scores_of(task("misalign_audio", right=50, attribution=named)))
    )
    lengths = {
        role: sum(
            float(bar.attrib["width"])
            for bar in picture.shapes("misalign_audio", "rect", f"fill-{role}")
            if bar.attrib["height"] == "18"
        )
        for role in ("correct", "other-modality", "nothing")
    }
    # A segment ends one pixel before the next.
    whole = (lengths["correct"] + 1) / 0.5
    assert lengths["other-modality"] + 1 == pytest.approx(0.3 * whole, abs=0.05)
    assert lengths["nothing"] + 1 == pytest.approx(0.2 * whole, abs=0.05)
    assert {"50", "30", "20", "100"} <= set(picture.texts)


def test_the_legend_has_only_what_occurs() -> None:
    named = {Attribution.CAPTION: 10, Attribution.REMOVED: 0}
    scores = scores_of(task("misleading_caption_audio", right=90, attribution=named))
    texts = Picture(attribution("m", scores)).texts
    assert "caption" in texts
    assert "removed stream" not in texts


def test_wrong_answers_that_nothing_attributes_are_not_lost() -> None:
    texts = Picture(attribution("m", scores_of(task("aligned_audio", right=90)))).texts
    assert "wrong, not attributed" in texts
    assert "10" in texts


def test_a_task_without_answers_says_so() -> None:
    assert "no answers" in Picture(attribution("m", scores_of(task("aligned_audio", n=0)))).texts


def test_classes_come_hardest_first_and_gaps_are_hatched() -> None:
    tables = (
        class_table("aligned_visual", {"Bird": 9, "Cat": 1, "Door": 5, NONE_OF_THE_ABOVE: 0}),
        class_table("aligned_audio", {"Bird": 9, "Cat": 2}),
    )
    tasks = (task("aligned_visual"), task("aligned_audio"))
    picture = Picture(class_heat_map("m", scores_of(*tasks, classes=tables)))
    labels = ("Bird", "Cat", "Door", NONE_OF_THE_ABOVE)
    assert [text for text in picture.texts if text in labels] == [
        "Cat",
        "Door",
        "Bird",
        NONE_OF_THE_ABOVE,
    ]
    assert picture.tasks == ["aligned_visual", "aligned_audio"]
    assert picture.tooltips("aligned_audio") == [
        "Cat: 2 of 10",
        "Door: no sample",
        "Bird: 9 of 10",
        f"{NONE_OF_THE_ABOVE}: no sample",
    ]
    assert len(picture.shapes("aligned_audio", "rect", "fill-missing")) == 2
    assert not picture.shapes("aligned_visual", "rect", "fill-missing")
    for number in ("90", "10", "50", "20"):
        assert number in picture.texts


def test_sixty_one_classes_by_eighteen_tasks_fit_a_phone_and_a_page() -> None:
    names = [f"family{at}_{ask}" for at in range(9) for ask in ("visual", "audio")]
    labels = {f"Vehicle horn, car horn, honking {at}": at % 11 for at in range(61)}
    scores = scores_of(
        *map(task, names), classes=tuple(class_table(name, labels) for name in names)
    )
    for width in (340, 720):
        picture = Picture(class_heat_map("m", scores, width=width))
        assert sum(len(picture.tooltips(name)) for name in names) == 61 * 18
        assert all(box.right <= width for box in picture.boxes())
        sizes = [
            float(e.attrib["font-size"]) for e in picture.root.iter() if "font-size" in e.attrib
        ]
        assert min(sizes) >= 11


def test_measured_and_reported_stand_on_one_scale_with_their_difference() -> None:
    reported = [Reported(task="misalign_audio", metric="accuracy", value=25.0, source="Paper")]
    scores = scores_of(task("misalign_audio", right=20), task("misalign_visual", right=80))
    picture = Picture(reported_comparison("m", scores, reported))
    axis = picture.scale()
    (dot,) = picture.shapes("misalign_audio", "circle", "fill-audio")
    (tick,) = picture.shapes("misalign_audio", "rect", "line-reported")
    middle = float(tick.attrib["x"]) + float(tick.attrib["width"]) / 2
    assert float(dot.attrib["cx"]) == pytest.approx(_place(0.2, axis), abs=0.01)
    assert middle == pytest.approx(_place(0.25, axis), abs=0.01)
    assert "−5.0" in picture.texts
    assert picture.tasks == ["misalign_audio"]


def test_before_and_after_stand_on_one_scale_with_their_difference() -> None:
    before = scores_of(task("misalign_audio", right=20), task("frames_zeroed_visual", leak=60))
    after = scores_of(
        task("misalign_audio", right=65),
        task("frames_zeroed_visual", leak=15),
        task("aligned_audio", right=90),
    )
    picture = Picture(before_after("m", before, "m + lora", after))
    axis = picture.scale()
    (first,) = picture.shapes("misalign_audio", "circle", "fill-before")
    (second,) = picture.shapes("misalign_audio", "circle", "fill-after")
    assert float(first.attrib["cx"]) == pytest.approx(_place(0.2, axis), abs=0.01)
    assert float(second.attrib["cx"]) == pytest.approx(_place(0.65, axis), abs=0.01)
    assert {"+45.0", "20.0 → 65.0", "−45.0", "60.0 → 15.0"} <= set(picture.texts)
    assert picture.tasks == ["misalign_audio", "frames_zeroed_visual"]


def test_a_task_that_changed_its_kind_of_number_is_not_compared() -> None:
    before, after = scores_of(task("a_visual", right=20)), scores_of(task("a_visual", leak=60))
    assert Picture(before_after("m", before, "n", after)).tasks == []


def test_what_was_measured_and_reported_of_one_series_stands_together() -> None:
    bars = tuple(
        Bar(series, 0.5, reported=reported)
        for reported in (False, True)
        for series in ("aligned", "misaligned")
    )
    texts = Picture(grouped_bars("t", [BarGroup("one", (), bars)])).texts
    assert [text for text in texts if "aligned" in text] == [
        "aligned",
        "aligned, reported",
        "misaligned",
        "misaligned, reported",
    ]


def test_bars_begin_at_zero_and_end_at_their_value_and_reported_ones_are_hatched() -> None:
    bars = (Bar("aligned", 0.75, 0.7, 0.8), Bar("aligned", 0.8, reported=True))
    svg = grouped_bars("t", [BarGroup("one", bars, ()), BarGroup("two", bars[:1], ())])
    picture = Picture(svg)
    zero, hundred = picture.scale()
    found = [
        shape
        for shape in picture.root.iter()
        if shape.attrib.get("class") == "fill-visual" and "height" in shape.attrib
    ]
    assert [float(bar.attrib["x"]) for bar in found] == [pytest.approx(zero, abs=0.01)] * 3
    lengths = [float(bar.attrib["width"]) for bar in found]
    assert lengths == pytest.approx([s * (hundred - zero) for s in (0.75, 0.8, 0.75)], abs=0.01)
    # One bar and its entry in the legend.
    assert len(re.findall(r"fill=\"url\(#", svg)) == 2
    assert "aligned, reported" in picture.texts
