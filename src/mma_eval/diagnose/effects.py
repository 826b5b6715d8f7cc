"""How far a question moves attention between sight and sound (sections 4.2, 5.2.1 and E)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mma_eval.diagnose.effects_file import (
    AXES,
    EFFECT_STREAMS,
    STATISTICS,
    AttentionEffects,
    Axis,
    Contrast,
    Curve,
    Effects,
    EffectStream,
    Magnitude,
    Statistic,
    TextShare,
)
from mma_eval.diagnose.measured import STREAMS, AttentionRun, Measured
from mma_eval.diagnose.observations import Pair, observed, pairs_of
from mma_eval.errors import UsageError
from mma_eval.metrics.bootstrap import REPLICATES
from mma_eval.metrics.effect_size import EffectSizes, resampled_effects

ALIGNED = "aligned"
"""The condition that others are held against."""


def effects_of(
    run: AttentionRun,
    before: AttentionRun | None = None,
    *,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> AttentionEffects:
    """Text shares and Cohen's d of attention, and how they differ from those of `before`.

    Raises UsageError where no condition was measured under both questions, or where the two runs
    are not of the same model, samples and query.
    """
    if before is not None:
        check_comparable(run, before)
    after = _Resampled(run, replicates, seed)
    if before is None:
        return AttentionEffects(measured=after.effects())
    bare = _Resampled(before, replicates, seed)
    changes = tuple(
        contrast
        for condition in after.pairs.keys() & bare.pairs.keys()
        for contrast in _contrasts(after, condition, bare, condition)
    )
    order = list(after.pairs)
    return AttentionEffects(
        measured=after.effects(),
        before=bare.effects(),
        changes=tuple(sorted(changes, key=lambda one: order.index(one.condition))),
    )


def check_comparable(run: AttentionRun, before: AttentionRun) -> None:
    """Raise UsageError unless two runs differ in nothing but an adapter."""
    stated = [
        ("query", run.query, before.query),
        *(
            (what, getattr(run.origin, what), getattr(before.origin, what))
            for what in ("model", "dataset", "dataset_version", "seed")
        ),
    ]
    for what, one, other in stated:
        if one != other:
            raise UsageError(
                f"before and after are of another {what.replace('_', ' ')} ({other}, then {one}); "
                "measure both alike, but for the adapter"
            )
    earlier = {one.task: one for one in before.measured}
    for one in run.measured:
        other = earlier.get(one.task)
        if other is None:
            raise UsageError(f"{one.task} was not measured before; take the same --tasks for both")
        if (one.samples, one.clips) != (other.samples, other.clips):
            raise UsageError(
                f"{one.task} was measured on other clips before and after "
                f"({len(other.samples)} and {len(one.samples)} samples); take the same --limit"
            )
        if one.mass.shape != other.mass.shape:
            raise UsageError(f"{one.task}: before and after have other layers or heads")


class _Resampled:
    """The effect sizes of one run with their resamples, each computed once."""

    def __init__(self, run: AttentionRun, replicates: int, seed: int) -> None:
        self.run = run
        self.pairs = {pair.condition: pair for pair in pairs_of(run)}
        self._replicates, self._seed = replicates, seed
        self._known: dict[tuple[object, ...], EffectSizes] = {}

    def sizes(
        self, pair: Pair, clips: tuple[str, ...], statistic: Statistic, axis: Axis
    ) -> EffectSizes:
        """`[2, L or H]`: of video and of audio tokens, over `clips`."""
        key = (pair.condition, clips, statistic, axis)
        if key not in self._known:
            self._known[key] = resampled_effects(
                observed(pair.visual, clips, statistic, axis),
                observed(pair.audio, clips, statistic, axis),
                replicates=self._replicates,
                seed=self._seed,
            )
        return self._known[key]

    def over_layers(
        self, condition: str, clips: tuple[str, ...], statistic: Statistic, stream: EffectStream
    ) -> EffectSizes:
        """`[L]`"""
        sizes = self.sizes(self.pairs[condition], clips, statistic, "layer")
        return sizes.part(EFFECT_STREAMS.index(stream))

    def effects(self) -> Effects:
        run, shape = self.run, self.run.measured[0]
        return Effects(
            origin=run.origin,
            query=run.query,
            layers=shape.layers,
            heads=shape.heads,
            text=tuple(text_share(one) for one in run.measured if one.samples),
            curves=tuple(self._curves()),
            magnitudes=tuple(self._magnitudes()),
            contrasts=tuple(
                contrast
                for condition in self.pairs
                if condition != ALIGNED and ALIGNED in self.pairs
                for contrast in _contrasts(self, condition, self, ALIGNED)
            ),
        )

    def _curves(self) -> Iterator[Curve]:
        for condition, pair in self.pairs.items():
            for statistic in STATISTICS:
                for axis in AXES:
                    sizes = self.sizes(pair, pair.clips, statistic, axis)
                    for at, stream in enumerate(EFFECT_STREAMS):
                        part = sizes.part(at)
                        low, high = part.bounds()
                        yield Curve(
                            condition=condition,
                            statistic=statistic,
                            stream=stream,
                            axis=axis,
                            d=_numbers(part.d),
                            low=_numbers(low),
                            high=_numbers(high),
                            clips=sizes.clusters,
                        )

    def _magnitudes(self) -> Iterator[Magnitude]:
        for condition, pair in self.pairs.items():
            for statistic in STATISTICS:
                for stream in EFFECT_STREAMS:
                    layers = self.over_layers(condition, pair.clips, statistic, stream)
                    mean = layers.mean_magnitude()
                    low, high = mean.bounds()
                    yield Magnitude(
                        condition=condition,
                        statistic=statistic,
                        stream=stream,
                        value=_number(mean.d),
                        low=_number(np.maximum(low, 0.0)),
                        high=_number(high),
                        chance=_number(layers.chance_magnitude()),
                        clips=mean.clusters,
                    )


def text_share(measured: Measured) -> TextShare:
    """The share of text in all attention, layer by layer; of one sample at least."""
    text = measured.mass[..., STREAMS.index("text")].mean((0, 2))
    return TextShare(
        task=measured.task,
        ask=measured.ask,
        condition=measured.condition,
        overall=float(text.mean()),
        layers=tuple(map(float, text)),
        samples=len(measured.samples),
    )


def _contrasts(
    one: _Resampled, condition: str, other: _Resampled, baseline: str
) -> Iterator[Contrast]:
    """Over the clips of both; none where they share none."""
    there = set(other.pairs[baseline].clips)
    clips = tuple(clip for clip in one.pairs[condition].clips if clip in there)
    if not clips:
        return
    for statistic in STATISTICS:
        for stream in EFFECT_STREAMS:
            first = one.over_layers(condition, clips, statistic, stream).mean_magnitude()
            second = other.over_layers(baseline, clips, statistic, stream).mean_magnitude()
            difference = first.less(second)
            low, high = difference.bounds()
            yield Contrast(
                condition=condition,
                baseline=baseline,
                statistic=statistic,
                stream=stream,
                value=_number(difference.d),
                low=_number(low),
                high=_number(high),
                clips=len(clips),
            )


def _number(value: NDArray[np.floating[Any]]) -> float | None:
    return float(value) if np.isfinite(value) else None


def _numbers(values: NDArray[np.floating[Any]]) -> tuple[float | None, ...]:
    return tuple(_number(value) for value in values)
