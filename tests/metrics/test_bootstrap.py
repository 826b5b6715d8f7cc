"""Intervals hold the truth as often as they claim, with and without dependence in clusters."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import astuple

import numpy as np
import pytest
from scipy.stats import norm

from mma_eval.metrics import bootstrap
from mma_eval.metrics.bootstrap import DIFFERENCE, SHARE, Resampled, resampled_mean

TRIALS = 400
NEAR_NOMINAL = (0.925, 0.985)
"""With 400 trials the coverage of a true 95 % interval strays by 1.1 points."""


def coverage(draw: Callable[[], Resampled], truth: float, trials: int = TRIALS) -> float:
    intervals = [draw() for _ in range(trials)]
    return sum(i.low <= truth <= i.high for i in intervals) / trials


def near_nominal(draw: Callable[[], Resampled], truth: float) -> bool:
    low, high = NEAR_NOMINAL
    return low <= coverage(draw, truth) <= high


def alone(values: Sequence[float]) -> range:
    """Every value its own cluster."""
    return range(len(values))


def alike(
    random: np.random.Generator, clusters: int, size: int, share: float, correlation: float
) -> tuple[list[float], list[int]]:
    """Hits in clusters, beta-binomial: `correlation` within a cluster."""
    strength = (1 - correlation) / correlation
    rates = random.beta(share * strength, (1 - share) * strength, clusters)
    hits = random.random((clusters, size)) < rates[:, None]
    return hits.ravel().astype(float).tolist(), np.repeat(np.arange(clusters), size).tolist()


class TestOneShare:
    @pytest.mark.parametrize(("n", "share"), [(20, 0.5), (20, 0.9), (50, 0.95), (200, 0.98)])
    def test_coverage_of_independent_clips(self, n: int, share: float) -> None:
        random = np.random.default_rng(1)

        def draw() -> Resampled:
            hits = (random.random(n) < share).astype(float).tolist()
            return resampled_mean(hits, alone(hits), bounds=SHARE)

        assert near_nominal(draw, share)

    @pytest.mark.parametrize(
        ("clusters", "size", "share", "correlation"), [(20, 4, 0.7, 0.5), (60, 4, 0.9, 0.5)]
    )
    def test_coverage_of_clusters_where_resampling_answers_fails(
        self, clusters: int, size: int, share: float, correlation: float
    ) -> None:
        random = np.random.default_rng(2)
        drawn = [alike(random, clusters, size, share, correlation) for _ in range(TRIALS)]
        by_cluster = iter([resampled_mean(v, names, bounds=SHARE) for v, names in drawn])
        by_answer = iter([resampled_mean(v, alone(v), bounds=SHARE) for v, _ in drawn])
        assert near_nominal(lambda: next(by_cluster), share)
        assert coverage(lambda: next(by_answer), share) < 0.88

    def test_close_to_agresti_and_coull(self) -> None:
        """(x + 2) / (n + 4), plus or minus 1.96 of its standard errors (Agresti and Coull 1998)."""
        hits = [1.0] * 80 + [0.0] * 20
        found = resampled_mean(hits, alone(hits), bounds=SHARE)
        centre = 82 / 104
        half = 1.96 * math.sqrt(centre * (1 - centre) / 104)
        assert found.low == pytest.approx(centre - half, abs=0.01)
        assert found.high == pytest.approx(centre + half, abs=0.01)
        assert (found.value, found.n) == (0.8, 100)

    def test_close_to_the_sandwich_variance_of_unequal_clusters(self) -> None:
        random = np.random.default_rng(3)
        sizes = random.integers(1, 6, 300)
        names = np.repeat(np.arange(300), sizes)
        hits = (random.random(len(names)) < random.beta(2, 1, 300)[names]).astype(float)
        found = resampled_mean(hits.tolist(), names.tolist(), bounds=SHARE, replicates=20_000)
        residuals = np.bincount(names, hits - hits.mean())
        half = 1.96 * math.sqrt((residuals**2).sum()) / len(names)
        assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.03)


class TestPairedDifference:
    @pytest.mark.parametrize(
        ("n", "lost", "gained"), [(20, 0.2, 0.05), (50, 0.1, 0.02), (200, 0.3, 0.1)]
    )
    def test_coverage(self, n: int, lost: float, gained: float) -> None:
        random = np.random.default_rng(4)

        def draw() -> Resampled:
            change = random.choice([-1.0, 1.0, 0.0], n, p=[lost, gained, 1 - lost - gained])
            return resampled_mean(change.tolist(), range(n), bounds=DIFFERENCE)

        assert near_nominal(draw, gained - lost)

    def test_no_flips_are_not_certainty(self) -> None:
        """Near Tango's score interval for no flips of n, z^2 / (n + z^2) on either side."""
        found = resampled_mean([0.0] * 60, range(60), bounds=DIFFERENCE)
        tango = 1.96**2 / (60 + 1.96**2)
        assert found.high == -found.low == pytest.approx(tango, rel=0.25)

    def test_close_to_bonett_and_price(self) -> None:
        """Lost 12 and gained 3 of 100: one pseudo-pair each (Bonett and Price 2012)."""
        change = [-1.0] * 12 + [1.0] * 3 + [0.0] * 85
        found = resampled_mean(change, range(100), bounds=DIFFERENCE)
        p_lost, p_gained = 13 / 102, 4 / 102
        centre = p_gained - p_lost
        half = 1.96 * math.sqrt((p_lost + p_gained - centre**2) / 102)
        assert found.low == pytest.approx(centre - half, abs=0.01)
        assert found.high == pytest.approx(centre + half, abs=0.01)


