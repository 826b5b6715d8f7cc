"""Places and printed numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mma_eval.report.svg.lettering import shortened, text_width, wrapped
from mma_eval.report.svg.scale import Scale, percent


@pytest.mark.parametrize(("share", "place"), [(0, 100), (0.25, 150), (1, 300), (-1, 100), (2, 300)])
def test_a_share_lies_in_proportion_and_never_outside(share: float, place: float) -> None:
    assert Scale(100, 300)(share) == place


@pytest.mark.parametrize(
    ("share", "printed"), [(0, "0"), (1, "100"), (0.5, "50.0"), (1 / 3, "33.3"), (0.9999, "100.0")]
)
def test_a_rounded_hundred_does_not_look_like_a_true_one(share: float, printed: str) -> None:
    assert percent(share) == printed


@given(st.text(), st.floats(20, 500), st.booleans())
def test_shortened_text_fits_and_begins_as_the_whole(text: str, room: float, bold: bool) -> None:
    short = shortened(text, room, 12, bold=bold)
    assert text_width(short, 12, bold=bold) <= room
    assert short == text or text.startswith(short.removesuffix("…"))


@given(st.lists(st.text("abc", min_size=1, max_size=6), max_size=20))
def test_wrapped_lines_fit_and_lose_no_word(words: list[str]) -> None:
    lines = wrapped(" ".join(words), 90, 12)
    assert all(text_width(line, 12) <= 90 for line in lines)
    assert " ".join(lines).split() == words
