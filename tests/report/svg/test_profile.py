"""The profile: each mark where its number says."""

from __future__ import annotations

import pytest

from mma_eval.eval.scorecard import AbstentionSummary, Share
from mma_eval.metrics.intervals import wilson
from mma_eval.models.card import Reported
from mma_eval.report.svg.drawing import NARROW, WIDE
from mma_eval.report.svg.profile import profile
from tests.report.svg.picture import Picture
from tests.report.svg.scores import scores_of, task

SCORES = scores_of(
    task("aligned_visual", right=80),
    task("aligned_audio", right=60),
    task("misalign_visual", right=75, chance=0.25),
    task("misalign_audio", right=20),
    task("frames_zeroed_visual", leak=45),
    task("frames_zeroed_audio", right=50),
)
PANELS = {"visual": 0, "audio": 1}


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize(
    ("name", "rate"), [("aligned_visual", 0.8), ("misalign_audio", 0.2), ("misalign_visual", 0.75)]
)
def test_a_dot_and_its_interval_lie_at_their_numbers(name: str, rate: float, width: int) -> None:
    picture = Picture(profile("m", SCORES, width=width))
    ask = name.rpartition("_")[2]
    zero, hundred = picture.scale(PANELS[ask])
    (dot,) = picture.shapes(name, "circle", f"fill-{ask}")
    assert float(dot.attrib["cx"]) == pytest.approx(zero + rate * (hundred - zero), abs=0.01)
    interval = wilson(round(100 * rate), 100)
    (line,) = (
        shape
        for shape in picture.shapes(name, "line", f"line-{ask}")
        if "stroke-dasharray" not in shape.attrib
    )
    for end, share in (("x1", interval.low), ("x2", interval.high)):
        place = zero + share * (hundred - zero)
        assert float(line.attrib[end]) == pytest.approx(place, abs=0.01)


def test_aligned_accuracy_and_chance_are_lines_in_each_row() -> None:
    picture = Picture(profile("m", SCORES))
    zero, hundred = picture.scale(0)
    (aligned,) = (
        shape
        for shape in picture.shapes("misalign_visual", "line", "line-visual")
        if "stroke-dasharray" in shape.attrib
    )
    (chance,) = picture.shapes("misalign_visual", "line", "line-muted")
    assert float(aligned.attrib["x1"]) == pytest.approx(zero + 0.8 * (hundred - zero), abs=0.01)
    assert float(chance.attrib["x1"]) == pytest.approx(zero + 0.25 * (hundred - zero), abs=0.01)


def test_a_leak_is_hollow_and_named_and_has_no_aligned_line() -> None:
    picture = Picture(profile("m", SCORES))
    assert len(picture.shapes("frames_zeroed_visual", "polygon", "fill-paper line-visual")) == 1
    assert not picture.shapes("frames_zeroed_visual", "circle", "fill-visual")
    assert len(picture.shapes("frames_zeroed_visual", "line", "line-visual")) == 1
    assert picture.texts.count("leak") == 1
    assert any("lower is better" in text for text in picture.texts)


def test_declining_has_nothing_to_fall_from() -> None:
    share = Share.of(70, 100)
    declining = AbstentionSummary(
        task="abstention_visual",
        recall=share,
        false_abstention=None,
        false_aligned=None,
        false_irrelevant=None,
        balanced_accuracy=None,
    )
    tasks = (task("aligned_visual", right=80), task("abstention_visual", right=70))
    scores = scores_of(*tasks).model_copy(update={"abstentions": (declining,)})
    lines = Picture(profile("m", scores)).shapes("abstention_visual", "line", "line-visual")
    assert [line.attrib.get("stroke-dasharray") for line in lines] == [None]


def test_rows_keep_the_order_of_the_tasks_and_print_every_value() -> None:
    picture = Picture(profile("m", SCORES))
    words = [text for text in picture.texts if text in ("aligned", "misalign", "frames_zeroed")]
    assert words == ["aligned", "misalign", "frames_zeroed"]
    for value in ("80.0", "60.0", "75.0", "20.0", "45.0", "50.0"):
        assert value in picture.texts


def test_a_published_number_is_set_against_the_same_kind_of_number_only() -> None:
    reported = [
        Reported(task="misalign_audio", metric="accuracy", value=25.0, source="Paper, Table 3"),
        Reported(task="frames_zeroed_visual", metric="accuracy", value=45.0, source="Blog"),
        Reported(task="long_context_audio", metric="accuracy", value=34.0, source="Elsewhere"),
    ]
    picture = Picture(profile("m", SCORES, reported=reported))
    zero, hundred = picture.scale(1)
    (tick,) = picture.shapes("misalign_audio", "rect", "line-reported")
    middle = float(tick.attrib["x"]) + float(tick.attrib["width"]) / 2
    assert middle == pytest.approx(zero + 0.25 * (hundred - zero), abs=0.01)
    assert not picture.shapes("frames_zeroed_visual", "rect", "line-reported")
    assert "Reported: Paper, Table 3." in picture.texts


def test_a_task_without_a_score_says_so() -> None:
    picture = Picture(profile("m", scores_of(task("aligned_visual", n=0))))
    assert "not scored" in picture.texts
    assert not picture.shapes("aligned_visual", "circle", "fill")


def test_a_task_that_names_no_modality_is_drawn_all_the_same() -> None:
    odd = task("my_own", right=30).model_copy(update={"ask": None})
    picture = Picture(profile("m", scores_of(task("aligned_audio", right=9), odd)))
    zero, hundred = picture.scale(1)
    (dot,) = picture.shapes("my_own", "circle", "fill-both")
    assert float(dot.attrib["cx"]) == pytest.approx(zero + 0.3 * (hundred - zero), abs=0.01)
