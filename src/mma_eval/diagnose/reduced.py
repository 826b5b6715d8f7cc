"""Attention of a few tokens to all others, reduced to streams while the layers run.

What is kept is one row per head and layer, `[H, K]`, never the `[H, Q, K]` of a layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from mma_eval.diagnose.layer_calls import AtLayer, LayerCall, at_every_layer
from mma_eval.diagnose.measured import STREAMS, StreamAttention
from mma_eval.errors import ModelError
from mma_eval.models.local.fed_prompt import Span
from mma_eval.models.local.prefix import Prefix, PrefixEngine

ROWS_AT_ONCE_BYTES = 64 * 2**20
"""Of float32 attention that exists at a time."""


@dataclass
class RowMean:
    """The mean attention of the tokens at `start <= place < stop`, of every layer that comes by."""

    start: int
    stop: int
    sums: dict[int, torch.Tensor] = field(default_factory=dict)
    """Layer to `[H, stop]`, float32: sums over the rows that have come by."""

    def __call__(self, call: LayerCall) -> torch.Tensor | None:
        start, stop = max(self.start, call.first), min(self.stop, call.tokens)
        for rows in attention_rows(call, start, stop):
            made = rows.sum(1)
            if call.layer not in self.sums:
                heads = call.query.shape[1]
                self.sums[call.layer] = made.new_zeros(heads, self.stop)
            self.sums[call.layer][:, : made.shape[1]] += made[:, : self.stop]
        return call.mask

    def reduced(self, places: Sequence[Span]) -> StreamAttention:
        """By stream; tokens after the last of `places` are text."""
        streams = torch.zeros(self.stop, dtype=torch.long)
        for span in places:
            if span.stream not in STREAMS:
                raise ModelError(f"attention to '{span.stream}' tokens belongs to no one stream")
            streams[span.start : span.stop] = STREAMS.index(span.stream)
        members = torch.nn.functional.one_hot(streams, len(STREAMS)).double()
        mass, squares = [], []
        for _, sums in sorted(self.sums.items()):
            mean = sums.double().cpu() / (self.stop - self.start)
            mass.append(mean @ members)
            squares.append(mean.square() @ members)
        return StreamAttention(
            torch.stack(mass).numpy(),
            torch.stack(squares).numpy(),
            members.sum(0).long().numpy(),
        )


@dataclass
class LayerRows:
    """Attention in one layer of the tokens at `start <= place < stop`, mean over heads."""

    layer: int
    start: int
    stop: int
    parts: list[torch.Tensor] = field(default_factory=list)

    def __call__(self, call: LayerCall) -> torch.Tensor | None:
        if call.layer == self.layer:
            start, stop = max(self.start, call.first), min(self.stop, call.tokens)
            for rows in attention_rows(call, start, stop):
                unseen = (0, self.stop - rows.shape[-1])
                self.parts.append(torch.nn.functional.pad(rows.mean(0).cpu(), unseen))
        return call.mask

    @property
    def rows(self) -> torch.Tensor:
        """`[stop - start, stop]`, float32."""
        return torch.cat(self.parts)


def attention_rows(call: LayerCall, start: int, stop: int) -> Iterator[torch.Tensor]:
    """Softmax attention float32 `[H, rows, K]` of the tokens at `start <= place < stop`, in parts.

    Computed as the layer does, from its own queries and keys.
    """
    heads, groups = call.query.shape[1], call.key.shape[1]
    at_once = max(1, ROWS_AT_ONCE_BYTES // (4 * heads * call.tokens))
    keys = call.key[0].float().transpose(1, 2)
    for begin in range(start, stop, at_once):
        end = min(begin + at_once, stop)
        query = call.query[0, :, begin - call.first : end - call.first].float()
        shared = query.reshape(groups, -1, query.shape[-1])
        scores = (shared @ keys).reshape(heads, end - begin, call.tokens) * call.scaling
        yield (scores + call.bias(begin, end)).softmax(-1)


def attention_to_streams(
    engine: PrefixEngine, prefix: Prefix, text: Sequence[int], places: Sequence[Span], rows: range
) -> StreamAttention:
    """Mean attention of the tokens at `rows`, which lie in the `text` ids that follow `prefix`.

    `places` are the spans of the prompt.
    """
    mean = RowMean(rows.start, rows.stop)
    watched(engine, prefix, text, mean)
    return mean.reduced(places)


def watched(engine: PrefixEngine, prefix: Prefix, text: Sequence[int], work: AtLayer) -> None:
    """Feed the `text` ids that follow `prefix`, with `work` at every layer."""
    with torch.inference_mode(), at_every_layer(engine.decoder, work):
        engine.ask(prefix, [tuple(text)])


def whole_prompt_attention(
    decoder: Any, inputs: dict[str, Any], places: Sequence[Span], rows: range
) -> StreamAttention:
    """The same from one forward of `decoder(**inputs)` over a whole prompt."""
    mean = RowMean(rows.start, rows.stop)
    with torch.inference_mode(), at_every_layer(decoder, mean):
        decoder(**inputs, use_cache=False)
    return mean.reduced(places)
