"""Letters picked from a lettered list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mma_eval.metrics.extract import Hint
from mma_eval.metrics.letters import read_letter

OPTIONS = ("Cat", "Dog", "Bird", "None of the above")


PLAIN = ["B", "b", "(B)", "(b)", "B.", "B)", "**B**", "It must be [B]", "Option B"]
ANNOUNCED = ["The answer is B", "the answer is (B) because (A) is off", "Answer: B"]
FINAL = ["Final Answer: B", "Reasons for A.\nFinal Answer: **B**"]
WITH_WORDS = ["B. Dog", "B: Dog", "B) Dog\nbecause of the cat"]
WORDS_ONLY = ["Dog", "A dog is barking", "I, for one, hear a dog"]


@pytest.mark.parametrize("text", [*PLAIN, *ANNOUNCED, *FINAL, *WITH_WORDS, *WORDS_ONLY])
def test_second_option(text: str) -> None:
    assert read_letter(text, OPTIONS).option == "Dog"


@pytest.mark.parametrize("text", ["A or B", "A, B", "Both (A) and (B)", "B. Cat", "cat and dog"])
def test_several(text: str) -> None:
    assert read_letter(text, OPTIONS).outcome_hint is Hint.AMBIGUOUS


@pytest.mark.parametrize("text", ["", "E", "(Z)", "hm"])
def test_nothing(text: str) -> None:
    assert read_letter(text, OPTIONS).outcome_hint is Hint.UNPARSED


def test_declining_by_letter() -> None:
    assert read_letter("D", OPTIONS).outcome_hint is Hint.ABSTAINED


@given(st.text())
def test_any_text_has_a_reading(text: str) -> None:
    read_letter(text, OPTIONS)
