"""What Cohen's d compares: attention to sight and sound alone, under a question and its twin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mma_eval.diagnose.effects_file import Axis, Statistic
from mma_eval.diagnose.measured import STREAMS, AttentionRun, Measured
from mma_eval.errors import UsageError
from mma_eval.metrics.effect_size import ClusterMoments

Numbers = NDArray[np.floating[Any]]
MEDIA = slice(STREAMS.index("video"), None)
"""Of the last axis: video, then audio."""


@dataclass(frozen=True, eq=False)
class Pair:
    """One condition under the visual question (D1) and under the audio question (D2)."""

    condition: str
    visual: Measured
    audio: Measured

    @property
    def clips(self) -> tuple[str, ...]:
        """Those under both questions, in the order of the visual ones."""
        heard = set(self.audio.clips)
        return tuple(dict.fromkeys(clip for clip in self.visual.clips if clip in heard))


def pairs_of(run: AttentionRun) -> tuple[Pair, ...]:
    """Every condition that was measured under both questions; raises UsageError for none."""
    by_ask = {(one.condition, one.ask): one for one in run.measured}
    pairs = [
        Pair(condition, by_ask[condition, "visual"], by_ask[condition, "audio"])
        for condition in dict.fromkeys(one.condition for one in run.measured)
        if {(condition, "visual"), (condition, "audio")} <= by_ask.keys()
    ]
    pairs = [pair for pair in pairs if pair.clips]
    if not pairs:
        raise UsageError(
            "Cohen's d compares the visual with the audio question about the same clips, and no "
            "condition was measured under both; take one whole, such as --tasks aligned"
        )
    return tuple(pairs)


def observed(
    measured: Measured, clips: Sequence[str], statistic: Statistic, axis: Axis
) -> ClusterMoments:
    """Moments of the observations of each of `clips`, `[clips, 2, L or H]`: video, then audio."""
    wanted = set(clips)
    kept = [at for at, clip in enumerate(measured.clips) if clip in wanted]
    names = [measured.clips[at] for at in kept]
    mass = measured.mass[kept][..., MEDIA]
    whole = mass.sum(-1, keepdims=True)
    if statistic == "by mass":
        made = _by_mass(mass, whole, axis)
    else:
        squares, tokens = measured.squares[kept][..., MEDIA], measured.tokens[kept][:, MEDIA]
        made = _per_token(mass, whole, squares, tokens, axis)
    return made.together(names).ordered(_places(names, clips))


def _by_mass(mass: Numbers, whole: Numbers, axis: Axis) -> ClusterMoments:
    there = whole > 0
    share = np.divide(mass, whole, out=np.zeros_like(mass), where=there)
    averaged = _pooled(axis)
    count = np.broadcast_to(there, mass.shape).sum(averaged)
    total = share.sum(averaged)
    mean = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return ClusterMoments.of(mean.swapaxes(1, 2))


def _per_token(
    mass: Numbers, whole: Numbers, squares: Numbers, tokens: NDArray[np.int64], axis: Axis
) -> ClusterMoments:
    there = whole > 0
    pooled = _pooled(axis)
    count = (there * tokens[:, None, None, :]).sum(pooled)
    total = np.divide(mass, whole, out=np.zeros_like(mass), where=there).sum(pooled)
    square = np.divide(squares, whole**2, out=np.zeros_like(mass), where=there).sum(pooled)
    return ClusterMoments(
        count.swapaxes(1, 2).astype(np.float64), total.swapaxes(1, 2), square.swapaxes(1, 2)
    )


def _pooled(axis: Axis) -> int:
    """The axis of `[n, L, H, 2]` that is not looked along."""
    return 2 if axis == "layer" else 1


def _places(names: Sequence[str], clips: Sequence[str]) -> list[int]:
    place = {name: at for at, name in enumerate(dict.fromkeys(names))}
    return [place[clip] for clip in clips]
