"""Ranks by both right on common clips: a row is below those that are surely better.

Every pair of rows is tested, so that any two can be compared and the family of tests does not
depend on what they found. Clips are bits of a number: two thousand rows make two million pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations

from mma_eval.eval.analysis.compare import SIGNIFICANT
from mma_eval.eval.scorecard import Share
from mma_eval.leaderboard.board import Number, Standing
from mma_eval.leaderboard.words import FEWEST_CLIPS, FLOOR
from mma_eval.metrics.paired import Flips, holm, mcnemar_exact

DECIMALS = 6


@dataclass(frozen=True)
class Contender:
    """A row and its conflict clips, one bit each in the order of the dataset version."""

    id: str
    answered: int
    """Bits of the clips with both questions answered."""
    right: int
    """Bits of the clips with both right; a part of `answered`."""


@dataclass(frozen=True)
class Ranked:
    """Places by row id; `order` holds the ranked ones, best first."""

    order: tuple[str, ...]
    standings: dict[str, Standing]
    common: int
    comparisons: int


def number_of(share: Share) -> Number:
    """Rounded, so that no library's last digit changes a file."""
    value, low, high = (round(number, DECIMALS) for number in (share.rate, share.low, share.high))
    return Number(value=value, low=low, high=high, k=share.k, n=share.n)


def not_ranked(reason: str) -> Standing:
    return Standing(rank=None, position=None, tied_with=0, common=None, unranked=reason)


def rank(contenders: Iterable[Contender], planned: int) -> Ranked:
    """Ranks among `contenders` of one dataset version, which has `planned` conflict clips."""
    admitted, common, standings = _admit(contenders, planned)
    mask_size = common.bit_count()
    ordered = sorted(admitted, key=lambda c: (-(c.right & common).bit_count(), c.id))
    better, tied, comparisons = _beaten(ordered, common)
    places = sorted(range(len(ordered)), key=lambda at: (better[at], at))
    for position, at in enumerate(places, start=1):
        contender = ordered[at]
        share = Share.of((contender.right & common).bit_count(), mask_size)
        assert share is not None, "ranked rows have clips in common"
        standings[contender.id] = Standing(
            rank=1 + better[at],
            position=position,
            tied_with=tied[at],
            common=number_of(share),
            unranked=None,
        )
    order = tuple(ordered[at].id for at in places)
    return Ranked(order, standings, mask_size if order else 0, comparisons)


def _admit(
    contenders: Iterable[Contender], planned: int
) -> tuple[list[Contender], int, dict[str, Standing]]:
    """Who is ranked, the clips they share, and why the others are not.

    The fullest rows come first, so that none that lacks clips can take them from a fuller one.
    """
    floor = max(FEWEST_CLIPS, -(-planned * round(100 * FLOOR) // 100))
    admitted: list[Contender] = []
    standings: dict[str, Standing] = {}
    common = -1
    for contender in sorted(contenders, key=lambda c: (-c.answered.bit_count(), c.id)):
        own = contender.answered.bit_count()
        shared = (common & contender.answered).bit_count()
        if own < floor:
            standings[contender.id] = not_ranked(
                f"answered {own} of {planned} conflict clips; {floor} are needed"
            )
        elif shared < floor:
            standings[contender.id] = not_ranked(
                f"shares {shared} conflict clips with the ranked rows; {floor} are needed"
            )
        else:
            common &= contender.answered
            admitted.append(contender)
    return admitted, common if admitted else 0, standings


def _beaten(ordered: Sequence[Contender], common: int) -> tuple[list[int], list[int], int]:
    """For each row how many are surely better, how many are tied with it, and the tests made."""
    clips = common.bit_count()
    rights = [contender.right & common for contender in ordered]
    adjusted = holm([_p(one, other, clips) for one, other in combinations(rights, 2)])
    better = [0] * len(ordered)
    tied = [len(ordered) - 1] * len(ordered)
    for (first, second), p in zip(combinations(range(len(ordered)), 2), adjusted, strict=True):
        if p < SIGNIFICANT:
            better[second] += 1
            tied[first] -= 1
            tied[second] -= 1
    return better, tied, len(adjusted)


def _p(one: int, other: int, clips: int) -> float:
    """Of a difference between two rows; the same whichever comes first."""
    lost, gained = (one & ~other).bit_count(), (other & ~one).bit_count()
    return _p_of_flips(min(lost, gained), max(lost, gained), clips)


@cache
def _p_of_flips(fewer: int, more: int, clips: int) -> float:
    return mcnemar_exact(Flips(0, fewer, more, clips - fewer - more))
