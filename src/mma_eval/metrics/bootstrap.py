"""Intervals for means of observations that are not independent, by resampling whole clusters.

Every number here is a mean, or a mean over strata of means: a paired difference, a share less its
expected rate, macro accuracy (strata are classes), balanced accuracy (strata are the questions to
decline and those to answer). Several observations of one video or one sound are drawn together.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.floating[Any]]
    Indices = NDArray[np.integer[Any]]

REPLICATES = 2000
CONFIDENCE = 0.95
FEWEST_CLUSTERS = 5
"""A stratum of fewer clusters cannot show its own spread."""

_OF_ONE_SEED = 1_000_000
"""Draws that one stream of random numbers makes; another number would change every interval."""

_AT_ONCE = 100_000
"""Draws that are held as numbers of eight bytes together."""


@dataclass(frozen=True)
class Resampled:
    """A mean with its 95 % interval; `n` counts the clusters that were resampled."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Bounds:
    """The least and the greatest value of an observation, and the pseudo-observations at each."""

    low: float
    high: float
    pseudo: float


SHARE = Bounds(0.0, 1.0, pseudo=2.0)
"""Agresti and Coull 1998 for one share, Agresti and Caffo 2000 for two, Price and Bonett 2004 for
a mean over several: four pseudo-observations in all, half of them hits."""

DIFFERENCE = Bounds(-1.0, 1.0, pseudo=1.0)
"""Bonett and Price 2012 for a paired difference of shares: one pseudo-pair lost, one gained."""