class TestStrata:
    @pytest.mark.parametrize(
        ("n", "classes", "worst", "best"),
        [(20, 10, 0.5, 1.0), (20, 10, 0.9, 0.9), (60, 10, 0.4, 1.0), (200, 12, 0.5, 0.95)],
    )
    def test_coverage_of_macro_accuracy(
        self, n: int, classes: int, worst: float, best: float
    ) -> None:
        random = np.random.default_rng(5)
        rates = np.linspace(worst, best, classes)

        def draw() -> Resampled:
            label = np.concatenate([np.arange(classes), random.integers(0, classes, n - classes)])
            hits = (random.random(n) < rates[label]).astype(float)
            return resampled_mean(hits.tolist(), range(n), bounds=SHARE, strata=label.tolist())

        assert near_nominal(draw, float(rates.mean()))

    @pytest.mark.parametrize(("clips", "recall", "false"), [(20, 0.5, 0.1), (60, 0.9, 0.05)])
    def test_coverage_of_balanced_accuracy(self, clips: int, recall: float, false: float) -> None:
        """One clip is asked three times: a model that declines once tends to decline again."""
        random = np.random.default_rng(6)

        def draw() -> Resampled:
            own, mood = random.random((3, clips)), random.random(clips)
            moods = np.where(random.random((3, clips)) < 0.5, mood, own)
            right = np.concatenate([moods[0] < recall, moods[1] >= false, moods[2] >= false])
            return resampled_mean(
                right.astype(float).tolist(),
                [*range(clips)] * 3,
                bounds=SHARE,
                strata=["gone"] * clips + ["there"] * 2 * clips,
            )

        assert near_nominal(draw, (recall + 1 - false) / 2)

    def test_the_mean_of_means(self) -> None:
        found = resampled_mean(
            [1.0, 1.0, 1.0, 0.0, 1.0], range(5), bounds=SHARE, strata=["a", "a", "a", "b", "c"]
        )
        assert found.value == pytest.approx(2 / 3)

    def test_one_clip_a_class_is_no_certainty(self) -> None:
        found = resampled_mean([1.0] * 10, range(10), bounds=SHARE, strata=[*range(10)])
        assert found.low < 0.8 and found.high == 1.0


