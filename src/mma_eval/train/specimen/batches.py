"""Batches of clips with several questions each, packed into one sequence a clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from mma_eval.models.nn.omni_family import audio_token_count
from mma_eval.models.nn.qwen_vision_input import Grid, VisionInput
from mma_eval.models.qwen.thinker import media_tokens
from mma_eval.models.qwen.thinker_parts import language_model
from mma_eval.train.specimen.config import FRAME_PIXELS
from mma_eval.train.specimen.prompts import (
    AFTER_QUESTION,
    BEFORE_MEDIA,
    END_OF_TURN,
    Exchange,
)

Streams = Literal["both", "video", "audio"]
"""Which streams a clip has; a black picture or a silent sound is still a stream."""

SECONDS_PER_GRID = 1.0
"""Two frames make one temporal group, at two frames a second."""

_VISION = VisionInput(min_pixels=FRAME_PIXELS, max_pixels=FRAME_PIXELS)


@dataclass(frozen=True)
class Scenes:
    """A batch of clips of one kind and what is asked of each.

    `frames` uint8 [B, T, H, W, 3] and `mels` float32 [B, bins, steps], None when that stream
    is absent; `exchanges` holds B lists.
    """

    streams: Streams
    frames: NDArray[np.uint8] | None
    mels: NDArray[np.float32] | None
    exchanges: Sequence[Sequence[Exchange]]


@dataclass(frozen=True)
class Packed:
    """Token sequences `head question answer question answer ...`, each question blind to the rest.

    `ids`, `labels` [B, L]; `positions` [3, B, L]; `mask` float32 [B, 1, L, L], added to the
    attention scores. `labels[b, i]` is the token that must follow place i, -100 where nothing is
    taught.
    """

    ids: Tensor
    labels: Tensor
    positions: Tensor
    mask: Tensor


class Packer:
    """Turns scenes into what the model reads, for one tokenizer and one configuration."""

    def __init__(self, tokenizer: Any, config: Any) -> None:
        self._tokenizer = tokenizer
        self._layout = media_tokens(config, config.vision_config.spatial_merge_size)
        self._pad = int(tokenizer.pad_token_id)

    def pack(self, model: Any, scenes: Scenes) -> Packed:
        head = self.head_ids(scenes)
        head_positions, following = self._head_positions(model, scenes, head)
        rows = [
            _pack_row(head, [self._turn(exchange) for exchange in asked])
            for asked in scenes.exchanges
        ]
        length = max(len(row.ids) for row in rows)
        segments = torch.tensor([_filled(row.segments, length, -1) for row in rows])
        spans = torch.tensor([_filled(row.spans, length, 1) for row in rows])
        offsets = torch.tensor([_filled(row.offsets, length, 0) for row in rows])
        text = (following + offsets).expand(3, -1, -1).clone()
        text[:, :, : len(head)] = head_positions[:, None]
        return Packed(
            ids=torch.tensor([_filled(row.ids, length, self._pad) for row in rows]),
            labels=torch.tensor([_filled(row.labels, length, -100) for row in rows]),
            positions=text,
            mask=_mask(segments, spans),
        )

    def head_ids(self, scenes: Scenes) -> list[int]:
        """Everything before the question, with one placeholder for each media token."""
        sound = None if scenes.mels is None else audio_token_count(scenes.mels.shape[-1])
        media = self._layout.lay_out(_grid(scenes.frames), sound, SECONDS_PER_GRID)
        return self._ids(BEFORE_MEDIA) + media

    def _turn(self, exchange: Exchange) -> _Turn:
        return _Turn(
            question=self._ids(exchange.question),
            filler=self._ids(exchange.filler),
            stretch=exchange.stretch,
            closing=self._ids(AFTER_QUESTION),
            answer=self._ids(exchange.answer + END_OF_TURN),
        )

    def _head_positions(
        self, model: Any, scenes: Scenes, head: Sequence[int]
    ) -> tuple[Tensor, int]:
        """The model's own rotary positions of the head, [3, H], and the next free one."""
        ids = torch.tensor([head])
        grid = _grid(scenes.frames)
        steps = None if scenes.mels is None else torch.tensor([scenes.mels.shape[-1]])
        positions, _ = model.get_rope_index(
            ids,
            None,
            None if grid is None else grid.tensor(),
            torch.ones_like(ids),
            scenes.streams == "both",
            steps,
            torch.tensor([SECONDS_PER_GRID]),
        )
        return positions[:, 0].long(), int(positions.max()) + 1

    @lru_cache(maxsize=100_000)  # noqa: B019 - one packer lives as long as the training
    def _cached_ids(self, text: str) -> tuple[int, ...]:
        return tuple(self._tokenizer.encode(text, add_special_tokens=False))

    def _ids(self, text: str) -> list[int]:
        return list(self._cached_ids(text))


