"""Whose sound each clip gets in a swap: one seeded derangement of a whole manifest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from mma_eval.errors import UsageError
from mma_eval.seeded import SeededStream

PASSES = 12
"""Rounds of exchanges; each offers every clip two of them."""


def derange(labels: Mapping[str, str], seed: int) -> dict[str, str]:
    """Receiving clip to donor clip, from each clip's class; a donor is always of another class.

    Every sound is used once where no class has more than half of the clips; else reuse is as even
    as can be. The order of `labels` does not matter. Raises UsageError where all clips are of one
    class.
    """
    clips = sorted(labels)
    sizes = Counter(labels.values())
    if len(sizes) < 2:
        raise UsageError(
            f"swap_audio needs clips of at least two classes, and this manifest has {len(sizes)}"
        )
    stream = SeededStream(seed, "swap_audio")
    largest, size = min(sizes.items(), key=lambda item: (-item[1], item[0]))
    if size * 2 > len(clips):
        donors = _share_out(clips, labels, largest, stream)
    else:
        donors = _rotate(clips, labels, size, stream)
        _exchange(donors, labels, stream)
    return {clip: donors[clip] for clip in clips}


def _rotate(
    clips: Sequence[str], labels: Mapping[str, str], step: int, stream: SeededStream
) -> dict[str, str]:
    """Clips side by side by class, each given the sound `step` places on: never its own class.

    That holds where no class has more than `step` clips, nor more than all but `step`.
    """
    classes = stream.shuffled(sorted(set(labels.values())))
    place = {label: index for index, label in enumerate(classes)}
    order = sorted(stream.shuffled(clips), key=lambda clip: place[labels[clip]])
    return {clip: order[(i + step) % len(order)] for i, clip in enumerate(order)}


def _exchange(donors: dict[str, str], labels: Mapping[str, str], stream: SeededStream) -> None:
    """Mix: clips drawn in pairs exchange sounds wherever both still get one of another class."""
    clips = sorted(donors)
    for _ in range(PASSES):
        for one, other in zip(clips, stream.shuffled(clips), strict=True):
            mine, theirs = donors[one], donors[other]
            if labels[one] != labels[theirs] and labels[other] != labels[mine]:
                donors[one], donors[other] = theirs, mine


def _share_out(
    clips: Sequence[str], labels: Mapping[str, str], largest: str, stream: SeededStream
) -> dict[str, str]:
    """The largest class takes the other sounds in turn, and the others take from it, each once."""
    many = stream.shuffled([clip for clip in clips if labels[clip] == largest])
    few = stream.shuffled([clip for clip in clips if labels[clip] != largest])
    donors = {clip: few[i % len(few)] for i, clip in enumerate(many)}
    donors.update(zip(few, stream.shuffled(many), strict=False))
    return donors
