"""Encode once, ask many: one prefill of a shared prompt head, forked for a batch of questions.

Works on any transformers decoder that takes `inputs_embeds`, `position_ids` on one axis or three,
a 2-D `attention_mask` and a `DynamicCache` of full-attention layers. Positions are always explicit:
the `rope_deltas` that such models keep belong to whichever clip was seen last.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch

from mma_eval.models.local.decoding import TokenChooser
from mma_eval.types import Generate

Finish = Literal["stop", "length", "timeout"]

LONG_TOKENS = 1024
LONG_RATIO = 4.0


@dataclass(frozen=True)
class Prefix:
    """The shared head of some prompts: its ids, its keys and values, where the text goes on."""

    ids: tuple[int, ...]
    """What a repetition penalty sees of the head; embedded media have no ids."""
    cache: Any
    next_position: int | float
    """Position of the token after the head, the same on all axes."""

    @property
    def length(self) -> int:
        """Tokens in the head, embedded media included."""
        return int(self.cache.get_seq_length())

    def fork(self, rows: int) -> Any:
        """A cache of `rows` rows over the same keys and values.

        Nothing is copied here, and growing the fork never touches the original.
        """
        forked = copy.copy(self.cache)
        forked.layers = [_expanded(layer, rows) for layer in self.cache.layers]
        return forked


@dataclass(frozen=True)
class Deepstack:
    """Visual features that are added to the hidden states after the first decoder layers."""

    places: torch.Tensor
    """bool `[1, P]`: the visual tokens of a prompt head."""
    layers: tuple[torch.Tensor, ...]
    """One `[visual tokens, width]` for each of those layers."""


@dataclass(frozen=True)
class Row:
    """One question on a prefix: the ids that follow it, and how to answer."""

    ids: tuple[int, ...]
    request: Generate
    name: str
    """Names the row's own random stream, so that batching cannot change what is sampled."""


@dataclass(frozen=True)
class Generated:
    """What was decoded for one row, without the token that ended it."""

    ids: tuple[int, ...]
    finish: Finish


@dataclass
class PrefixEngine:
    """Prefill, fork and batched decoding on one decoder.

    `decoder` is the language model without its head, `embed` its token embedding, `head` maps
    hidden states to logits. `chunk` bounds how many question tokens go through at once.
    """

    decoder: Any
    embed: Callable[[torch.Tensor], torch.Tensor]
    head: Callable[[torch.Tensor], torch.Tensor]
    stop_ids: frozenset[int]
    pad_id: int
    device: torch.device
    chunk: int = 1024
    clock: Callable[[], float] = field(default=time.monotonic)
    axes: Literal[1, 3] = 3
    """Of the decoder's positions: three in multimodal rotary embeddings, else one."""
    stop_sequences: tuple[tuple[int, ...], ...] = ()
    """Several tokens that together end an answer."""

    def prefill(
        self,
        ids: Sequence[int],
        embeddings: torch.Tensor,
        positions: torch.Tensor,
        deepstack: Deepstack | None = None,
    ) -> Prefix:
        """Keys and values of a prompt head.

        `embeddings` are `[1, P, width]`, `positions` `[1, P]`, or `[3, 1, P]` on three axes.
        """
        from transformers import DynamicCache

        cache = DynamicCache(config=self.decoder.config)
        with torch.inference_mode():
            self.decoder(
                inputs_embeds=embeddings.to(self.device),
                position_ids=positions.to(self.device),
                past_key_values=cache,
                use_cache=True,
                **({} if deepstack is None else fed_layers(deepstack)),
            )
        return Prefix(tuple(ids), cache, positions.flatten()[-1].item() + 1)

    def generate(
        self, prefix: Prefix, rows: Sequence[Row], deadline: float | None = None
    ) -> list[Generated]:
        """Text for every row, as one batch; finished rows drop out of it.

        Rows that are unfinished when the clock passes `deadline` end with `timeout`.
        """
        with torch.inference_mode():
            batch = self.ask(prefix, [row.ids for row in rows])
            return self._decode(prefix, batch, rows, deadline)

    def ask(self, prefix: Prefix, suffixes: Sequence[tuple[int, ...]]) -> Batch:
        """Feed every suffix over its own fork; the batch then holds the next-token logits.

        Shorter suffixes are padded on the left: a mask hides the padding and every token has its
        true position, so padding changes nothing.
        """
        rows, width, head = len(suffixes), max(map(len, suffixes)), prefix.length
        ids = torch.full((rows, width), self.pad_id)
        mask = torch.ones(rows, head + width, dtype=torch.long)
        positions = torch.zeros(rows, width, dtype=torch.tensor(prefix.next_position).dtype)
        for index, suffix in enumerate(suffixes):
            padding = width - len(suffix)
            ids[index, padding:] = torch.tensor(suffix)
            mask[index, head : head + padding] = 0
            positions[index, padding:] = prefix.next_position + torch.arange(len(suffix))
        batch = Batch(
            cache=prefix.fork(rows),
            mask=mask.to(self.device),
            padded=len(set(map(len, suffixes))) > 1,
            next_position=positions[:, -1].to(self.device) + 1,
            logits=torch.empty(0),
        )
        for start in range(0, width, self.chunk):
            end = min(start + self.chunk, width)
            hidden = self.feed(
                batch.cache,
                ids[:, start:end],
                positions[:, start:end],
                batch.mask[:, : head + end] if batch.padded else None,
            )
        batch.logits = self.head(hidden[:, -1])
        return batch

    def feed(
        self,
        cache: Any,
        ids: torch.Tensor,
        positions: torch.Tensor,
        mask: torch.Tensor | None,
    ) -> torch.Tensor:
        """Hidden states of `ids` `[B, n]` at text `positions` `[B, n]`, appended to `cache`."""
        placed = positions.to(self.device)
        made = self.decoder(
            inputs_embeds=self.embed(ids.to(self.device)),
            attention_mask=mask,
            position_ids=placed.expand(3, *placed.shape) if self.axes == 3 else placed,
            past_key_values=cache,
            use_cache=True,
        )
        hidden: torch.Tensor = made.last_hidden_state
        return hidden

    def _decode(
        self, prefix: Prefix, batch: Batch, rows: Sequence[Row], deadline: float | None
    ) -> list[Generated]:
        choosers = [TokenChooser(row.request, (*prefix.ids, *row.ids), row.name) for row in rows]
        written: list[list[int]] = [[] for _ in rows]
        finish: list[Finish] = ["length"] * len(rows)
        alive = list(range(len(rows)))
        while True:
            chosen = _choose([choosers[index] for index in alive], batch.logits)
            late = deadline is not None and self.clock() > deadline
            going = []
            for place, index in enumerate(alive):
                if chosen[place] in self.stop_ids:
                    finish[index] = "stop"
                    continue
                written[index].append(chosen[place])
                ending = self._ending(written[index])
                if ending:
                    del written[index][-ending:]
                    finish[index] = "stop"
                    continue
                if len(written[index]) >= rows[index].request.max_new_tokens:
                    continue
                if late:
                    finish[index] = "timeout"
                    continue
                going.append(place)
            if not going:
                break
            if len(going) < len(alive):
                batch.keep(going)
                alive = [alive[place] for place in going]
            self._step(batch, [chosen[place] for place in going])
        return [Generated(tuple(ids), end) for ids, end in zip(written, finish, strict=True)]

    def _ending(self, written: list[int]) -> int:
        """Tokens of the stop sequence that `written` ends with, 0 where there is none."""
        ends = (len(s) for s in self.stop_sequences if tuple(written[-len(s) :]) == s)
        return next(ends, 0)

    def _step(self, batch: Batch, chosen: list[int]) -> None:
        """Feed one token per row."""
        batch.mask = torch.cat((batch.mask, batch.mask.new_ones(len(chosen), 1)), dim=1)
        ids = torch.tensor(chosen)[:, None]
        mask = batch.mask if batch.padded else None
        hidden = self.feed(batch.cache, ids, batch.next_position[:, None], mask)
        batch.logits = self.head(hidden[:, -1])
        batch.next_position = batch.next_position + 1


