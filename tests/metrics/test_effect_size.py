from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from mma_eval.metrics.effect_size import (
    ClusterMoments,
    Moments,
    cohens_d,
    cohens_d_of,
    resampled_effects,
)

Numbers = NDArray[np.floating[Any]]
samples = arrays(np.float64, st.integers(2, 12), elements=st.floats(-100, 100))


def paired(effect: float, likeness: float, *, clips: int, cells: int, seed: int) -> list[Numbers]:
    """Two normal observations a clip of unit variance, as alike as said; one cell, one trial."""
    random = np.random.RandomState(seed)
    clip = random.randn(clips, cells) * math.sqrt(likeness)
    own = [random.randn(clips, cells) * math.sqrt(1 - likeness) for _ in range(2)]
    return [clip + own[0] + effect, clip + own[1]]


class TestOfTwoSamples:
    def test_by_hand(self) -> None:
        # Means 4 and 2; variances 4 (n = 3) and 2 (n = 2): s_p^2 = (2 * 4 + 1 * 2) / 3.
        assert cohens_d([2, 4, 6], [1, 3]) == pytest.approx(2 / math.sqrt(10 / 3))

    def test_turns_round_with_its_sides(self) -> None:
        assert cohens_d([1, 3], [2, 4, 6]) == pytest.approx(-2 / math.sqrt(10 / 3))

    @given(samples, samples)
    def test_is_students_t_without_the_sample_sizes(self, one: Numbers, other: Numbers) -> None:
        from scipy.stats import ttest_ind

        assume(np.var(one) + np.var(other) > 1e-6)
        t = ttest_ind(one, other).statistic
        expected = t * math.sqrt(1 / len(one) + 1 / len(other))
        assert cohens_d(one, other) == pytest.approx(expected, rel=1e-6, abs=1e-9)

    @pytest.mark.parametrize(("one", "other"), [([1.0], [1, 2, 3]), ([1, 2], []), ([], [])])
    def test_needs_two_of_each(self, one: list[float], other: list[float]) -> None:
        assert cohens_d(one, other) is None

    def test_nothing_varies(self) -> None:
        assert cohens_d([0.3, 0.3], [0.3, 0.3]) == 0
        assert cohens_d([0.3, 0.3], [0.4, 0.4]) is None

    def test_rounding_is_no_spread(self) -> None:
        assert cohens_d([0.1 + 0.2, 0.3], [0.3, 0.3]) == 0

    def test_rejects_what_is_no_number(self) -> None:
        with pytest.raises(ValueError, match="finite"):
            cohens_d([1, math.nan], [1, 2])


class TestOfMoments:
    @given(samples, samples)
    def test_agrees_with_samples(self, one: Numbers, other: Numbers) -> None:
        assume(np.var(one) + np.var(other) > 1e-3)
        d = cohens_d_of(Moments.of(one), Moments.of(other))
        assert float(d) == pytest.approx(cohens_d(one, other), rel=1e-4, abs=1e-6)

    def test_holds_as_many_observations_as_they_say(self) -> None:
        # Tokens of 0.1, 0.2, 0.3 against tokens of 0.2, 0.4, as counts and sums.
        one = Moments(np.array(3.0), np.array(0.6), np.array(0.14))
        other = Moments(np.array(2.0), np.array(0.6), np.array(0.20))
        assert cohens_d_of(one, other) == pytest.approx(cohens_d([0.1, 0.2, 0.3], [0.2, 0.4]))

    def test_is_undefined_where_there_is_too_little(self) -> None:
        values = np.array([[1.0, 1.0], [2.0, np.nan]])
        d = cohens_d_of(Moments.of(values), Moments.of(values + 1))
        assert d[0] == pytest.approx(-1 / math.sqrt(0.5))
        assert np.isnan(d[1])


