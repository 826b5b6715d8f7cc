"""Captions, filler and option orders: seeded by the sample, whatever else is in the run."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mma_eval.demo.clips import CLASSES as DEMO_CLASSES
from mma_eval.errors import UsageError
from mma_eval.perturb.audio import SwapAudio
from mma_eval.perturb.base import Perturbation, PerturbContext
from mma_eval.perturb.text import Caption, LongContext, ShuffleOptions
from mma_eval.perturb.words import WORDS
from mma_eval.types import NONE_OF_THE_ABOVE, Seeds
from tests.perturb.examples import CLASSES, WordTokenizer, context, sample

NAMES = [f"clip{i}" for i in range(12)]
TEXT = [Caption(), LongContext(tokens=50, unit="words"), ShuffleOptions()]


@pytest.mark.parametrize("perturbation", [SwapAudio(), *TEXT], ids=lambda value: value.name)
@settings(max_examples=20, deadline=None)
@given(order=st.permutations(NAMES), kept=st.integers(1, 12), seed=st.integers(0, 9))
def test_same_seed_same_result_in_any_order_and_under_any_limit(
    perturbation: Perturbation, order: list[str], kept: int, seed: int
) -> None:
    facts = context(seed, NAMES)
    all_of_them = {name: perturbation.apply(sample(name), facts) for name in NAMES}
    some = {name: perturbation.apply(sample(name), facts) for name in order[:kept]}
    assert some == {name: all_of_them[name] for name in some}


@pytest.mark.parametrize("perturbation", TEXT, ids=lambda value: value.name)
def test_text_changes_leave_the_media_alone(perturbation: Perturbation) -> None:
    after = perturbation.apply(sample(), context())
    assert after.media == sample().media and after.labels == sample().labels
    assert after.id == sample().id and after.removed == frozenset()


@pytest.mark.parametrize(
    ("perturbation", "part"), zip(TEXT, ("caption", "filler", "options"), strict=True)
)
def test_each_seed_draws_anew_and_only_its_own_part(perturbation: Perturbation, part: str) -> None:
    draws = {str(getattr(perturbation.apply(sample(), context(s)), part)) for s in range(12)}
    assert len(draws) > 1
    after = perturbation.apply(sample(), context())
    restored = replace(after, perturbations=(), **{part: getattr(sample(), part)})
    assert restored == sample()


def test_results_are_the_same_on_every_machine() -> None:
    facts = context(3)
    assert Caption().apply(sample(), facts).caption == "Bird"
    assert ShuffleOptions().apply(sample(), facts).options == ("Frog", "Cat", "Bird", "Rain", "Dog")
    filler = LongContext(tokens=4, unit="words").apply(sample(), facts).filler
    assert filler is not None and filler.text == "piece able park draft"


@given(st.sampled_from(CLASSES), st.sampled_from(CLASSES), st.integers(0, 99))
def test_a_caption_names_what_is_neither_seen_nor_heard(visual: str, audio: str, seed: int) -> None:
    captioned = Caption().apply(sample(visual=visual, audio=audio), context(seed))
    assert captioned.caption in {*CLASSES} - {visual, audio}


def test_a_caption_for_a_question_set_names_a_wrong_option() -> None:
    question = replace(
        sample(visual=None, audio=None, options=("two", "three", NONE_OF_THE_ABOVE)), answer="two"
    )
    assert Caption().apply(question, PerturbContext()).caption == "three"


def test_a_caption_needs_a_third_class() -> None:
    with pytest.raises(UsageError, match="no class is left for the caption"):
        Caption().apply(sample(visual="Cat", audio="Dog"), PerturbContext(classes=("Cat", "Dog")))


@pytest.mark.parametrize("letters", [1, 3, 100])
@pytest.mark.parametrize("count", [1, 7, 300])
def test_filler_is_cut_to_the_tokenizer(letters: int, count: int) -> None:
    tokenizer = WordTokenizer(letters)
    filler = LongContext(tokens=count).apply(sample(), context(tokenizer=tokenizer)).filler
    assert filler is not None
    assert tokenizer.count(filler.text) == filler.tokens == count
    assert filler.place == "after"
    assert filler.recipe == f"long_context seed=0 sample=clip0/visual unit=tokens count={count}"


def test_filler_by_words_is_the_same_for_every_model() -> None:
    by_words = LongContext(tokens=40, unit="words", place="before")
    with_one, without = (
        by_words.apply(sample(), context(tokenizer=t)).filler for t in (WordTokenizer(2), None)
    )
    assert with_one == without and with_one is not None
    assert len(with_one.text.split()) == 40
    assert (with_one.place, with_one.tokens) == ("before", None)


def test_filler_without_a_tokenizer_says_what_to_do() -> None:
    with pytest.raises(UsageError, match=r"variant that counts words \(TASK@words\)"):
        LongContext().apply(sample(), context())


def test_filler_measures_little_more_than_it_keeps() -> None:
    tokenizer = WordTokenizer()
    for name in NAMES:
        LongContext().apply(sample(name), context(tokenizer=tokenizer))
    assert tokenizer.measured <= 2 * 10_000 * len(NAMES)


def test_filler_names_no_class_of_audioset_or_of_the_demo(shared_folder: Path) -> None:
    with (shared_folder / "audioset/class_labels_indices.csv").open(encoding="utf-8") as file:
        names = [row["display_name"] for row in csv.DictReader(file)]
    taken = {part for name in (*names, *DEMO_CLASSES) for part in re.findall(r"\w+", name.lower())}
    assert not taken & set(WORDS)
    assert len(set(WORDS)) == len(WORDS) == 512


@given(seed=st.integers(0, 50), abstain=st.booleans())
def test_options_are_permuted_with_none_of_the_above_last(seed: int, abstain: bool) -> None:
    options = (*CLASSES, NONE_OF_THE_ABOVE) if abstain else CLASSES
    shuffled = ShuffleOptions().apply(sample(options=options), context(seed)).options
    assert sorted(shuffled) == sorted(options)
    assert not abstain or shuffled[-1] == NONE_OF_THE_ABOVE


def test_only_the_seed_of_its_kind_matters() -> None:
    facts = PerturbContext(Seeds(pairing=5, draw=5, sampling=5), classes=CLASSES)
    for perturbation in TEXT:
        assert perturbation.apply(sample(), facts) == perturbation.apply(sample(), context())