def picture_features(model: Any, frames: NDArray[np.uint8]) -> Tensor:
    """The vision tower's tokens, [B, tokens, width]."""
    cut = [_VISION.patches(np.ascontiguousarray(clip)) for clip in frames]
    patches = torch.cat([patch for patch, _ in cut])
    grids = torch.cat([grid.tensor() for _, grid in cut])
    tokens = torch.cat(model.get_video_features(patches, grids).pooler_output)
    return tokens.view(len(frames), -1, tokens.shape[-1])


def sound_features(model: Any, mels: NDArray[np.float32]) -> Tensor:
    """The audio tower's tokens, [B, tokens, width]."""
    given = torch.from_numpy(np.ascontiguousarray(mels, dtype=np.float32))
    mask = torch.ones(len(mels), mels.shape[-1], dtype=torch.long)
    tokens: Tensor = model.get_audio_features(given, mask).last_hidden_state
    return tokens.view(len(mels), -1, tokens.shape[-1])


def answer_states(model: Any, packer: Packer, scenes: Scenes) -> tuple[Tensor, Tensor]:
    """Logits [n, vocabulary] at every taught place of a batch, and the tokens [n] due there."""
    packed = packer.pack(model, scenes)
    embedded = model.get_input_embeddings()(packed.ids)
    for token, features in _media_features(model, scenes):
        place = (packed.ids == token)[..., None].expand_as(embedded)
        embedded = embedded.masked_scatter(place, features)
    hidden = language_model(model)(
        inputs_embeds=embedded,
        position_ids=packed.positions,
        attention_mask=packed.mask,
        use_cache=False,
    ).last_hidden_state
    taught = packed.labels != -100
    return model.lm_head(hidden[taught]), packed.labels[taught]


def answer_loss(model: Any, packer: Packer, scenes: Scenes) -> Tensor:
    """Mean cross-entropy over all answer tokens."""
    logits, due = answer_states(model, packer, scenes)
    return F.cross_entropy(logits, due)


def _media_features(model: Any, scenes: Scenes) -> list[tuple[int, Tensor]]:
    features: list[tuple[int, Tensor]] = []
    if scenes.frames is not None:
        features.append((model.config.video_token_id, picture_features(model, scenes.frames)))
    if scenes.mels is not None:
        features.append((model.config.audio_token_id, sound_features(model, scenes.mels)))
    return features


def _grid(frames: NDArray[np.uint8] | None) -> Grid | None:
    return None if frames is None else _VISION.grid(*frames.shape[1:4])


@dataclass(frozen=True)
class _Turn:
    """The tokens of one exchange; each of `filler` stands for `stretch` tokens."""

    question: list[int]
    filler: list[int]
    stretch: int
    closing: list[int]
    answer: list[int]


@dataclass(frozen=True)
class _Row:
    """One packed clip, token by token: which exchange it belongs to (0 is the head), where it
    stands within the exchange, for how many tokens it stands, and what must follow it."""

    ids: list[int]
    segments: list[int]
    offsets: list[int]
    spans: list[int]
    labels: list[int]


def _pack_row(head: list[int], turns: Sequence[_Turn]) -> _Row:
    size = len(head)
    row = _Row(list(head), [0] * size, [0] * size, [1] * size, [-100] * size)
    for number, turn in enumerate(turns, start=1):
        asked = [*turn.question, *turn.filler, *turn.closing]
        # The last answer token needs no place of its own: nothing follows it.
        tokens = asked + turn.answer[:-1]
        spans = [1] * len(tokens)
        begin = len(turn.question)
        spans[begin : begin + len(turn.filler)] = [turn.stretch] * len(turn.filler)
        row.ids.extend(tokens)
        row.segments.extend([number] * len(tokens))
        # A token of many stands where the last of them would.
        row.offsets.extend(total - 1 for total in accumulate(spans))
        row.spans.extend(spans)
        row.labels.extend([-100] * (len(asked) - 1) + turn.answer)
    return row


def _filled(values: list[int], length: int, value: int) -> list[int]:
    return values + [value] * (length - len(values))


def _mask(segments: Tensor, spans: Tensor) -> Tensor:
    """Causal sight of the head and of a token's own exchange, [B, 1, L, L].

    A token that stands for n alike counts n-fold in every softmax: its score rises by log n.
    """
    same = segments[:, :, None] == segments[:, None, :]
    allowed = (same | (segments[:, None, :] == 0)).tril()
    scores = spans.float().log()[:, None, :].masked_fill(~allowed, float("-inf"))
    return scores[:, None]
