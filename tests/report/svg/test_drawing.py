"""Text stays text, numbers are places, and plots do not get into each other's way."""

from __future__ import annotations

import re

import pytest

from mma_eval.report.svg.drawing import Drawing
from mma_eval.report.svg.palette import INK, MISSING, SOURCES
from mma_eval.types import Attribution
from tests.report.svg.picture import Picture
from tests.report.svg.scores import HOSTILE


def drawn(words: str, *, room: float | None = None) -> str:
    drawing = Drawing(200, words, words)
    with drawing.marked(words, words):
        drawing.text(10, 20, words, room=room)
        drawing.rect(10, 30, 50, 10, SOURCES[Attribution.CAPTION])
        drawing.rect(10, 50, 50, 10, MISSING)
    return drawing.finish(80)


def test_markup_in_a_text_is_shown_and_not_obeyed() -> None:
    svg = drawn(HOSTILE)
    picture = Picture(svg)
    readable = (
        HOSTILE.replace("\x00", "\ufffd").replace("\x1b", "\ufffd").replace("\ud800", "\ufffd")
    )
    assert picture.texts == [readable]
    assert picture.tasks == [readable]
    assert picture.root.attrib["aria-label"] == readable
    assert "<script" not in svg
    assert svg.count("</svg>") == 1


def test_a_plot_names_and_describes_itself() -> None:
    root = Picture(drawn("A title")).root
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == "A title"
    described = next(
        e for e in root.iter() if e.attrib.get("id") == root.attrib["aria-describedby"]
    )
    assert described.text == "A title"


def test_ids_of_different_plots_differ_and_every_reference_has_its_target() -> None:
    ids = []
    for words in ("one", "two"):
        svg = drawn(words)
        found = re.findall(r' id="([^"]+)"', svg)
        assert len(found) == len(set(found)) == 3
        assert set(re.findall(r"url\(#([^)]+)\)", svg)) < set(found)
        ids += found
    assert len(set(ids)) == 6


def test_the_same_drawing_has_the_same_bytes() -> None:
    assert drawn("one") == drawn("one")


def test_a_text_without_room_is_shortened_and_whole_in_its_tooltip() -> None:
    words = "a class with quite a long name"
    svg = drawn(words, room=80)
    shown = Picture(svg).texts[0]
    assert shown.endswith("…")
    assert words.startswith(shown[:-1])
    assert f"<title>{words}</title>" in svg


@pytest.mark.parametrize("place", [float("nan"), float("inf")])
def test_what_is_no_place_is_refused(place: float) -> None:
    with pytest.raises(ValueError, match="no coordinate"):
        Drawing(100, "", "").line(0, place, 1, 1, INK)
