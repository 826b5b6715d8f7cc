"""Cohen's d: how far two sets of observations lie apart, in units of their own spread.

Everything goes through counts, sums and sums of squares, so that a million observations (the
attention to every single token, say) weigh no more than one, and a resample is one product of
matrices.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mma_eval.metrics.bootstrap import CONFIDENCE, FEWEST_CLUSTERS, REPLICATES, times_drawn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Numbers = NDArray[np.floating[Any]]

RESOLUTION = 1e-6
"""A spread below this share of the size of the values is rounding: attention is computed in
float32, and a variance from sums of squares in float64 knows no less."""
SUMMATION = 1e-12
"""As much for two means of the same values, added up in another order."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Counts, sums and sums of squares of observations; each array `[*cells]`, one d a cell."""

    count: Numbers
    total: Numbers
    squares: Numbers

    @classmethod
    def of(cls, values: ArrayLike) -> Moments:
        """Of samples `[n, *cells]`, one observation of each cell a sample; NaN is none."""
        return ClusterMoments.of(values).summed()

    @property
    def mean(self) -> Numbers:
        """NaN where there is no observation."""
        return _ratio(self.total, self.count)

    @property
    def deviations(self) -> Numbers:
        """Sums of squared deviations from the mean: `(n - 1) s^2`."""
        import numpy as np

        return np.maximum(self.squares - _ratio(self.total * self.total, self.count), 0.0)


@dataclass(frozen=True, eq=False)
class ClusterMoments:
    """Moments of each cluster (a clip, with all that was observed in it); `[clusters, *cells]`."""

    count: Numbers
    total: Numbers
    squares: Numbers

    @classmethod
    def of(cls, values: ArrayLike) -> ClusterMoments:
        """One observation of each cell a cluster: `values` is `[clusters, *cells]`; NaN is none."""
        import numpy as np

        array = np.asarray(values, dtype=np.float64)
        there = np.isfinite(array)
        known = np.where(there, array, 0.0)
        return cls(there.astype(np.float64), known, known * known)

    def summed(self) -> Moments:
        return Moments(self.count.sum(0), self.total.sum(0), self.squares.sum(0))

    def less(self, centre: Numbers) -> ClusterMoments:
        """The moments of the observations less `centre`, `[*cells]`."""
        total = self.total - self.count * centre
        squares = self.squares - 2 * centre * self.total + self.count * centre * centre
        return ClusterMoments(self.count, total, squares)

    def together(self, names: Sequence[Hashable]) -> ClusterMoments:
        """Clusters of one name made one, in the order of first appearance."""
        import numpy as np

        number: dict[Hashable, int] = {}
        at = np.array([number.setdefault(name, len(number)) for name in names], dtype=int)

        def joined(array: Numbers) -> Numbers:
            made = np.zeros((len(number), *array.shape[1:]))
            np.add.at(made, at, array)
            return made

        return ClusterMoments(joined(self.count), joined(self.total), joined(self.squares))

    def ordered(self, places: Sequence[int]) -> ClusterMoments:
        """The clusters at `places`, in that order."""
        rows = list(places)
        return ClusterMoments(self.count[rows], self.total[rows], self.squares[rows])


@dataclass(frozen=True, eq=False)
class EffectSizes:
    """Cohen's d of every cell, with its resamples; NaN where it is undefined."""

    d: Numbers
    """`[*cells]`"""
    replicates: Numbers
    """`[replicates, *cells]`"""
    clusters: int

    def bounds(self) -> tuple[Numbers, Numbers]:
        """The 95 % interval of each cell, `[*cells]`; NaN where there is none."""
        return interval(self.d, self.replicates, self.clusters)

    def part(self, at: int) -> EffectSizes:
        """The cells at one place of the first axis."""
        return EffectSizes(self.d[at], self.replicates[:, at], self.clusters)

    def mean_magnitude(self) -> EffectSizes:
        """The mean of |d| over the defined cells, as one number."""
        return EffectSizes(
            _mean_magnitude(self.d.reshape(1, -1))[0],
            _mean_magnitude(self.replicates.reshape(len(self.replicates), -1)),
            self.clusters,
        )

    def chance_magnitude(self) -> Numbers:
        """What the mean of |d| would come to in noise of this size around 0 everywhere.

        NaN for fewer than FEWEST_CLUSTERS clusters, which do not show their noise.
        """
        import numpy as np

        if self.clusters < FEWEST_CLUSTERS:
            return np.array(np.nan)
        error = _standard_error(self.replicates)
        defined = np.isfinite(self.d) & np.isfinite(error)
        return _ratio(math.sqrt(2 / math.pi) * np.where(defined, error, 0.0).sum(), defined.sum())

    def less(self, other: EffectSizes) -> EffectSizes:
        """Differences; paired where both resampled the same clusters in the same order."""
        return EffectSizes(
            self.d - other.d,
            self.replicates - other.replicates,
            min(self.clusters, other.clusters),
        )


