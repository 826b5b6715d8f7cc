"""Denied names do not count as named."""

from __future__ import annotations

import pytest

from mma_eval.metrics.extract import read_option

OPTIONS = ("Bird", "Cat", "Dog", "Church_bell")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("not a cat", []),
        ("There is no dog", []),
        ("This isn't a bird", []),
        ("This isn’t a bird", []),
        ("I cannot hear a dog", []),
        ("I don't think it is a dog", []),
        ("neither a cat nor a dog", []),
        ("It is neither a cat, nor a dog.", []),
        ("not a cat or a dog", []),
        ("not a cat, a dog, or a bird", []),
        ("no cats and dogs", []),
        ("the absence of a bird", []),
        ("a clip without any cat", []),
        ("The dog is not visible", []),
        ("The dog cannot be heard", []),
    ],
)
def test_everything_denied(text: str, named: list[str]) -> None:
    assert list(read_option(text, OPTIONS).mentioned) == named


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("not a cat but a dog", "Dog"),
        ("not a cat, a dog", "Dog"),
        ("It is not a cat, it is a dog", "Dog"),
        ("a dog, not a cat", "Dog"),
        ("a dog rather than a cat", "Dog"),
        ("a dog instead of a cat", "Dog"),
        ("Instead of a cat, a dog", "Dog"),
        ("Unlike a cat, this dog barks", "Dog"),
        ("No dog and a cat is heard", "Cat"),
        ("No, it's a dog", "Dog"),
        ("No it is a dog", "Dog"),
        ("No doubt a dog", "Dog"),
        ("I am not sure, but it sounds like a dog", "Dog"),
        ("The dog is not a cat", "Dog"),
        ("The dog is not barking loudly", "Dog"),
        ("The cat is not visible but the dog is", "Dog"),
        ("not the church bells; a dog", "Dog"),
        ("I note a dog", "Dog"),
    ],
)
def test_what_is_left_standing(text: str, named: str) -> None:
    assert read_option(text, OPTIONS).option == named


def test_a_negator_inside_an_option_denies_nothing() -> None:
    options = ("Yes", "No", "No music")
    assert read_option("No", options).option == "No"
    assert read_option("No music", options).option == "No music"
    assert read_option("no, the dog is not there", options).option == "No"
