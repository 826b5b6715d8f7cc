"""Shares whose interval knows how many clips the answers are about."""

from __future__ import annotations

import numpy as np
import pytest

from mma_eval.eval.analysis.shares import share_where
from mma_eval.eval.log import SampleRecord
from mma_eval.eval.scorecard import Share
from mma_eval.types import Outcome
from tests.eval.analysis.crowd import record


def right(sample: SampleRecord) -> bool:
    return sample.outcome is Outcome.CORRECT


def questions(hits: np.ndarray) -> list[SampleRecord]:
    """Several questions a clip, right where `hits[clip, question]` is."""
    return [
        record("qa", f"clip{clip}", "audio", "Bird" if hit else "Fire", row=f"{clip}.{question}")
        for clip, row in enumerate(hits)
        for question, hit in enumerate(row)
    ]


def test_one_question_a_clip_has_wilsons_interval() -> None:
    samples = questions(np.arange(20)[:, None] < 7)
    assert share_where(samples, right) == Share.of(7, 20)
    assert share_where(samples[:0], right) is None


def test_answers_about_one_clip_are_no_independent_answers() -> None:
    """Ten clips of twenty questions, all answered alike: ten observations and not two hundred."""
    share = share_where(questions(np.repeat(np.arange(10)[:, None] < 5, 20, axis=1)), right)
    wilson = Share.of(5, 10)
    assert share is not None and wilson is not None
    assert (share.k, share.n, share.rate) == (100, 200, 0.5)
    assert share.low == pytest.approx(wilson.low, abs=0.05)
    assert share.high == pytest.approx(wilson.high, abs=0.05)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """Five questions each about fifty clips, 70 % answered as the clip's first: Wilson fails."""
    draw = np.random.default_rng(5)
    truth, held, by_wilson = 0.4, [], []
    for _ in range(200):
        own, alike = draw.random((50, 5)) < truth, draw.random((50, 5)) < 0.7
        hits = np.where(alike, own[:, :1], own)
        share = share_where(questions(hits), right)
        plain = Share.of(int(hits.sum()), hits.size)
        assert share is not None and plain is not None
        held.append(share.low <= truth <= share.high)
        by_wilson.append(plain.low <= truth <= plain.high)
    assert np.mean(held) >= 0.92
    assert np.mean(by_wilson) < 0.85