class TestResampled:
    def test_value_is_that_of_all_observations(self) -> None:
        one, other = paired(0.7, 0.3, clips=30, cells=4, seed=1)
        sizes = resampled_effects(ClusterMoments.of(one), ClusterMoments.of(other))
        assert sizes.d == pytest.approx([cohens_d(one[:, at], other[:, at]) for at in range(4)])
        assert sizes.replicates.shape == (2000, 4)

    @pytest.mark.parametrize(
        ("clips", "effect", "likeness"), [(12, 0.0, 0.0), (12, 1.0, 0.8), (60, 0.5, 0.5)]
    )
    def test_interval_covers_the_truth(self, clips: int, effect: float, likeness: float) -> None:
        one, other = paired(effect, likeness, clips=clips, cells=500, seed=clips)
        sizes = resampled_effects(ClusterMoments.of(one), ClusterMoments.of(other))
        low, high = sizes.bounds()
        assert 0.93 <= np.mean((low <= effect) & (effect <= high)) <= 0.995

    def test_more_tokens_of_the_same_clips_are_no_more_certain(self) -> None:
        one, other = paired(0.5, 0.5, clips=40, cells=1, seed=3)
        few = [ClusterMoments.of(side) for side in (one, other)]
        many = [
            ClusterMoments(100 * side.count, 100 * side.total, 100 * side.squares) for side in few
        ]
        narrow, wide = (np.subtract(*resampled_effects(*both).bounds()) for both in (many, few))
        assert narrow == pytest.approx(wide, rel=0.02)

    def test_what_never_differs_is_certain(self) -> None:
        same = ClusterMoments.of(np.random.RandomState(0).rand(10, 2))
        sizes = resampled_effects(same, same)
        low, high = sizes.bounds()
        assert not sizes.d.any() and not low.any() and not high.any()

    def test_same_clips_are_drawn_alike(self) -> None:
        sides = [ClusterMoments.of(one) for one in paired(0.5, 0.5, clips=20, cells=3, seed=2)]
        sizes = resampled_effects(*sides)
        again = resampled_effects(*sides)
        low, high = sizes.less(again).bounds()
        assert not low.any() and not high.any()
        assert np.array_equal(sizes.replicates, again.replicates)

    def test_few_clips_have_no_interval(self) -> None:
        sides = [ClusterMoments.of(one) for one in paired(0.5, 0.5, clips=4, cells=1, seed=2)]
        sizes = resampled_effects(*sides)
        low, high = sizes.bounds()
        assert np.isnan(low).all() and np.isnan(high).all()
        assert np.isnan(sizes.chance_magnitude())

    def test_mean_magnitude_leaves_out_what_is_undefined(self) -> None:
        one, other = paired(0.5, 0.5, clips=20, cells=3, seed=2)
        one[:, 1], other[:, 1] = 1.0, 2.0
        sizes = resampled_effects(ClusterMoments.of(one), ClusterMoments.of(other))
        assert np.isnan(sizes.d[1])
        assert sizes.mean_magnitude().d == pytest.approx(np.abs(sizes.d[[0, 2]]).mean())

    def test_chance_is_what_noise_alone_gives(self) -> None:
        one, other = paired(0.0, 0.0, clips=50, cells=400, seed=5)
        sizes = resampled_effects(ClusterMoments.of(one), ClusterMoments.of(other))
        assert sizes.chance_magnitude() == pytest.approx(sizes.mean_magnitude().d, rel=0.1)

    def test_needs_the_same_clips_on_both_sides(self) -> None:
        with pytest.raises(ValueError, match="same clusters"):
            resampled_effects(
                ClusterMoments.of(np.ones((3, 1))), ClusterMoments.of(np.ones((4, 1)))
            )


def test_clusters_of_one_name_are_one() -> None:
    made = ClusterMoments.of(np.array([[1.0], [2.0], [5.0]])).together(["a", "b", "a"])
    assert made.total.ravel().tolist() == [6, 2]
    assert made.squares.ravel().tolist() == [26, 4]
    assert made.count.ravel().tolist() == [2, 1]
