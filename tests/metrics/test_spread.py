"""Mean and sample standard deviation."""

from __future__ import annotations

import math

import pytest

from mma_eval.metrics.spread import Spread, spread


def test_a_textbook_example() -> None:
    """Squared deviations from 5 sum to 32, over n - 1 = 7."""
    found = spread([2, 4, 4, 4, 5, 5, 7, 9])
    assert (found.mean, found.n) == (5.0, 8)
    assert found.deviation == pytest.approx(math.sqrt(32 / 7))


def test_one_measurement_has_no_spread_and_equal_ones_have_none_of_it() -> None:
    assert spread([0.7]) == Spread(0.7, None, 1)
    assert spread([0.7, 0.7, 0.7]) == Spread(0.7, 0.0, 3)


def test_a_small_spread_on_a_large_mean_is_not_lost() -> None:
    assert spread([1e9 + 1, 1e9 + 2, 1e9 + 3]).deviation == pytest.approx(1.0)


def test_no_measurement_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        spread([])