@dataclass
class Batch:
    """Questions in the midst of decoding."""

    cache: Any
    mask: torch.Tensor
    """`[B, tokens in the cache]`, 0 where a row has padding."""
    padded: bool
    """Whether any row has; without, the kernels need no mask."""
    next_position: torch.Tensor
    logits: torch.Tensor
    """`[B, vocabulary]` of the next token."""

    def keep(self, rows: list[int]) -> None:
        """Drop every row but these."""
        chosen = torch.tensor(rows, device=self.mask.device)
        self.cache.batch_select_indices(chosen)
        self.mask = self.mask[chosen]
        self.padded = self.padded and not bool(self.mask.all())
        self.next_position = self.next_position[chosen]


def sub_batches(lengths: Sequence[int], size: int) -> list[list[int]]:
    """Indices of questions to run together: at most `size`, and long ones apart.

    Padding every question to the length of one with a long context would multiply its cost.
    """
    order = sorted(range(len(lengths)), key=lambda index: (lengths[index], index))
    middle = lengths[order[(len(order) - 1) // 2]] if order else 0
    limit = min(LONG_TOKENS, LONG_RATIO * middle)
    short = [index for index in order if lengths[index] <= limit]
    long = [index for index in order if lengths[index] > limit]
    return [*_split(short, size), *_split(long, size)]


def _split(indices: list[int], size: int) -> Iterable[list[int]]:
    return [sorted(indices[start : start + size]) for start in range(0, len(indices), size)]


def _choose(choosers: Sequence[TokenChooser], logits: torch.Tensor) -> list[int]:
    if all(chooser.plain for chooser in choosers):
        best: list[int] = logits.argmax(-1).tolist()
        return best
    return [chooser.choose(row) for chooser, row in zip(choosers, logits, strict=True)]


def fed_layers(deepstack: Deepstack) -> dict[str, Any]:
    """The arguments under which transformers' decoders take these features."""
    return {
        "visual_pos_masks": deepstack.places,
        "deepstack_visual_embeds": list(deepstack.layers),
    }


def _expanded(layer: Any, rows: int) -> Any:
    # Cache layers differ between releases in how they are built; a shallow copy keeps whatever
    # else they hold.
    forked = copy.copy(layer)
    forked.keys = layer.keys.expand(rows, -1, -1, -1)
    forked.values = layer.values.expand(rows, -1, -1, -1)
    return forked
