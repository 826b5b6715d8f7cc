"""Choosing the next token as transformers' `generate` does, one row and one random stream each."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from mma_eval.seeded import SeededStream
from mma_eval.types import Generate


class TokenChooser:
    """Chooses tokens for one answer and remembers what its penalty has to know.

    Greedy at temperature 0. Otherwise one draw a token from a stream of the row's own, made from
    the request's seed and the row's name, so that the result is the same in any batch.
    `prompt` includes media placeholders, which transformers penalises like any other token.
    """

    def __init__(self, request: Generate, prompt: Sequence[int], name: str) -> None:
        self._request = request
        self._seen = set(prompt) if request.repetition_penalty != 1.0 else None
        self._draws = SeededStream(request.seed, "sampling", name) if request.sampled else None

    @property
    def plain(self) -> bool:
        """Whether the best logit simply wins."""
        return self._seen is None and self._draws is None

    def choose(self, logits: torch.Tensor) -> int:
        """The next token from logits `[vocabulary]`."""
        scores = logits.float()
        if self._seen is not None:
            scores = penalised(scores, self._seen, self._request.repetition_penalty)
        token = int(scores.argmax()) if self._draws is None else self._sample(scores)
        if self._seen is not None:
            self._seen.add(token)
        return token

    def _sample(self, scores: torch.Tensor) -> int:
        assert self._draws is not None
        uniform = self._draws.bits() / 2**64
        return sampled(scores, self._request.temperature, self._request.top_p, uniform)


def penalised(scores: torch.Tensor, seen: set[int], penalty: float) -> torch.Tensor:
    """Scores with those of tokens already seen divided by `penalty`, or multiplied if negative.

    `RepetitionPenaltyLogitsProcessor` of transformers (CTRL, arXiv 1909.05858).
    """
    ids = torch.tensor(sorted(seen), device=scores.device)
    before = scores[ids]
    return scores.index_put((ids,), torch.where(before < 0, before * penalty, before / penalty))


def sampled(scores: torch.Tensor, temperature: float, top_p: float, uniform: float) -> int:
    """The token at `uniform` (in [0, 1)) of the nucleus, most likely token first.

    The nucleus is the shortest head of the ranking whose probability reaches `top_p`.
    """
    probabilities = (scores.double() / temperature).softmax(-1).cpu()
    ranked, tokens = probabilities.sort(descending=True, stable=True)
    reached = ranked.cumsum(-1)
    kept = max(1, int((reached - ranked < top_p).sum()))
    reached = reached[:kept]
    place = int(torch.searchsorted(reached, uniform * reached[-1], right=True))
    return int(tokens[min(place, kept - 1)])
