"""From the command line's words to perturbations, and what is wrong with them in one sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mma_eval.errors import UnknownNameError, UsageError
from mma_eval.perturb.audio import SwapAudio
from mma_eval.perturb.base import Perturbation
from mma_eval.perturb.parse import build_perturbation, check_chain, parse_perturbation
from mma_eval.perturb.text import LongContext
from mma_eval.registry import PERTURBATIONS


@pytest.mark.parametrize("name", PERTURBATIONS.names())
def test_every_registered_name_builds_what_it_says(name: str) -> None:
    assert parse_perturbation(name).name == name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("swap_audio", SwapAudio()),
        ("swap_audio:fit=none", SwapAudio(fit="none")),
        (" long_context : tokens = 500 , place=before ", LongContext(tokens=500, place="before")),
        ("long_context:tokens=1_000,unit=words", LongContext(tokens=1000, unit="words")),
    ],
)
def test_parameters_are_read(text: str, expected: Perturbation) -> None:
    assert parse_perturbation(text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("swap_adio", "unknown perturbation 'swap_adio'; did you mean 'swap_audio'?"),
        ("long_context:token=5", "has no parameter 'token'; did you mean 'tokens'?"),
        ("zero_frames:colour=red", "'zero_frames' takes no parameters, got 'colour'"),
        ("long_context:tokens=-5", "tokens=-5: input should be greater than 0"),
        ("long_context:unit=lines", "unit=lines: input should be 'tokens' or 'words'"),
        ("long_context:tokens=[1,2]", r"tokens=[1, 2]: input should be a valid integer"),
        ("long_context:tokens=5,tokens=6", "the parameter 'tokens' is given twice"),
        ("long_context:tokens", "'tokens' is not of the form key=value"),
        ("long_context:", "parameters are missing"),
        ("long_context:tokens={", "the value '{' cannot be read"),
        ("long_context:tokens=2024-13-45", "the value '2024-13-45' cannot be read"),
    ],
)
def test_a_mistake_is_one_sentence(text: str, problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_perturbation(text)
    assert problem in str(caught.value) and "\n" not in str(caught.value)


def test_an_unknown_name_is_told_apart() -> None:
    with pytest.raises(UnknownNameError):
        build_perturbation("swap", {})


@given(st.text(max_size=40))
def test_whatever_is_typed_gives_a_perturbation_or_a_usage_error(text: str) -> None:
    try:
        assert isinstance(parse_perturbation(text), Perturbation)
    except UsageError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("chain", "problem"),
    [
        ("swap_audio swap_audio", "'swap_audio' is given twice"),
        ("caption caption", "'caption' is given twice"),
        ("remove_audio swap_audio", "'swap_audio' comes after 'remove_audio'"),
        ("strip_audio remove_audio", "'remove_audio' comes after 'strip_audio'"),
        ("zero_frames caption strip_video", "'strip_video' comes after 'zero_frames'"),
    ],
)
def test_a_chain_that_cannot_be(chain: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        check_chain([parse_perturbation(name) for name in chain.split()])


@pytest.mark.parametrize(
    "chain",
    ["", "swap_audio remove_audio", "zero_frames strip_audio", "caption long_context zero_frames"],
)
def test_a_chain_that_can_be(chain: str) -> None:
    check_chain([parse_perturbation(name) for name in chain.split()])
