"""One stream hidden from later tokens in some layers, by an additive mask in those layers alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from mma_eval.diagnose.blocks import Block
from mma_eval.diagnose.layer_calls import LayerCall, at_every_layer
from mma_eval.models.local.fed_prompt import FedPrompt
from mma_eval.models.local.group_answers import GroupAnswerer, PreparedGroup, Prompt
from mma_eval.models.local.prefix import Prefix, PrefixEngine
from mma_eval.types import Answer


@dataclass(frozen=True)
class HiddenStream:
    """What a block hides in one prompt; tokens after the prompt see as its last one does."""

    layers: range
    hidden: torch.Tensor
    """bool `[P]`: the tokens of the stream."""
    viewers: torch.Tensor
    """bool `[P]`: the tokens that may not see them."""

    def __call__(self, call: LayerCall) -> torch.Tensor | None:
        if call.layer not in self.layers:
            return call.mask
        hidden = _stretched(self.hidden, call.tokens, False)
        viewers = _stretched(self.viewers, call.tokens, True)[call.first :]
        if not hidden.any() or not viewers.any():
            return call.mask
        device, dtype = call.query.device, call.query.dtype
        shut = (viewers[:, None] & hidden[None]).to(device)
        least = torch.finfo(dtype).min
        bias = call.bias(call.first, call.tokens).clamp(min=least).masked_fill(shut, least)
        return bias.to(dtype)[None, None]


def _stretched(places: torch.Tensor, tokens: int, later: bool) -> torch.Tensor:
    """`places` of the first `tokens` tokens; those after its end are `later`."""
    return torch.cat((places[:tokens], places.new_full((max(0, tokens - len(places)),), later)))


def hidden_stream(block: Block, fed: FedPrompt) -> HiddenStream:
    """What `block` hides in a prompt."""
    hidden = fed.places(block.stream)
    if block.viewers == "everything":
        return HiddenStream(block.layers, hidden, ~hidden)
    viewers = torch.arange(len(hidden)) >= after_media(fed)
    return HiddenStream(block.layers, hidden, viewers)


def after_media(fed: FedPrompt) -> int:
    """The place of the first token after the last one of any media."""
    return max((span.stop for span in fed.spans if span.stream != "text"), default=0)


@dataclass(frozen=True)
class OpenPrompt:
    """One question of a group, ready to be asked again and again."""

    prepared: PreparedGroup
    prefix: Prefix
    """The group's head as it is, nothing blocked."""
    prompt: Prompt
    fed: FedPrompt
    """The prompt whole."""


def blocked_answer(answerer: GroupAnswerer[Any], asked: OpenPrompt, block: Block | None) -> Answer:
    """The answer under `block`, or without one; what the model raises is raised."""
    prefix, prompt = asked.prefix, asked.prompt
    with _blocking(answerer.engine, block, asked.fed):
        if block is not None and block.viewers == "everything":
            prefix = answerer.prefill(asked.prepared)
        whole = to_last_token(answerer.engine, prefix, asked.fed, prompt)
        last = Prompt(prompt.question, prompt.suffix[-1:], prompt.tokens)
        (answer,) = answerer.replies(whole, [last])
    return answer


@contextmanager
def _blocking(engine: PrefixEngine, block: Block | None, fed: FedPrompt) -> Iterator[None]:
    if block is None:
        yield
        return
    with at_every_layer(engine.decoder, hidden_stream(block, fed)):
        yield


def to_last_token(engine: PrefixEngine, head: Prefix, fed: FedPrompt, prompt: Prompt) -> Prefix:
    """All of a prompt but its last token, of which `head` gives what comes up to the media's end.

    The text after the media is fed anew, since a block may change what it sees.
    """
    start, last = after_media(fed), fed.embeddings.shape[1] - 1
    cache = head.fork(1)
    if surplus := head.length - start:
        cache.crop(-surplus)
    with torch.inference_mode():
        for begin in range(start, last, engine.chunk):
            end = min(begin + engine.chunk, last)
            engine.decoder(
                inputs_embeds=fed.embeddings[:, begin:end],
                position_ids=fed.positions[..., begin:end].to(engine.device),
                past_key_values=cache,
                use_cache=True,
            )
    place = fed.positions[..., last].flatten()[-1].item()
    return Prefix((*head.ids, *prompt.suffix[:-1]), cache, place)