def resampled_mean(
    values: Sequence[float],
    *clusterings: Sequence[Hashable],
    bounds: Bounds,
    strata: Sequence[Hashable] | None = None,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Resampled:
    """The mean of `values` (over `strata`: the mean of their means) with a clustered interval.

    Each of one or two `clusterings` names the cluster of every value; everything is `[n]`. The
    interval is the estimate plus and minus a quantile of t, with the clusters less one as degrees
    of freedom (Cameron and Miller 2015, section VI), times the standard error of the cluster
    bootstrap (Efron and Tibshirani 1993, chapters 6 and 8; Cameron, Gelbach and Miller 2008). Two
    clusterings that cross (by video and by sound) have the variance V_one + V_other - V_both of
    Cameron, Gelbach and Miller 2011, each by bootstrap, never below the larger of the first two,
    and the degrees of freedom of the fewer clusters. A product bootstrap over both would be up to
    three times too wide in variance where every video and sound occurs once (Owen 2007).

    Equal observations are no certainty: every resample (with two clusterings, every one by that of
    fewer clusters) also draws pseudo-observations at either bound, on average as many as `bounds`
    says (see SHARE and DIFFERENCE), each as heavy as a cluster. Strata of fewer than
    FEWEST_CLUSTERS clusters are resampled together, as survey statistics collapses them (Cochran
    1977, section 5A.12): their common spread, which holds the one between them, is a little wide.
    The same input gives the same interval.

    Raises ValueError for no values, or lists of different lengths.
    """
    import numpy as np
    from scipy.special import stdtrit

    if not values or any(len(clusters) != len(values) for clusters in clusterings):
        raise ValueError("resampling needs values, and a cluster for each")
    if not 1 <= len(clusterings) <= 2:
        raise ValueError("resampling goes by one or two clusterings")
    observed = np.asarray(values, dtype=float)
    stratum = _indices(strata) if strata is not None else np.zeros(len(values), dtype=int)
    partitions = _partitions([_indices(clusters) for clusters in clusterings])
    design = _Design.of(observed, stratum, partitions[-1])
    value = _mean_of_means(observed, stratum)
    clusters = _count(partitions[0])
    centre = design.adjusted(partitions[0], bounds)
    error = _standard_error(design, partitions, bounds, replicates, seed)
    half = float(stdtrit(max(1, clusters - 1), (1 + CONFIDENCE) / 2)) * error
    return Resampled(
        value,
        min(value, max(bounds.low, centre - half)),
        max(value, min(bounds.high, centre + half)),
        clusters,
    )


@dataclass(frozen=True)
class _Design:
    """Observations in groups that are resampled on their own; `share` of each in the mean.

    A group is a stratum, or several small ones, whose observations then weigh one over the size of
    their stratum.
    """

    values: Numbers
    weights: Numbers
    group: Indices
    share: Numbers

    @classmethod
    def of(cls, values: Numbers, stratum: Indices, units: Indices) -> _Design:
        import numpy as np

        strata = int(stratum.max()) + 1
        counts = np.bincount(stratum, minlength=strata)
        pairs = np.unique(stratum.astype(np.int64) * (int(units.max()) + 1) + units)
        clusters = np.bincount(pairs // (int(units.max()) + 1), minlength=strata)
        small = _collapsed(clusters)
        group_of = np.arange(strata)
        weight_of = np.ones(strata)
        if small.any():
            group_of[small] = int(np.flatnonzero(small)[0])
            weight_of[small] = 1 / counts[small]
        _, group_of = np.unique(group_of, return_inverse=True)
        share = np.bincount(group_of) / strata
        return cls(values, weight_of[stratum], group_of[stratum], share)

    def totals(self, partition: Indices) -> tuple[Numbers, Numbers]:
        """Weighted sums of values, and of weights, `[clusters, groups]`."""
        import numpy as np

        clusters, groups = int(partition.max()) + 1, len(self.share)
        cell = partition * groups + self.group
        shape = (clusters, groups)
        sums = np.bincount(cell, self.weights * self.values, clusters * groups)
        weights = np.bincount(cell, self.weights, clusters * groups)
        return (
            sums.astype(float, copy=False).reshape(shape),
            weights.astype(float, copy=False).reshape(shape),
        )

    def adjusted(self, partition: Indices, bounds: Bounds) -> float:
        """The mean with the pseudo-observations in it."""
        sums, weights = self.totals(partition)
        extra = _cluster_weight(weights) * bounds.pseudo / len(self.share)
        means = (sums.sum(0) + extra * (bounds.low + bounds.high)) / (weights.sum(0) + 2 * extra)
        return float(means @ self.share)


def _replicate(
    design: _Design, partition: Indices, bounds: Bounds, replicates: int, seed: int
) -> Numbers:
    """The mean in `replicates` resamples of the clusters of one partition."""
    import numpy as np

    sums, weights = design.totals(partition)
    heaviness = _cluster_weight(weights)
    # RandomState's streams are frozen for good (NEP 19), those of Generator are not.
    random = np.random.RandomState([seed, 0])
    shape = (replicates, len(design.share))
    low = random.poisson(bounds.pseudo / len(design.share), shape)
    high = random.poisson(bounds.pseudo / len(design.share), shape)
    both = np.hstack([sums, weights])
    del sums, weights
    drawn = np.concatenate(
        [
            part @ both
            for times in times_drawn(len(both), replicates, seed)
            for part in _parts(times)
        ]
    )
    drawn_sums, drawn_weights = np.hsplit(drawn, 2)
    numerator = drawn_sums + heaviness * (low * bounds.low + high * bounds.high)
    denominator = drawn_weights + heaviness * (low + high)
    there = denominator > 0
    means = np.divide(numerator, denominator, out=np.zeros(shape), where=there)
    share = there * design.share
    total: Numbers = share.sum(1)
    summed: Numbers = (means * share).sum(1)
    return summed[total > 0] / total[total > 0]


def _standard_error(
    design: _Design, partitions: Sequence[Indices], bounds: Bounds, replicates: int, seed: int
) -> float:
    """By the one clustering, or by the one of fewer clusters, the other and their intersection."""
    variances = [
        float(_replicate(design, partition, each, replicates, seed).var())
        for partition, each in zip(
            partitions, (bounds, *[replace(bounds, pseudo=0.0)] * 2), strict=False
        )
    ]
    if len(variances) == 1:
        return math.sqrt(variances[0])
    fewest, other, both = variances
    return math.sqrt(max(fewest + other - both, fewest, other))


def times_drawn(clusters: int, replicates: int, seed: int) -> Iterator[NDArray[np.uint8]]:
    """How often each cluster is in each resample, `[some replicates, clusters]` at a time."""
    rows = max(1, _OF_ONE_SEED // clusters)
    for first in range(0, replicates, rows):
        yield _draw(clusters, min(rows, replicates - first), seed, first)


@lru_cache(maxsize=4)
def _draw(clusters: int, replicates: int, seed: int, first: int) -> NDArray[np.uint8]:
    """Kept, since the tasks of a run mostly have as many clusters as each other."""
    import numpy as np

    random = np.random.RandomState([seed, 1, first])
    # One byte will do: of 256 clusters or more, none is ever drawn 256 times.
    times = np.empty((replicates, clusters), np.uint8)
    for part in _parts(times):
        drawn = random.randint(0, clusters, part.shape)
        drawn += np.arange(len(part))[:, None] * clusters
        part[:] = np.bincount(drawn.ravel(), minlength=part.size).reshape(part.shape)
    return times


def _parts(times: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """Views of some resamples at a time."""
    rows = max(1, _AT_ONCE // times.shape[1])
    for first in range(0, len(times), rows):
        yield times[first : first + rows]


def _partitions(clusterings: Sequence[Indices]) -> list[Indices]:
    """The one clustering that matters, or the one of fewer clusters, the other, and both."""
    import numpy as np

    if len(clusterings) == 1:
        return [clusterings[0]]
    one, other = clusterings
    crossed = one.astype(np.int64) * (int(other.max()) + 1) + other
    both = np.unique(crossed, return_inverse=True)[1]
    if both.max() == one.max():
        return [other]
    if both.max() == other.max():
        return [one]
    return [*sorted((one, other), key=_count), both]


def _count(partition: Indices) -> int:
    return int(partition.max()) + 1


def _collapsed(clusters: Indices) -> NDArray[np.bool_]:
    """Which strata are too small to stand alone; with the smallest others where they stay small."""
    import numpy as np

    small = clusters < FEWEST_CLUSTERS
    for at in np.argsort(clusters, kind="stable"):
        if not small.any() or clusters[small].sum() >= FEWEST_CLUSTERS:
            break
        small[at] = True
    return small


def _cluster_weight(weights: Numbers) -> Numbers:
    """The mean weight of a cluster in each group."""
    mean: Numbers = weights.sum(0) / (weights > 0).sum(0)
    return mean


def _mean_of_means(values: Numbers, stratum: Indices) -> float:
    import numpy as np

    return float(np.mean(np.bincount(stratum, values) / np.bincount(stratum)))


def _indices(names: Sequence[Hashable]) -> Indices:
    """Names as numbers from 0, in the order of first appearance."""
    import numpy as np

    number: dict[Hashable, int] = {}
    return np.array([number.setdefault(name, len(number)) for name in names], dtype=int)
