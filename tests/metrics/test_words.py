"""Folding, plurals and the marks that part clauses and sentences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mma_eval.metrics.words import Gap, fold, same_name, words_of


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("Church_bell", "church bell"),
        ("  **FRYING-food!** ", "frying food"),
        ("the dog’s bark", "the dog bark"),
        ("dogs' barks", "dogs barks"),
        ("isn’t", "isn't"),
        ("Ｂｉｒｄ", "bird"),
        ("Straße", "strasse"),
        ("Cafe\u0301", "caf\u00e9"),
        ("हिन्दी", "हिन्दी"),
        ("...", ""),
        ("", ""),
    ],
)
def test_fold(written: str, folded: str) -> None:
    assert fold(written) == folded


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("bird", "Birds"),
        ("Glass", "glasses"),
        ("bus", "buses"),
        ("Church_bell", "church bells"),
        ("baby", "Babies"),
        ("Movie", "movies"),
        ("horse", "horses"),
        ("potato", "potatoes"),
        ("Mouse", "mice"),
        ("Canidae", "CANIDAE"),
        ("?", " ? "),
    ],
)
def test_same_name(one: str, other: str) -> None:
    assert same_name(one, other) and same_name(other, one)


@pytest.mark.parametrize(
    ("one", "other"), [("Cat", "Cattle"), ("Car", "Care"), ("Bell", "Church_bell"), ("?", "!")]
)
def test_different_names(one: str, other: str) -> None:
    assert not same_name(one, other)


@pytest.mark.parametrize(
    ("text", "gap"),
    [
        ("a bird", Gap.NONE),
        ("a/bird", Gap.NONE),
        ("a_bird", Gap.NONE),
        ("so, bird", Gap.CLAUSE),
        ("so - bird", Gap.CLAUSE),
        ("so (bird", Gap.CLAUSE),
        ("1. bird", Gap.CLAUSE),
        ("B. Bird", Gap.CLAUSE),
        ("Dr. Bird", Gap.CLAUSE),
        ("well... bird", Gap.CLAUSE),
        ("3.5", Gap.NONE),
        ("example.com", Gap.NONE),
        ("so. Bird", Gap.SENTENCE),
        ("so. bird", Gap.SENTENCE),
        ("so.Bird", Gap.SENTENCE),
        ("so! bird", Gap.SENTENCE),
        ("so\nbird", Gap.SENTENCE),
        ("鳥。猫", Gap.SENTENCE),
    ],
)
def test_gap_before_the_second_word(text: str, gap: Gap) -> None:
    assert words_of(text)[1].gap is gap


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(), st.text())
def test_same_name_is_symmetric(one: str, other: str) -> None:
    assert same_name(one, one)
    assert same_name(one, other) == same_name(other, one)