def cohens_d(first: ArrayLike, second: ArrayLike) -> float | None:
    """Cohen's d of two samples with the pooled standard deviation (the paper's equations 1, 2).

    Positive where `first` is larger. None where it is undefined: fewer than two observations on
    either side, or no spread at all between different means. Equal means without spread give 0.
    """
    import numpy as np

    one, other = np.ravel(first).astype(float), np.ravel(second).astype(float)
    if min(len(one), len(other)) < 2:
        return None
    both = np.concatenate([one, other])
    if not np.isfinite(both).all():
        raise ValueError("Cohen's d needs finite numbers")
    centre, size = both.mean(), np.sqrt(np.mean(both * both))
    d = float(_d(Moments.of(one - centre), Moments.of(other - centre), size))
    return None if math.isnan(d) else d


def cohens_d_of(first: Moments, second: Moments) -> Numbers:
    """Cohen's d from counts, sums and sums of squares, `[*cells]`; NaN where it is undefined.

    As `cohens_d`, to the precision that sums of squares leave.
    """
    return _d(first, second, _size(first, second))


def resampled_effects(
    first: ClusterMoments,
    second: ClusterMoments,
    *,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> EffectSizes:
    """Cohen's d of every cell, with resamples of whole clusters (Efron and Tibshirani 1993).

    Row i of `first` and of `second` is the same cluster, drawn for both together: a clip under
    the visual and under the audio question. The same number of clusters, replicates and seed
    draw the same clusters, so that two results over the same clips may be subtracted. Raises
    ValueError for other clusters in `second`, or none.
    """
    import numpy as np

    if first.total.shape != second.total.shape or not len(first.total):
        raise ValueError("both sides must be of the same clusters and cells, and of one at least")
    clusters, cells = len(first.total), first.total.shape[1:]
    size = _size(first.summed(), second.summed())
    centre = _centre(first.summed(), second.summed())
    sides = (first.less(centre), second.less(centre))
    table = np.hstack(
        [
            array.reshape(clusters, -1)
            for side in sides
            for array in (side.count, side.total, side.squares)
        ]
    )

    def effects(sums: Numbers) -> Numbers:
        parts = [part.reshape(-1, *cells) for part in np.split(sums, 6, axis=1)]
        return _d(Moments(*parts[:3]), Moments(*parts[3:]), size)

    drawn = [effects(times @ table) for times in times_drawn(clusters, replicates, seed)]
    return EffectSizes(
        effects(table.sum(0, keepdims=True))[0],
        np.concatenate(drawn) if drawn else np.empty((0, *cells)),
        clusters,
    )


def interval(value: Numbers, replicates: Numbers, clusters: int) -> tuple[Numbers, Numbers]:
    """Estimate plus and minus a quantile of t times the standard error of the cluster bootstrap.

    The clusters less one are the degrees of freedom (Cameron and Miller 2015, section VI).
    `value` is `[*cells]`, `replicates` `[R, *cells]`. NaN where the estimate or most of its
    resamples are undefined, and for fewer than FEWEST_CLUSTERS clusters.
    """
    import numpy as np
    from scipy.special import stdtrit

    n = np.isfinite(replicates).sum(0)
    error = _standard_error(replicates)
    sure = (n * 2 > len(replicates)) & (clusters >= FEWEST_CLUSTERS)
    quantile = float(stdtrit(max(1, clusters - 1), (1 + CONFIDENCE) / 2))
    half = np.where(sure, quantile * error, np.nan)
    return value - half, value + half


def _standard_error(replicates: Numbers) -> Numbers:
    """Of the defined resamples, `[*cells]`."""
    import numpy as np

    defined = np.isfinite(replicates)
    n = defined.sum(0)
    mean = _ratio(np.where(defined, replicates, 0.0).sum(0), n)
    squares = np.where(defined, replicates - mean, 0.0) ** 2
    return np.sqrt(_ratio(squares.sum(0), n))


def _d(first: Moments, second: Moments, size: Numbers) -> Numbers:
    """Values of about `size` tell rounding from spread."""
    import numpy as np

    freedom = first.count + second.count - 2
    variance = _ratio(first.deviations + second.deviations, freedom)
    spread = np.sqrt(variance)
    difference = first.mean - second.mean
    flat = ~(spread > RESOLUTION * size)
    equal = np.abs(difference) <= np.where(flat, RESOLUTION, SUMMATION) * size
    d = np.where(equal, 0.0, _ratio(difference, np.where(flat, 0.0, spread)))
    return np.where((first.count < 2) | (second.count < 2), np.nan, d)


def _centre(first: Moments, second: Moments) -> Numbers:
    import numpy as np

    return np.nan_to_num(_ratio(first.total + second.total, first.count + second.count))


def _size(first: Moments, second: Moments) -> Numbers:
    """The root mean square of all observations."""
    import numpy as np

    count = first.count + second.count
    size: Numbers = np.sqrt(np.nan_to_num(_ratio(first.squares + second.squares, count)))
    return size


def _ratio(numerator: Numbers, denominator: Numbers) -> Numbers:
    """NaN where the denominator is not positive."""
    import numpy as np

    there = denominator > 0
    shape = np.broadcast_shapes(np.shape(numerator), np.shape(denominator))
    ratio: Numbers = np.divide(numerator, denominator, out=np.full(shape, np.nan), where=there)
    return ratio


def _mean_magnitude(d: Numbers) -> Numbers:
    """`[rows, cells]` to `[rows]`."""
    import numpy as np

    defined = np.isfinite(d)
    return _ratio(np.where(defined, np.abs(d), 0.0).sum(1), defined.sum(1))
