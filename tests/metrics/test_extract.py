"""Reading an option from an answer: the published answers, prose, and arbitrary text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mma_eval.errors import UsageError
from mma_eval.metrics.choice import judge
from mma_eval.metrics.extract import (
    Hint,
    after_final_answer,
    check_options,
    read_first_mention,
    read_option,
)
from mma_eval.types import NONE_OF_THE_ABOVE, Labels, Outcome

OPTIONS = (
    "Bird",
    "Cat",
    "Dog",
    "Bell",
    "Church_bell",
    "Glass",
    "Frying_food",
    "Brass_instrument",
    "Bowed_string_instrument",
    "Vehicle horn, car horn, honking",
    "C++ (code)",
)


def option(text: str) -> str | None:
    """The option read, None where the answer is ambiguous or unparsed."""
    return read_option(text, OPTIONS).option


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def test_agrees_with_every_published_answer(clips_folder: Path) -> None:
    manifest = lines(clips_folder / "manifest.jsonl")
    published = lines(clips_folder / "published_answers.jsonl")
    labels = {row[key] for row in manifest for key in ("visual_label", "audio_label")}
    options = sorted(labels | {row["target"] for row in published} | {"Applause"})
    assert len(published) == 9
    for row in published:
        judgement = judge(
            read_option(row["answer"], options),
            target=row["target"],
            labels=Labels(None, None),
            ask="visual" if row["question"] == "visual" else "audio",
            caption=None,
            removed=(),
        )
        assert (judgement.outcome is Outcome.CORRECT) == row["published_as_correct"], row


def test_reads_what_the_published_answers_name() -> None:
    assert option("Bird If you have any other questions about the audio content, feel free!") == (
        "Bird"
    )
    assert option("Bird What do you think about that?") == "Bird"
    assert option("Brass_instrument What do you think about the audio content?") == (
        "Brass_instrument"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Bird", "Bird"),
        ("birds.", "Bird"),
        ("**Church bells**", "Church_bell"),
        ("It is a CHURCH_BELL.", "Church_bell"),
        ("glasses", "Glass"),
        ("Frying-food", "Frying_food"),
        ("vehicle horn car horn honking", "Vehicle horn, car horn, honking"),
        ("C++ (code)", "C++ (code)"),
        ("\n\nCat\nDog", "Cat"),
        ("1. Bird", "Bird"),
        ("- Bird", "Bird"),
        ("Answer: dog", "Dog"),
        ("The class is a bird. A cat is heard, too.", "Bird"),
        ("Bird Is there a cat you want to ask about?", "Bird"),
        ("Bird What do you think cats sound like?", "Bird"),
        ("the dog's bark", "Dog"),
    ],
)
def test_one_option(text: str, expected: str) -> None:
    reading = read_option(text, OPTIONS)
    assert (reading.outcome_hint, reading.option) == (Hint.OPTION, expected)


@pytest.mark.parametrize(
    ("text", "mentioned"),
    [
        ("Bird and cat", ("Bird", "Cat")),
        ("cat/dog", ("Cat", "Dog")),
        ("A bell, a church bell", ("Bell", "Church_bell")),
        ("Bird Is Singing With A Cat", ("Bird", "Cat")),
        ("not only a dog but a cat", ("Dog", "Cat")),
        ("None of the above, but maybe a bird", (NONE_OF_THE_ABOVE, "Bird")),
    ],
)
def test_several_options_are_ambiguous(text: str, mentioned: tuple[str, ...]) -> None:
    reading = read_option(text, OPTIONS)
    assert (reading.outcome_hint, reading.option) == (Hint.AMBIGUOUS, None)
    assert reading.mentioned == mentioned


@pytest.mark.parametrize("text", ["", "  \n", "...", "Cattle", "Birdsong", "I see. A bird", "🐶"])
def test_nothing_is_unparsed(text: str) -> None:
    assert read_option(text, OPTIONS).outcome_hint is Hint.UNPARSED


@pytest.mark.parametrize(
    "text", ["None of the above", "none of the above.", "I'd say: none of these.", "None"]
)
def test_declining_is_abstained_offered_or_not(text: str) -> None:
    for options in (OPTIONS, (*OPTIONS, "None_of_the_above")):
        reading = read_option(text, options)
        assert reading.outcome_hint is Hint.ABSTAINED
        assert reading.option == (
            "None_of_the_above" if options[-1][0] == "N" else "None of the above"
        )


def test_an_option_called_none_is_an_option() -> None:
    reading = read_option("None", ("None", "One", "Two"))
    assert (reading.outcome_hint, reading.option) == (Hint.OPTION, "None")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Reasoning about a cat.\nFinal Answer: Bird", "Bird"),
        ("Final Answer: Cat. No wait. **final answer:** bird", "Bird"),
        ("**Final Answer**: **Bird**", "Bird"),
        ("Final Answer:\n\nBird", "Bird"),
        ("Final Answer: <Bird>", "Bird"),
        ("final_answer: <class>Bird</class>", "Bird"),
        ("Final Answer：Bird", "Bird"),
        ("I think it is a bird.", None),
        ("Bird. Final Answer:", None),
    ],
)
def test_final_answer(text: str, expected: str | None) -> None:
    assert read_option(text, OPTIONS, mode="final_answer").option == expected


def test_what_follows_the_final_answer() -> None:
    assert after_final_answer("no marker") is None
    assert after_final_answer("Final Answer: a Final Answer: b") == " b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is not a cat. It is a dog.", "Cat"),
        ("I hear it clearly. A dog!", "Dog"),
        ("Church bells and a bird", "Church_bell"),
        ("none of the above", "None of the above"),
        ("nothing", None),
        ("", None),
    ],
)
def test_first_mention(text: str, expected: str | None) -> None:
    assert read_first_mention(text, OPTIONS) == expected


def test_options_that_fold_to_the_same_name_are_refused() -> None:
    with pytest.raises(UsageError, match=r"'Bird' and 'birds'"):
        check_options(["Bird", "Cat", "birds"])
    with pytest.raises(UsageError, match=r"'\?'"):
        read_option("Bird", ["Bird", "?"])


@given(
    st.sampled_from(OPTIONS),
    st.sampled_from([str.upper, str.lower, str.title, str.swapcase, str]),
    st.sampled_from([" ", "_", "-", " _ "]),
    st.text(alphabet="*\"'`.!_ \n#>", max_size=4),
    st.text(alphabet="*\"'`.!_ \n#<", max_size=4),
)
def test_an_exact_option_reads_back_under_any_dress(
    name: str, case: type[str], space: str, before: str, after: str
) -> None:
    dressed = before + case(name).replace("_", space) + after
    assert option(dressed) == name


@given(
    st.text(max_size=200)
    | st.lists(st.sampled_from([*OPTIONS, "not", ",", ".", "or"])).map(" ".join)
)
def test_any_text_has_a_reading(text: str) -> None:
    reading = read_option(text, OPTIONS)
    assert (reading.option is not None) == (len(reading.mentioned) == 1)
    assert (reading.outcome_hint is Hint.AMBIGUOUS) == (len(reading.mentioned) > 1)
    if reading.option is not None:
        assert read_first_mention(text, OPTIONS) is not None


@given(
    st.lists(st.sampled_from([*OPTIONS, "not a", "no", ",", "or", "a", "the", "and"]), max_size=8)
)
def test_case_and_underscores_do_not_matter(parts: list[str]) -> None:
    text = " ".join(parts)
    assert read_option(text, OPTIONS) == read_option(text.casefold().replace("_", " "), OPTIONS)
