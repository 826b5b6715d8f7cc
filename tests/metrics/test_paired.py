"""McNemar's test and Holm's correction against published values and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mma_eval.metrics.paired import Flips, holm, mcnemar_exact


class TestFlips:
    def test_counts_pairs_by_which_answer_is_right(self) -> None:
        flips = Flips.of([(True, True), (True, False), (True, False), (False, True), (False,) * 2])
        assert flips == Flips(both_right=1, lost=2, gained=1, both_wrong=1)
        assert (flips.pairs, flips.before, flips.after) == (5, 3 / 5, 2 / 5)


class TestMcNemar:
    def test_approval_of_a_prime_minister(self) -> None:
        """Agresti, Categorical Data Analysis, section 10.1: 150 and 86 of 1600 changed sides.

        The exact p is the one in the manual of the R package exact2x2.
        """
        assert mcnemar_exact(Flips(794, 150, 86, 570)) == pytest.approx(3.716e-5, rel=1e-3)

    def test_airways_before_and_after_transplantation(self) -> None:
        """Fagerland, Lydersen and Laake 2013, Table 1: 1 and 7 of 21 children, p = 0.070."""
        flips = Flips(both_right=1, lost=1, gained=7, both_wrong=12)
        assert mcnemar_exact(flips) == pytest.approx(2 * (1 + 8) / 2**8)

    def test_only_flips_count(self) -> None:
        assert mcnemar_exact(Flips(0, 3, 9, 0)) == mcnemar_exact(Flips(500, 9, 3, 70))

    def test_no_flip_shows_nothing(self) -> None:
        assert mcnemar_exact(Flips(10, 0, 0, 10)) == 1.0

    def test_no_pair_is_refused(self) -> None:
        with pytest.raises(ValueError, match="at least one pair"):
            mcnemar_exact(Flips.of([]))


class TestHolm:
    def test_by_hand(self) -> None:
        """Sorted: 0.005 x 4, 0.01 x 3, 0.03 x 2, and 0.04 x 1 raised to the one before."""
        assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])

    def test_one_test_needs_no_correction(self) -> None:
        assert holm([0.2]) == [0.2] and holm([]) == []

    @given(st.lists(st.floats(0, 1), min_size=1))
    def test_never_smaller_than_alone_nor_larger_than_bonferroni(self, p: list[float]) -> None:
        for alone, adjusted in zip(p, holm(p), strict=True):
            assert alone <= adjusted <= 1.0
            assert adjusted <= max(min(1.0, len(p) * other) for other in p if other <= alone)

    def test_holds_the_family_wise_error(self) -> None:
        """Twelve conditions against one baseline, all of them as good as it."""
        random = np.random.default_rng(1)
        by_flips = {
            (n, lost): mcnemar_exact(Flips(0, lost, n - lost, 1))
            for n in range(61)
            for lost in range(n + 1)
        }
        false_alarms, uncorrected = 0, 0
        for _ in range(500):
            baseline = random.random(60) < 0.6
            p = []
            for _ in range(12):
                condition = random.random(60) < 0.6
                lost, gained = (
                    int((baseline & ~condition).sum()),
                    int((~baseline & condition).sum()),
                )
                p.append(by_flips[lost + gained, lost])
            false_alarms += min(holm(p)) < 0.05
            uncorrected += min(p) < 0.05
        assert false_alarms / 500 < 0.05 + 3 * 0.0098
        assert uncorrected / 500 > 0.15
