"""Attention that is made up, token by token, so that a test knows what is to come out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mma_eval.diagnose.measured import AttentionRun, Measured
from mma_eval.diagnose.origin import Origin
from mma_eval.types import Ask

TOKENS = (4, 6, 5)
"""Of text, video and audio."""
ORIGIN = Origin(
    model="tiny",
    version="1",
    fingerprint="print",
    adapter=None,
    dataset="demo",
    dataset_version="v1",
    seed=0,
)
TUNED = ORIGIN.model_copy(update={"adapter": "runs/tuned"})


@dataclass(frozen=True, eq=False)
class Made:
    """A task's attention as it was before it was reduced; `[n, L, H, tokens]`."""

    measured: Measured
    rows: NDArray[np.float64]

    def stream(self, name: str) -> NDArray[np.float64]:
        """Attention to each token of one stream."""
        start = 0 if name == "text" else TOKENS[0] if name == "video" else sum(TOKENS[:2])
        size = TOKENS[("text", "video", "audio").index(name)]
        return self.rows[..., start : start + size]


def made(
    condition: str, ask: Ask, *, n: int = 12, layers: int = 3, heads: int = 2, lean: float = 1.0
) -> Made:
    """Attention that leans towards the asked stream from layer 1 on; layer 0 is the same for both.

    A misaligned condition leans twice as much.
    """
    shared = np.random.RandomState([len(condition), 1])
    own = np.random.RandomState([len(condition), 2 + (ask == "audio")])
    shape = (n, layers, heads, sum(TOKENS))
    logits = shared.randn(*shape) * 0.5 + np.r_[np.full(TOKENS[0], 1.0), np.zeros(11)]
    moved = own.randn(*shape) * 0.3
    towards = {"visual": slice(TOKENS[0], sum(TOKENS[:2])), "audio": slice(sum(TOKENS[:2]), None)}
    moved[..., towards[ask]] += lean * (2 if condition == "misalign" else 1)
    moved[:, 0] = 0.0
    rows = np.exp(logits + moved)
    rows /= rows.sum(-1, keepdims=True)
    clips = tuple(f"clip{at}" for at in range(n))
    return Made(measured_of(condition, ask, clips, rows), rows)


def measured_of(
    condition: str, ask: Ask, clips: Sequence[str], rows: NDArray[np.float64]
) -> Measured:
    """Rows `[n, L, H, tokens]` reduced to streams."""
    ends = np.cumsum(TOKENS)[:-1]
    parts = np.split(rows, ends, axis=-1)
    return Measured(
        task=f"{condition}_{ask}",
        ask=ask,
        condition=condition,
        samples=tuple(f"{clip}/{ask}" for clip in clips),
        clips=tuple(clips),
        sources=tuple(clips),
        mass=np.stack([part.sum(-1) for part in parts], -1),
        squares=np.stack([(part**2).sum(-1) for part in parts], -1),
        tokens=np.tile(np.array(TOKENS), (len(clips), 1)),
    )


def attention_run(*measured: Measured, **fields: Any) -> AttentionRun:
    """A run of what was measured; without it, of both questions, aligned and misaligned."""
    if not measured:
        asks: tuple[Ask, ...] = ("visual", "audio")
        measured = tuple(
            made(condition, ask).measured for condition in ("aligned", "misalign") for ask in asks
        )
    run = AttentionRun(ORIGIN, "answer", measured)
    return replace(run, **fields)


def tuned_run(lean: float = 2.0) -> AttentionRun:
    """The same samples after an adapter that makes attention lean more."""
    asks: tuple[Ask, ...] = ("visual", "audio")
    return attention_run(
        *(
            made(condition, ask, lean=lean).measured
            for condition in ("aligned", "misalign")
            for ask in asks
        ),
        origin=TUNED,
    )
