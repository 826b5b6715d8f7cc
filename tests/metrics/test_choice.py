"""Right, wrong and why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mma_eval.metrics.choice import Judgement, best_option, ill_posed, judge, likelihood_reading
from mma_eval.metrics.extract import Hint, Reading, reading_of
from mma_eval.types import (
    NONE_OF_THE_ABOVE,
    Ask,
    Attribution,
    Labels,
    OptionScore,
    Outcome,
)

SEEN_DOG_HEARD_CAT = Labels(visual="Dog", audio="Cat")
DOG_ONLY = Labels(visual="Dog", audio="Dog")


def judged(
    named: str,
    *,
    target: str = "Cat",
    labels: Labels = SEEN_DOG_HEARD_CAT,
    ask: Ask = "audio",
    caption: str | None = None,
    removed: tuple[str, ...] = (),
) -> tuple[Outcome, Attribution | None]:
    judgement = judge(
        reading_of((named,)),
        target=target,
        labels=labels,
        ask=ask,
        caption=caption,
        removed=removed,
    )
    return judgement.outcome, judgement.attribution


def test_correct_whatever_the_spelling() -> None:
    assert judged("cats") == (Outcome.CORRECT, None)


@pytest.mark.parametrize(
    ("ask", "target", "other"), [("audio", "Cat", "Dog"), ("visual", "Dog", "Cat")]
)
def test_other_modality(ask: Ask, target: str, other: str) -> None:
    outcome = judged(other, target=target, ask=ask)
    assert outcome == (Outcome.WRONG, Attribution.OTHER_MODALITY)


def test_other_modality_needs_a_conflict() -> None:
    assert judged("Bird", target="Dog", labels=DOG_ONLY) == (
        Outcome.WRONG,
        Attribution.OTHER_OPTION,
    )


def test_caption_comes_before_the_other_modality() -> None:
    assert judged("Dog", caption="dog") == (Outcome.WRONG, Attribution.CAPTION)
    assert judged("Dog", caption="Bird") == (Outcome.WRONG, Attribution.OTHER_MODALITY)


def test_a_removed_stream_is_not_the_other_modality() -> None:
    assert judged("Dog", removed=("visual",)) == (Outcome.WRONG, Attribution.REMOVED)


def test_naming_what_was_removed_instead_of_declining() -> None:
    removed = {"target": NONE_OF_THE_ABOVE, "labels": DOG_ONLY, "removed": ("audio",)}
    assert judged("Dog", **removed) == (Outcome.WRONG, Attribution.REMOVED)  # type: ignore[arg-type]
    assert judged("Bird", **removed) == (Outcome.WRONG, Attribution.OTHER_OPTION)  # type: ignore[arg-type]
    assert judged(NONE_OF_THE_ABOVE, **removed) == (Outcome.CORRECT, None)  # type: ignore[arg-type]


def test_declining_an_answerable_question() -> None:
    assert judged(NONE_OF_THE_ABOVE) == (Outcome.ABSTAINED, Attribution.ABSTENTION)


def test_an_ill_posed_question_has_no_right_answer() -> None:
    assert ill_posed("audio", ("audio",), "Dog")
    assert not ill_posed("visual", ("audio",), "Dog")
    assert not ill_posed("audio", ("audio",), "none_of_the_above")
    assert judged("Dog", target="Dog", labels=DOG_ONLY, removed=("audio",)) == (
        Outcome.WRONG,
        Attribution.REMOVED,
    )


def test_a_question_about_both_streams_has_no_other_modality() -> None:
    assert judged("Dog", target="Yes", ask="both") == (Outcome.WRONG, Attribution.OTHER_OPTION)


@pytest.mark.parametrize(
    ("hint", "outcome", "attribution"),
    [
        (Hint.AMBIGUOUS, Outcome.AMBIGUOUS, Attribution.SEVERAL_OPTIONS),
        (Hint.UNPARSED, Outcome.UNPARSED, Attribution.NOTHING),
    ],
)
def test_unreadable(hint: Hint, outcome: Outcome, attribution: Attribution) -> None:
    judgement = judge(
        Reading(hint), target="Cat", labels=DOG_ONLY, ask="audio", caption=None, removed=()
    )
    assert judgement == Judgement(outcome, None, attribution)


def test_best_option_is_the_likeliest_sum_and_the_first_of_equals() -> None:
    cat, dog = OptionScore("Cat", -2.0, 1), OptionScore("Dog", -3.0, 9)
    assert best_option([dog, cat]) == "Cat"
    assert best_option([replace(dog, log_likelihood=-2.0), cat]) == "Dog"
    assert likelihood_reading([cat, dog]).outcome_hint is Hint.OPTION
    with pytest.raises(ValueError, match="no option"):
        best_option([])
