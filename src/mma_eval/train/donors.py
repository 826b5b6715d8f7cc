"""Whose sounds each clip of a part gets: of distinct other classes, every sound about as often."""

from __future__ import annotations

from collections.abc import Mapping

from mma_eval.errors import UsageError
from mma_eval.seeded import SeededStream

Round = dict[str, str]
"""Receiving clip to donor clip."""


def sounds_at_most(labels: Mapping[str, str]) -> int:
    """Distinct other classes that every clip of a part can get a sound of."""
    return max(0, len(set(labels.values())) - 1)


def donor_rounds(labels: Mapping[str, str], swaps: int, seed: int, part: str) -> tuple[Round, ...]:
    """`swaps` donors for each clip, one a round, from the class of every clip of one part.

    A clip's donors are of distinct classes, never its own; within a class every sound is used as
    often as any other or once more, and classes lend in proportion to their clips as far as that
    allows. The order of `labels` makes no difference. Raises UsageError, with the class and what to
    do, where there are too few classes.
    """
    if swaps > sounds_at_most(labels):
        raise UsageError(
            f"the {part} part has clips of {_words(labels)}, and {swaps} sounds of distinct other"
            f" classes need {swaps + 1}: set data.swaps to {max(1, sounds_at_most(labels))},"
            " or add clips of other classes"
        )
    stream = SeededStream(seed, "tuning pairs", part)
    lenders = {
        label: stream.shuffled(sorted(clip for clip in labels if labels[clip] == label))
        for label in sorted(set(labels.values()))
    }
    lent = dict.fromkeys(lenders, 0)
    rounds: tuple[Round, ...] = tuple({} for _ in range(swaps))
    for clip in stream.shuffled(sorted(labels)):
        others = stream.shuffled([label for label in lenders if label != labels[clip]])
        # Sorting is stable, so classes that have lent alike stay in their drawn order.
        others.sort(key=lambda label: lent[label] / len(lenders[label]))
        for label, donors in zip(stream.shuffled(others[:swaps]), rounds, strict=True):
            donors[clip] = lenders[label][lent[label] % len(lenders[label])]
            lent[label] += 1
    return rounds


def _words(labels: Mapping[str, str]) -> str:
    names = sorted(set(labels.values()))
    if len(names) == 1:
        return f"the class '{names[0]}' alone"
    return f"{len(names)} classes"
