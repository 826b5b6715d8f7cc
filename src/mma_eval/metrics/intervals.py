"""How sure a share is, and how small a difference a sample can show."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Interval:
    """A confidence interval for a share, in 0 to 1."""

    low: float
    high: float


def wilson(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """Wilson's score interval for `successes` of `n` (Wilson 1927, without continuity correction).

    Raises ValueError for n = 0: nothing was measured, and no interval says so honestly.
    """
    if not 0 <= successes <= n or n == 0:
        raise ValueError(f"{successes} of {n} is not a share")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence}")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / n
    centre = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low = 0.0 if successes == 0 else (centre - half) / scale
    high = 1.0 if successes == n else (centre + half) / scale
    return Interval(max(0.0, low), min(1.0, high))


def smallest_detectable_difference(
    n: int, *, p0: float = 0.5, power: float = 0.8, alpha: float = 0.05
) -> float | None:
    """The smallest change of accuracy that exact McNemar on `n` pairs finds with this power.

    One condition is right with probability `p0`, the other moves away from it, towards 0 where
    `p0` is at least a half and towards 1 elsewhere. The two answers to a clip are taken as
    independent: real answers agree more often, so the true figure is smaller and this one is
    cautious; `p0 = 0.5` is the least favourable. The test is two-sided; its power is summed over
    the number of discordant pairs (Fagerland, Lydersen and Laake 2013, section 2), not
    approximated. None where even the largest change escapes.
    """
    if n < 1:
        raise ValueError(f"n must be positive, got {n}")
    if not (0 <= p0 <= 1 and 0 < power < 1 and 0 < alpha < 1):
        raise ValueError("p0, power and alpha are probabilities")
    largest = max(p0, 1 - p0)
    if _power(n, p0, largest, alpha) < power:
        return None
    low, high = 0.0, largest
    while high - low > 1e-4:
        middle = (low + high) / 2
        if _power(n, p0, middle, alpha) >= power:
            high = middle
        else:
            low = middle
    return high


def _power(n: int, p0: float, difference: float, alpha: float) -> float:
    """Chance that exact McNemar rejects, for independent answers to `n` clips."""
    import numpy as np
    from scipy.special import bdtr, bdtrc

    p1 = p0 - difference if p0 >= 0.5 else p0 + difference
    only_first, only_second = p0 * (1 - p1), p1 * (1 - p0)
    discordance = only_first + only_second
    if discordance == 0:
        return 0.0
    # Eight standard deviations around the expected number of discordant pairs leave out < 1e-14.
    spread = 8 * math.sqrt(n * discordance * (1 - discordance)) + 8
    pairs = np.arange(
        max(0, math.floor(n * discordance - spread)),
        min(n, math.ceil(n * discordance + spread)) + 1,
    )
    critical = _critical_counts(pairs, alpha)
    towards_first = only_first / discordance
    possible = critical >= 0
    rejected = np.where(possible, bdtr(critical, pairs, towards_first), 0.0) + np.where(
        possible, bdtrc(pairs - critical - 1, pairs, towards_first), 0.0
    )
    return float(np.sum(_binomial(pairs, n, discordance) * rejected))


def _binomial(counts: NDArray[np.int_], n: int, p: float) -> NDArray[np.float64]:
    """The probability of each count. `scipy.stats` would take a second and 45 MB to load."""
    import numpy as np
    from scipy.special import gammaln, xlog1py, xlogy

    ways = gammaln(n + 1) - gammaln(counts + 1) - gammaln(n - counts + 1)
    return np.asarray(np.exp(ways + xlogy(counts, p) + xlog1py(n - counts, -p)))


def _critical_counts(pairs: NDArray[np.int_], alpha: float) -> NDArray[np.int_]:
    """For each number of discordant pairs, the largest count that rejects on one side; -1: none."""
    import numpy as np
    from scipy.special import bdtr, bdtrik

    some = np.maximum(pairs, 1)
    count = np.ceil(bdtrik(alpha / 2, some, 0.5)).astype(int)
    too_likely = bdtr(count, some, 0.5) > alpha / 2
    return np.where(pairs == 0, -1, np.where(too_likely, count - 1, count))
