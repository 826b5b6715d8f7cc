"""The picture of a training: what was logged is what is drawn."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mma_eval.report.svg.training_curves import _round_up, training_curves
from mma_eval.train.curves import CurvePoint

NAMESPACE = "{http://www.w3.org/2000/svg}"


def point(step: int, **numbers: float) -> CurvePoint:
    return CurvePoint(step=step, epoch=step / 10, seconds=float(step), **numbers)


COURSE = (
    point(0, aligned_visual=0.9, swapped_audio=0.0),
    point(1, loss=2.0),
    point(2, loss=1.0),
    point(4, loss=0.25, aligned_visual=1.0, swapped_audio=0.75),
)


def lines(picture: str) -> list[list[tuple[float, float]]]:
    """The corners of every line drawn."""
    root = ElementTree.fromstring(picture)
    found = []
    for line in root.iter(f"{NAMESPACE}polyline"):
        pairs = (pair.split(",") for pair in line.attrib["points"].split())
        found.append([(float(x), float(y)) for x, y in pairs])
    return found


def test_loss_and_accuracies_are_lines_over_steps() -> None:
    loss, aligned, swapped = lines(training_curves(COURSE, title="Tuning"))
    assert [len(loss), len(aligned), len(swapped)] == [3, 2, 2]
    assert loss[0][1] < loss[1][1] < loss[2][1], "down the page as the loss falls"
    first, last = swapped
    assert first[1] > last[1], "up the page as answers get better"
    assert loss[2][0] == swapped[1][0] == aligned[1][0], "the same step stands at the same place"


def test_numbers_are_said_to_those_who_do_not_see_them() -> None:
    picture = training_curves(COURSE, title="Tuning <b>")
    assert "loss: 2 at step 1, 0.25 at step 4" in picture
    assert "swapped sound, what is heard: 0 at step 0, 0.75 at step 4" in picture
    assert "<b>" not in picture


def test_a_training_without_validation_shows_its_loss_alone() -> None:
    assert len(lines(training_curves([point(1, loss=1.0), point(2, loss=0.5)], title="T"))) == 1


def test_a_training_without_steps_says_so() -> None:
    picture = training_curves([point(0, aligned_visual=0.5)], title="T")
    assert "No step has been trained yet." in picture


@given(st.floats(min_value=1e-9, max_value=1e9))
def test_an_axis_ends_at_a_round_number_above(value: float) -> None:
    end = _round_up(value)
    assert value <= end * (1 + 1e-12)
    assert end <= 2.5 * value * (1 + 1e-9)
    assert f"{end:.0e}"[0] in "125"


@pytest.mark.parametrize(("value", "end"), [(0.03, 0.05), (1.0, 1.0), (1.2, 2.0), (7.0, 10.0)])
def test_round_ends(value: float, end: float) -> None:
    assert _round_up(value) == pytest.approx(end)
