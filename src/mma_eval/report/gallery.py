"""Which samples a page shows: all of a few, else a seeded choice in which no outcome is missing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from mma_eval.eval.analysis.subject import Subject
from mma_eval.eval.log import SampleRecord
from mma_eval.seeded import SeededStream

Cell = tuple[int, str, str, str]


@dataclass(frozen=True)
class Exhibit:
    """One sample of the gallery, and which subject answered it."""

    subject: int
    """Place among the page's subjects."""
    sample: SampleRecord


def choose_exhibits(
    subjects: Sequence[Subject], limit: int | None, seed: int = 0
) -> tuple[Exhibit, ...]:
    """At most `limit` samples, spread evenly over subject, task, outcome and attribution.

    Clips are drawn in one order for all of them, so that the same clips appear under several
    conditions and models; the result is in the order of the samples.
    """
    every = [Exhibit(at, sample) for at, one in enumerate(subjects) for sample in one.samples]
    if limit is None or limit >= len(every):
        return tuple(every)
    cells: defaultdict[Cell, list[int]] = defaultdict(list)
    for place, exhibit in enumerate(every):
        cells[_cell(exhibit)].append(place)
    draw = {clip: SeededStream(seed, "gallery", clip).bits() for clip in _clips(every)}
    queues = [
        sorted(places, key=lambda place: (draw[every[place].sample.clip], place))
        for places in cells.values()
    ]
    return tuple(every[place] for place in sorted(_in_turn(queues, limit)))


def _cell(exhibit: Exhibit) -> Cell:
    sample = exhibit.sample
    return (
        exhibit.subject,
        sample.task,
        sample.outcome or sample.status,
        sample.attribution or "",
    )


def _clips(exhibits: Sequence[Exhibit]) -> set[str]:
    return {exhibit.sample.clip for exhibit in exhibits}


def _in_turn(queues: Sequence[Sequence[int]], limit: int) -> list[int]:
    """The first of every queue, then the second of every queue, until there are `limit`."""
    taken: list[int] = []
    for turn in range(max(map(len, queues), default=0)):
        for queue in queues:
            if turn < len(queue) and len(taken) < limit:
                taken.append(queue[turn])
    return taken
