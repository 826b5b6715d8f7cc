"""Stretches of equal length over a clip, as models take them that were built on short clips."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

RATE_DENOMINATOR = 1001
"""Of frame rates such as 30000/1001."""


@dataclass(frozen=True)
class Stretches:
    """`count` stretches of `seconds` each, from the start of a clip; they overlap in a short one.

    `spacing` says what the room before the last stretch is divided by: the number of stretches
    (pytorchvideo 0.1.5, so that the end of the clip is never seen) or of the gaps between them.
    """

    count: int
    seconds: float
    spacing: Literal["stretches", "gaps"] = "stretches"

    def starts(self, length: Fraction) -> tuple[Fraction, ...]:
        """Second at which each begins in a clip of `length` seconds."""
        room = max(length - Fraction(self.seconds), Fraction(0))
        parts = self.count if self.spacing == "stretches" else max(1, self.count - 1)
        return tuple(room * index / parts for index in range(self.count))

    def frames(self, total: int, fps: float, each: int) -> tuple[tuple[int, ...], ...]:
        """`each` frames of every stretch, from its first to its last, of `total` at `fps`."""
        rate = Fraction(fps).limit_denominator(RATE_DENOMINATOR)
        return tuple(
            _spread(*self._range(start * rate, rate, total), each)
            for start in self.starts(total / rate)
        )

    def samples(self, total: int, rate: int) -> tuple[slice, ...]:
        """The samples of every stretch, of `total` at `rate`."""
        starts = self.starts(Fraction(total, rate))
        return tuple(
            slice(int(start * rate), int((start + Fraction(self.seconds)) * rate))
            for start in starts
        )

    def _range(self, start: Fraction, rate: Fraction, total: int) -> tuple[int, int]:
        """First frame shown at or after `start` (in frames), and first one past the stretch."""
        end = min(math.ceil(start + Fraction(self.seconds) * rate), total)
        first = min(math.ceil(start), total - 1)
        return first, max(end, first + 1)


def _spread(first: int, end: int, each: int) -> tuple[int, ...]:
    """`each` of the frames from `first` up to `end`, evenly, rounded down."""
    last = end - first - 1
    return tuple(first + last * index // max(1, each - 1) for index in range(each))
