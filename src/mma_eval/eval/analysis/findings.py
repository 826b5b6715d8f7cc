"""The words of a diagnosis: faults, what was measured for each, and what the numbers decide.

Every decision compares the end of a 95 % interval with a stated threshold, never a point value.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mma_eval.eval.scorecard import Estimate, Share

MATTERS = 0.10
"""A habit is found when its share, net of chance, surely exceeds this: one question in ten, by
convention. A rarer habit changes few answers and takes hundreds of clips to show."""
NEGLIGIBLE = 0.20
"""A habit is ruled out when its share, net of chance, surely stays below this; the band above
`MATTERS` lets thirty clips without a single case rule it out (Wilson's upper end is 11 %)."""
ABLE = 0.25
"""A sense is there when surely more, and missing when surely less, than this part of the way from
the best blind guess to perfect is gone."""
MOSTLY = 0.50
"""Declining answerable questions is a fault when it surely happens more often than not."""
LEAST_CLIPS = 10
"""Fewer clips decide nothing."""


class Fault(StrEnum):
    """What a model may be found to do, in the order of exclusion; the last two are no faults."""

    ALWAYS_ABSTAINS = "always_abstains"
    POSITION_BIASED = "position_biased"
    FAVOURS_A_CLASS = "favours_a_class"
    RANDOM = "random"
    SEES_ONLY = "sees_only"
    HEARS_ONLY = "hears_only"
    VISUALLY_DOMINATED = "visually_dominated"
    AURALLY_DOMINATED = "aurally_dominated"
    FOLLOWS_SIGHT = "follows_sight"
    """Names what it sees; whether it lacks hearing or is dominated is not known."""
    FOLLOWS_SOUND = "follows_sound"
    FOLLOWS_CAPTIONS = "follows_captions"
    LEAKS = "leaks"
    NEVER_ABSTAINS = "never_abstains"
    NONE = "none"
    """Every fault that counts was looked for and ruled out."""
    UNDECIDED = "undecided"
    """No fault that counts was found, but some could not be ruled out."""


SECONDARY = frozenset({Fault.LEAKS, Fault.NEVER_ABSTAINS})
"""Named where found, but not needed to call a model free of faults."""


class Verdict(StrEnum):
    FOUND = "found"
    RULED_OUT = "ruled_out"
    OPEN = "open"
    """Looked for; the intervals decide neither way."""
    UNTESTED = "untested"
    """Nothing that was run could show it."""


@dataclass(frozen=True)
class Measure:
    """One number that a verdict rests on, in 0 to 1, with its 95 % interval over `n` clips."""

    name: str
    value: float
    low: float
    high: float
    n: int

    @classmethod
    def of(cls, name: str, number: Share | Estimate) -> Measure:
        value = number.rate if isinstance(number, Share) else number.value
        return cls(name, value, number.low, number.high, number.n)

    def less(self, expected: float) -> Measure:
        """The same net of a rate that chance explains, which is taken as known."""
        return Measure(
            self.name, self.value - expected, self.low - expected, self.high - expected, self.n
        )

    def __str__(self) -> str:
        return f"{_percent(self.value)} % [{_percent(self.low)}-{_percent(self.high)}]"


@dataclass(frozen=True)
class Finding:
    """One fault with what was measured for it; `sentence` says it plainly."""

    fault: Fault
    verdict: Verdict
    sentence: str
    evidence: tuple[Measure, ...] = ()
    tasks: tuple[str, ...] = ()
    """The tasks that were used; for an untested fault, those that would tell."""
    excess: float = 0.0
    """How far the deciding number lies above its threshold; orders faults of one rank."""
    blanket: bool = False
    """Whether it leaves the answers without any say about the clips."""


def habit_verdict(net: Measure) -> Verdict:
    """Whether a share, net of what chance explains, is found, ruled out, or neither."""
    if net.n < LEAST_CLIPS:
        return Verdict.OPEN
    if net.low > MATTERS:
        return Verdict.FOUND
    return Verdict.RULED_OUT if net.high < NEGLIGIBLE else Verdict.OPEN


def joint_verdict(verdicts: list[Verdict]) -> Verdict:
    """Of one fault looked for in several tasks: found in any, or ruled out in all."""
    if Verdict.FOUND in verdicts:
        return Verdict.FOUND
    return Verdict.RULED_OUT if set(verdicts) == {Verdict.RULED_OUT} else Verdict.OPEN


def untested(fault: Fault, *tasks: str) -> Finding:
    """A fault that nothing in the runs could show; `tasks` would."""
    return Finding(fault, Verdict.UNTESTED, f"{' and '.join(tasks)} would tell.", tasks=tasks)


def _percent(share: float) -> str:
    return f"{100 * share:.0f}"
