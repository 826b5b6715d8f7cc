"""A whole prompt as a decoder is fed it, and where text, picture and sound stand in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

import torch

from mma_eval.models.local.prefix import Deepstack, fed_layers

Stream = Literal["text", "video", "audio", "joint"]
"""What a token comes of; `joint` where picture and sound share it."""


@dataclass(frozen=True)
class Span:
    """The tokens `start <= place < stop`, all of one stream."""

    stream: Stream
    start: int
    stop: int


@dataclass(frozen=True)
class FedPrompt:
    """One question's prompt without a shared prefix, to where the answer begins."""

    embeddings: torch.Tensor
    """`[1, P, width]`, free for gradients."""
    positions: torch.Tensor
    """`[1, P]`, or `[3, 1, P]` on three axes."""
    spans: tuple[Span, ...]
    """All P tokens, in order."""
    deepstack: Deepstack | None = None

    @property
    def inputs(self) -> dict[str, Any]:
        """Arguments of the decoder, `engine.decoder(**fed.inputs)`."""
        more = {} if self.deepstack is None else fed_layers(self.deepstack)
        return {"inputs_embeds": self.embeddings, "position_ids": self.positions, **more}

    def places(self, stream: Stream) -> torch.Tensor:
        """bool `[P]`: the tokens of one stream."""
        found = torch.zeros(self.embeddings.shape[1], dtype=torch.bool)
        for span in self.spans:
            if span.stream == stream:
                found[span.start : span.stop] = True
        return found


def spans(lengths: Iterable[tuple[Stream, int]]) -> tuple[Span, ...]:
    """Spans of stretches that follow one another; neighbours of one stream are joined."""
    found: list[Span] = []
    start = 0
    for stream, stretch in groupby(lengths, key=lambda one: one[0]):
        stop = start + sum(length for _, length in stretch)
        if stop > start:
            found.append(Span(stream, start, stop))
        start = stop
    return tuple(found)


def followed_by(positions: torch.Tensor, text: Sequence[int]) -> torch.Tensor:
    """`positions` `[..., P]` and those of the text ids after them."""
    after = positions.flatten()[-1] + 1 + torch.arange(len(text), device=positions.device)
    return torch.cat((positions, after.expand(*positions.shape[:-1], -1)), dim=-1)
