"""Wilson intervals against published values, and detectable differences against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, norm

from mma_eval.metrics.intervals import smallest_detectable_difference, wilson


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (10, 10, 0.7225, 1.0),
        (0, 10, 0.0, 0.2775),
        # Newcombe 1998, Table I, method 3 (Wilson score without continuity correction).
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_published_intervals(successes: int, n: int, low: float, high: float) -> None:
    interval = wilson(successes, n)
    assert interval.low == pytest.approx(low, abs=5e-5)
    assert interval.high == pytest.approx(high, abs=5e-5)


@pytest.mark.parametrize("n", [20, 100, 658])
def test_wilsons_interval_holds_the_truth_as_often_as_it_says(n: int) -> None:
    """Exactly, over every count there may be, and on average over shares from 2 to 98 %."""
    intervals = [wilson(k, n) for k in range(n + 1)]
    coverage = []
    for share in np.linspace(0.02, 0.98, 97):
        chances = binom.pmf(np.arange(n + 1), n, share)
        held = [interval.low <= share <= interval.high for interval in intervals]
        coverage.append(float(chances @ np.array(held)))
    assert np.mean(coverage) == pytest.approx(0.95, abs=0.01)
    assert min(coverage) > 0.88


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_agrees_with_scipy_and_holds_the_share(counts: tuple[int, int]) -> None:
    successes, n = counts
    interval = wilson(successes, n, confidence=0.9)
    reference = binomtest(successes, n).proportion_ci(0.9, method="wilson")
    assert interval.low == pytest.approx(reference.low, abs=1e-9)
    assert interval.high == pytest.approx(reference.high, abs=1e-9)
    assert 0 <= interval.low <= successes / n <= interval.high <= 1


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (3, 2), (-1, 5)])
def test_what_is_no_share(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="not a share"):
        wilson(successes, n)


@pytest.mark.parametrize(("n", "p0"), [(100, 0.5), (60, 0.9), (200, 0.3)])
def test_the_difference_is_found_as_often_as_promised(n: int, p0: float) -> None:
    difference = smallest_detectable_difference(n, p0=p0)
    assert difference is not None
    p1 = p0 - difference if p0 >= 0.5 else p0 + difference
    draw = np.random.default_rng(0)
    first, second = draw.random((4000, n)) < p0, draw.random((4000, n)) < p1
    only_first = np.sum(first & ~second, axis=1)
    only_second = np.sum(~first & second, axis=1)
    p_values = {
        (a, b): binomtest(a, a + b).pvalue if a + b else 1.0
        for a, b in set(zip(only_first.tolist(), only_second.tolist(), strict=True))
    }
    found = [p_values[a, b] <= 0.05 for a, b in zip(only_first, only_second, strict=True)]
    assert np.mean(found) == pytest.approx(0.8, abs=0.02)


def test_large_samples_agree_with_the_usual_formula() -> None:
    # Connor 1987: n = (z_a sqrt(psi) + z_b sqrt(psi - d^2))^2 / d^2, with psi the discordance.
    difference = smallest_detectable_difference(5000)
    assert difference is not None
    psi = 0.5
    needed = (norm.ppf(0.975) * psi**0.5 + norm.ppf(0.8) * (psi - difference**2) ** 0.5) ** 2
    assert needed / difference**2 == pytest.approx(5000, rel=0.03)


def test_more_clips_show_smaller_differences() -> None:
    shown = [smallest_detectable_difference(n) for n in (20, 50, 100, 658)]
    assert shown == sorted(shown, key=lambda d: -(d or 0))


def test_too_few_clips_show_nothing() -> None:
    assert smallest_detectable_difference(5) is None
    with pytest.raises(ValueError, match="positive"):
        smallest_detectable_difference(0)
