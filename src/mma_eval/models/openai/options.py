"""Likelihoods of options from a server that tells those of a prompt's tokens (vLLM).

Each option is sent as the whole answer of the model, closed by the chat template, and its tokens
are found behind those of the question alone. Nothing is taken on trust: what stands there must
read as the option and end alike for every option, or there is no score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mma_eval.errors import ModelError
from mma_eval.models.openai.protocol import ChatReply, Json, TokenLikelihood
from mma_eval.types import OptionScore


@dataclass(frozen=True)
class ScoredOption:
    """An option's likelihood, its closing token included, and what that token reads."""

    score: OptionScore
    end: str


def option_body(question: Json, option: str) -> Json:
    """The chat of `question` with `option` as the model's closed answer."""
    answer = {"role": "assistant", "content": option}
    return {
        **question,
        "messages": [*question["messages"], answer],
        "max_tokens": 1,
        "add_generation_prompt": False,
        "prompt_logprobs": 0,
    }


def read_option(reply: ChatReply, option: str, start: int) -> ScoredOption:
    """Log-likelihood of `option`, whose tokens begin behind `start` tokens of the prompt.

    Raises ModelError where the server does not tell it, or tells it of other tokens.
    """
    told = reply.prompt_logprobs
    if told is None:
        raise ModelError(
            "it tells no likelihoods of a prompt's tokens (prompt_logprobs of vLLM); use "
            "--answer-by generate"
        )
    if reply.usage is not None and len(told) != reply.usage.prompt_tokens:
        raise ModelError(
            f"it tells {len(told)} likelihoods of {reply.usage.prompt_tokens} prompt tokens"
        )
    steps = [_only(step) for step in told[start:]]
    read, total = "", 0.0
    for number, step in enumerate(steps):
        if read == option:
            return ScoredOption(
                OptionScore(option, total + step.logprob, number + 1), step.decoded_token
            )
        read += step.decoded_token
        total += step.logprob
        if not option.startswith(read):
            break
    raise ModelError(
        f"the tokens behind the question read {read!r} where the option '{option}' should stand; "
        "use --answer-by generate"
    )


def agreed(scored: Sequence[ScoredOption]) -> tuple[OptionScore, ...]:
    """The scores; raises ModelError where the options do not end in one and the same token."""
    ends = {option.end for option in scored}
    if len(ends) != 1 or not next(iter(ends)).strip():
        listed = ", ".join(repr(end) for end in sorted(ends))
        raise ModelError(
            f"no closing token stands behind the options, but {listed}; use --answer-by generate"
        )
    return tuple(option.score for option in scored)


def _only(step: dict[str, TokenLikelihood] | None) -> TokenLikelihood:
    if step is None or len(step) != 1:
        raise ModelError("it tells the likelihoods of other tokens than those of the prompt")
    return next(iter(step.values()))
