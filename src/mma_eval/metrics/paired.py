"""Tests on pairs: did the same stimulus flip from right to wrong more often than back?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Flips:
    """Pairs of two answers, by which of them is right."""

    both_right: int
    lost: int
    """Right first, wrong second."""
    gained: int
    both_wrong: int

    @classmethod
    def of(cls, pairs: Iterable[tuple[bool, bool]]) -> Flips:
        counts = {(one, two): 0 for one in (True, False) for two in (True, False)}
        for one, two in pairs:
            counts[one, two] += 1
        return cls(
            counts[True, True], counts[True, False], counts[False, True], counts[False, False]
        )

    @property
    def pairs(self) -> int:
        return self.both_right + self.lost + self.gained + self.both_wrong

    @property
    def before(self) -> float:
        """Share right first; ZeroDivisionError without pairs."""
        return (self.both_right + self.lost) / self.pairs

    @property
    def after(self) -> float:
        return (self.both_right + self.gained) / self.pairs


def mcnemar_exact(flips: Flips) -> float:
    """Two-sided exact p of McNemar's test: a binomial test of the flips against one half.

    McNemar 1947; the exact conditional form as in Fagerland, Lydersen and Laake 2013, section 2.
    Without a flip p is 1. Pairs are taken as independent. Raises ValueError without pairs, which
    show nothing.
    """
    from scipy.special import bdtr

    if flips.pairs == 0:
        raise ValueError("McNemar's test needs at least one pair")
    fewer, more = sorted((flips.lost, flips.gained))
    # By symmetry both tails weigh the same; of equal counts they overlap.
    return min(1.0, 2 * float(bdtr(fewer, fewer + more, 0.5))) if fewer + more else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values of a family, in the order given; each is at most 1.

    Holm 1979: the k-th smallest of m is multiplied by m - k + 1, and none may be below one that
    was smaller. It holds the family-wise error under any dependence.
    """
    order = sorted(range(len(p_values)), key=lambda at: p_values[at])
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, at in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[at]))
        adjusted[at] = highest
    return adjusted
