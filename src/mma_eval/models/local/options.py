"""Log-likelihood of every option of a question, in one forward over a tree of their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from mma_eval.models.local.prefix import Prefix, PrefixEngine

Tokens = tuple[int, ...]


@dataclass(frozen=True)
class Node:
    """A token that some option passes through; `parent` -1 is the end of the question."""

    token: int
    parent: int
    depth: int


@dataclass(frozen=True)
class Scored:
    """Sum of log-probabilities of an option's tokens, and how many they are."""

    log_likelihood: float
    tokens: int


class OptionTree:
    """The distinct beginnings of some options.

    The last token of an option is predicted and never fed, so it needs no node of its own.
    """

    def __init__(self, options: Sequence[Tokens]) -> None:
        self.nodes: list[Node] = []
        self._index: dict[Tokens, int] = {(): -1}
        for option in options:
            for depth in range(1, len(option)):
                self._add(option[:depth])

    def _add(self, beginning: Tokens) -> None:
        if beginning in self._index:
            return
        parent = self._index[beginning[:-1]]
        self._index[beginning] = len(self.nodes)
        self.nodes.append(Node(beginning[-1], parent, len(beginning) - 1))

    def steps(self, option: Tokens) -> list[tuple[int, int]]:
        """For each token of an option, the node that predicts it (-1: the question) and its id."""
        return [(self._index[option[:depth]], token) for depth, token in enumerate(option)]

    def ancestry(self) -> torch.Tensor:
        """bool `[nodes, nodes]`: which nodes each one may attend to, itself included."""
        allowed = torch.eye(len(self.nodes), dtype=torch.bool)
        for index, node in enumerate(self.nodes):
            if node.parent >= 0:
                allowed[index] |= allowed[node.parent]
        return allowed


def score_options(
    engine: PrefixEngine, prefix: Prefix, suffix: Tokens, options: Sequence[Tokens], end: int
) -> list[Scored]:
    """Log-likelihood of each option as the whole answer to the question `suffix`.

    The end token `end` is part of every option. Without it an option that begins another one
    ("Dog", "Dog barking") could never score below it, and what was measured would be how an
    answer starts, not what it is. `Scored.tokens` counts the end token too.
    """
    whole = [(*option, end) for option in options]
    tree = OptionTree(whole)
    with torch.inference_mode():
        log_probabilities = _tree_log_probabilities(engine, prefix, suffix, tree)
    return [_sum(log_probabilities, tree, option) for option in whole]


def score_options_one_by_one(
    engine: PrefixEngine, prefix: Prefix, suffix: Tokens, options: Sequence[Tokens], end: int
) -> list[Scored]:
    """The same numbers with one plain forward per option.

    For kernels that take no mask of our own making (flash attention), and as the reference mode.
    """
    scores = []
    for option in options:
        whole = (*option, end)
        with torch.inference_mode():
            hidden = _fed(engine, prefix, (*suffix, *option), keep=len(whole))
            log_probabilities = engine.head(hidden).float().log_softmax(-1)
        total = sum(float(log_probabilities[place, token]) for place, token in enumerate(whole))
        scores.append(Scored(total, len(whole)))
    return scores


def _fed(engine: PrefixEngine, prefix: Prefix, ids: Tokens, keep: int) -> torch.Tensor:
    """Hidden states `[keep, width]` of the last tokens of `ids`, fed in chunks over a fork."""
    cache, hidden = prefix.fork(1), []
    for start in range(0, len(ids), engine.chunk):
        piece = torch.tensor([ids[start : start + engine.chunk]])
        positions = prefix.next_position + start + torch.arange(piece.shape[1])[None]
        hidden.append(engine.feed(cache, piece, positions, None)[0])
        hidden = [torch.cat(hidden)[-keep:]]
    return hidden[0]


def _tree_log_probabilities(
    engine: PrefixEngine, prefix: Prefix, suffix: Tokens, tree: OptionTree
) -> torch.Tensor:
    """`[1 + nodes, vocabulary]`: row 0 after the question, row 1 + i after node i."""
    cache = prefix.fork(1)
    tail_start = max(0, len(suffix) - engine.chunk)
    for start in range(0, tail_start, engine.chunk):
        end = min(start + engine.chunk, tail_start)
        positions = prefix.next_position + torch.arange(start, end)[None]
        engine.feed(cache, torch.tensor([suffix[start:end]]), positions, None)
    tail = suffix[tail_start:]
    ids = torch.tensor([[*tail, *(node.token for node in tree.nodes)]])
    after = len(suffix)
    positions = prefix.next_position + torch.tensor(
        [[*range(tail_start, after), *(after + node.depth for node in tree.nodes)]]
    )
    mask = _tree_mask(prefix.length + tail_start, len(tail), tree)
    hidden = engine.feed(cache, ids, positions, _bias(mask, engine))
    return engine.head(hidden[0, len(tail) - 1 :]).float().log_softmax(-1)


def _tree_mask(before: int, tail: int, tree: OptionTree) -> torch.Tensor:
    """bool `[tail + nodes, before + tail + nodes]`: causal text, then branches apart."""
    nodes = len(tree.nodes)
    allowed = torch.zeros(tail + nodes, before + tail + nodes, dtype=torch.bool)
    allowed[:, :before] = True
    allowed[:tail, before : before + tail] = torch.ones(tail, tail, dtype=torch.bool).tril()
    allowed[tail:, before : before + tail] = True
    allowed[tail:, before + tail :] = tree.ancestry()
    return allowed


def _bias(allowed: torch.Tensor, engine: PrefixEngine) -> torch.Tensor:
    """An additive mask `[1, 1, queries, keys]`: the form that both sdpa and eager take."""
    dtype = engine.decoder.dtype
    bias = torch.zeros(allowed.shape, dtype=dtype)
    return bias.masked_fill(~allowed, torch.finfo(dtype).min)[None, None].to(engine.device)


def _sum(log_probabilities: torch.Tensor, tree: OptionTree, option: Tokens) -> Scored:
    steps = tree.steps(option)
    total = sum(float(log_probabilities[1 + node, token]) for node, token in steps)
    return Scored(total, len(option))