class TestTwoClusterings:
    @pytest.mark.parametrize(
        ("n", "videos", "sounds", "share"), [(150, 50, 50, 0.6), (60, 60, 20, 0.7)]
    )
    def test_coverage_of_crossed_effects_where_one_way_fails(
        self, n: int, videos: int, sounds: int, share: float
    ) -> None:
        random = np.random.default_rng(7)

        def sample() -> tuple[list[float], list[int], list[int]]:
            video, sound = random.integers(0, videos, n), random.integers(0, sounds, n)
            ease = math.sqrt(0.35) * (random.normal(size=videos)[video])
            ease = ease + math.sqrt(0.35) * random.normal(size=sounds)[sound]
            ease = ease + math.sqrt(0.3) * random.normal(size=n)
            hits = (ease < norm.ppf(share)).astype(float)
            return hits.tolist(), video.tolist(), sound.tolist()

        drawn = [sample() for _ in range(TRIALS)]
        both = iter([resampled_mean(*each, bounds=SHARE) for each in drawn])
        neither = iter([resampled_mean(each[0], range(n), bounds=SHARE) for each in drawn])
        assert near_nominal(lambda: next(both), share)
        assert coverage(lambda: next(neither), share) < 0.9

    def test_a_sound_of_its_own_for_every_video_changes_nothing(self) -> None:
        """A product bootstrap would be wider here by up to the square root of three (Owen 2007)."""
        hits = [float(n % 3 > 0) for n in range(90)]
        sounds = [(n + 40) % 90 for n in range(90)]
        by_video = resampled_mean(hits, range(90), bounds=SHARE)
        assert resampled_mean(hits, range(90), sounds, bounds=SHARE) == by_video

    def test_a_nested_clustering_gives_way_to_the_coarser(self) -> None:
        hits = [float(n % 7 > 1) for n in range(80)]
        sounds: list[Hashable] = [f"s{n // 4}" for n in range(80)]
        coarser = resampled_mean(hits, sounds, bounds=SHARE)
        assert resampled_mean(hits, range(80), sounds, bounds=SHARE) == coarser
        assert coarser.n == 20


class TestAnyInput:
    def test_the_same_input_gives_the_same_interval(self) -> None:
        hits = [float(n % 5 > 0) for n in range(50)]
        first = resampled_mean(hits, range(50), bounds=SHARE)
        assert resampled_mean(hits, range(50), bounds=SHARE) == first
        assert resampled_mean(hits, range(50), bounds=SHARE, seed=9) != first

    @pytest.mark.parametrize("at_once", [1, 1_000, 10_000_000])
    def test_how_much_is_held_at_once_changes_no_interval(
        self, at_once: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        values = [float(at % 3 == 0) for at in range(700)]
        videos, sounds = [at // 2 for at in range(700)], [at % 300 for at in range(700)]

        def measured() -> Resampled:
            bootstrap._draw.cache_clear()
            return resampled_mean(values, videos, sounds, bounds=SHARE)

        usual = measured()
        monkeypatch.setattr(bootstrap, "_AT_ONCE", at_once)
        # Another order of sums may round otherwise; the draws are the same.
        assert astuple(measured()) == pytest.approx(astuple(usual), rel=1e-12)

    def test_more_clusters_than_fit_at_once(self) -> None:
        hits = [float(n % 4 > 0) for n in range(30_000)]
        found = resampled_mean(hits, range(30_000), bounds=SHARE, replicates=400)
        half = 1.96 * math.sqrt(0.75 * 0.25 / 30_000)
        assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.12)

    @pytest.mark.parametrize("value", [0.0, 1.0])
    def test_a_single_answer_has_a_wide_interval_around_it(self, value: float) -> None:
        found = resampled_mean([value], ["clip"], ["sound"], bounds=SHARE)
        assert found.low <= value <= found.high and found.high - found.low > 0.5

    def test_nothing_to_resample_is_refused(self) -> None:
        with pytest.raises(ValueError, match="needs values"):
            resampled_mean([], [], bounds=SHARE)
        with pytest.raises(ValueError, match="a cluster for each"):
            resampled_mean([1.0, 0.0], ["a"], bounds=SHARE)
        with pytest.raises(ValueError, match="one or two"):
            resampled_mean([1.0], bounds=SHARE)
