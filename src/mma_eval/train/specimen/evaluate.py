"""What a specimen answers on clips it was not trained on: a quick look at the first token."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mma_eval.demo.clips import CLASSES
from mma_eval.train.specimen.batches import Packer, Scenes, Streams, answer_states
from mma_eval.train.specimen.pool import Pool, RoundTrip, build_pool
from mma_eval.train.specimen.prompts import Exchange, class_question
from mma_eval.types import Stream

VALIDATION_SEED = 500
"""The training seed whose clips choices are made on; published numbers come from other seeds."""

_BATCH = 25


@dataclass(frozen=True)
class Finding:
    """Shares in 0..1 of the answers that name the asked stream's class, and the other's."""

    condition: str
    ask: Stream
    clips: int
    right: float
    other: float


@dataclass(frozen=True)
class _Condition:
    """Streams as `Scenes` has them, and the class of each, [N]; None where there is none."""

    name: str
    frames: NDArray[np.uint8] | None
    mels: NDArray[np.float32] | None
    seen: NDArray[np.int64] | None
    heard: NDArray[np.int64] | None


def validation_pool(count: int, round_trip: RoundTrip | None = None) -> Pool:
    """`count` clips that no training holds; a multiple of the number of classes."""
    return build_pool(seed=VALIDATION_SEED, count=count, round_trip=round_trip)


def examine(thinker: Any, tokenizer: Any, pool: Pool) -> list[Finding]:
    """Both questions under every condition in which the asked stream is there.

    `pool` holds whole runs of the classes, as `validation_pool` makes them.
    """
    packer = Packer(tokenizer, thinker.config)
    thinker.eval()
    findings = []
    for condition in _conditions(pool):
        for ask in ("visual", "audio"):
            own, other = condition.seen, condition.heard
            if ask == "audio":
                own, other = other, own
            if own is not None:
                named = _answers(thinker, tokenizer, packer, condition, ask)
                # Where both streams agree there is no other class to name.
                strayed = (
                    0.0 if other is None else float(((named == other) & (own != other)).mean())
                )
                right = float((named == own).mean())
                findings.append(Finding(condition.name, ask, len(named), right, strayed))
    return findings


def _conditions(pool: Pool) -> Iterator[_Condition]:
    frames, mels, labels = pool.frames, pool.mels.astype(np.float32), pool.labels
    # Clips come in runs of all classes, so a roll within a run pairs every clip with another class.
    donors = np.arange(len(labels)).reshape(-1, len(CLASSES))
    donors = np.take_along_axis(donors, np.argsort(labels[donors], axis=1), axis=1)
    swapped = np.empty(len(labels), dtype=np.int64)
    swapped[donors] = np.roll(donors, 1, axis=1)
    black = np.zeros_like(frames)
    silent = np.broadcast_to(pool.silence, mels.shape)
    yield _Condition("aligned", frames, mels, labels, labels)
    yield _Condition("misaligned", frames, mels[swapped], labels, labels[swapped])
    yield _Condition("other stream blank", frames, silent, labels, None)
    yield _Condition("other stream blank", black, mels, None, labels)
    yield _Condition("other stream absent", frames, None, labels, None)
    yield _Condition("other stream absent", None, mels, None, labels)


def _answers(
    thinker: Any, tokenizer: Any, packer: Packer, condition: _Condition, ask: Stream
) -> NDArray[np.int64]:
    """The class that each answer begins with, [N]; -1 where it begins with none."""
    opening = {tokenizer.encode(name)[0]: place for place, name in enumerate(CLASSES)}
    exchange = Exchange(class_question(ask, CLASSES), CLASSES[0])
    streams = condition.frames if condition.frames is not None else condition.mels
    assert streams is not None
    named: list[int] = []
    for begin in range(0, len(streams), _BATCH):
        scenes = _part(condition, slice(begin, begin + _BATCH), exchange)
        with torch.no_grad():
            logits, _ = answer_states(thinker, packer, scenes)
        # Two taught places a clip: the class and the end of the turn.
        named += [opening.get(int(token), -1) for token in logits[::2].argmax(-1)]
    return np.array(named)


def _part(condition: _Condition, rows: slice, exchange: Exchange) -> Scenes:
    frames = None if condition.frames is None else condition.frames[rows]
    mels = None if condition.mels is None else condition.mels[rows]
    size = len(frames if frames is not None else mels if mels is not None else ())
    streams: Streams = "audio" if frames is None else "video" if mels is None else "both"
    return Scenes(streams, frames, mels, [[exchange]] * size)
