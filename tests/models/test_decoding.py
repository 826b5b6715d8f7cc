"""Choosing tokens: what transformers' processors choose, and draws that batching cannot change."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from mma_eval.models.local.decoding import TokenChooser, penalised, sampled
from mma_eval.types import Generate


def scores(seed: int = 0, size: int = 50) -> torch.Tensor:
    return 3 * torch.randn(size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("penalty", [0.8, 1.3])
def test_penalty_is_that_of_transformers(penalty: float) -> None:
    from transformers import RepetitionPenaltyLogitsProcessor

    seen = [3, 7, 7, 20]
    expected = RepetitionPenaltyLogitsProcessor(penalty)(torch.tensor([seen]), scores()[None])[0]
    assert torch.equal(penalised(scores(), set(seen), penalty), expected)


@pytest.mark.parametrize("top_p", [0.05, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.0])
def test_nucleus_is_that_of_transformers(top_p: float, temperature: float) -> None:
    from transformers import TopPLogitsWarper

    kept = TopPLogitsWarper(top_p)(None, scores()[None] / temperature)[0] > -torch.inf
    grid = [(step + 0.5) / 4000 for step in range(4000)]
    drawn = {sampled(scores(), temperature, top_p, uniform) for uniform in grid}
    assert drawn <= set(kept.nonzero().flatten().tolist())
    likely = (scores() / temperature).softmax(-1) * kept
    assert {int(i) for i in (likely / likely.sum() > 1 / 1000).nonzero()} <= drawn


def test_draws_follow_the_distribution() -> None:
    logits = torch.tensor([0.5, 0.3, 0.2]).log()
    drawn = [sampled(logits, 1.0, 1.0, (step + 0.5) / 100) for step in range(100)]
    assert [drawn.count(token) for token in range(3)] == [50, 30, 20]


def test_greedy_needs_no_chooser_of_its_own() -> None:
    assert TokenChooser(Generate(), (), "a").plain
    assert not TokenChooser(Generate(repetition_penalty=1.1), (), "a").plain
    assert not TokenChooser(Generate(temperature=1.0), (), "a").plain


def test_streams_belong_to_seed_and_question() -> None:
    def draws(name: str, seed: int = 0) -> list[int]:
        chooser = TokenChooser(replace(Generate(temperature=1.0), seed=seed), (), name)
        return [chooser.choose(scores(step)) for step in range(20)]

    assert draws("a") == draws("a")
    assert draws("a") != draws("b")
    assert draws("a") != draws("a", seed=1)
