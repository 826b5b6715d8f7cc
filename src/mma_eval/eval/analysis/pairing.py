"""Samples of two conditions, or of two runs, that ask about the same stimulus."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic

from mma_eval.eval.analysis.questions import answered, sound_of, stem, video_of
from mma_eval.eval.scored import S, ScoredSample


@dataclass(frozen=True)
class Pair(Generic[S]):
    """Two answers about the same source of the asked stream."""

    first: S
    second: S

    @property
    def video(self) -> str:
        """The clip whose picture this pair depends on, to resample by."""
        return _foreign(video_of(self.first), video_of(self.second), asked_source(self.first))

    @property
    def sound(self) -> str:
        """The clip whose sound this pair depends on, to resample by."""
        return _foreign(sound_of(self.first), sound_of(self.second), asked_source(self.first))


@dataclass(frozen=True)
class Pairing(Generic[S]):
    """The pairs of two lists, and how many answered samples of either found no partner."""

    pairs: tuple[Pair[S], ...]
    left_first: int
    left_second: int


def pair_records(first: Iterable[S], second: Iterable[S]) -> Pairing[S]:
    """Pair answered samples on the source of the asked stream, in the order of `first`.

    The audio question on a swapped clip goes with the audio question on the clip that its sound
    comes from; rows of a question set go with the same row. A source that occurs once on one side
    pairs with each of its samples on the other (a sound that two clips borrowed, twice with its
    own clip); one that occurs several times on both pairs by sample id. Give `well_posed(records)`
    where accuracy is compared.
    """
    sides = (_by_source(answered(first)), _by_source(answered(second)))
    pairs = [
        pair for key, samples in sides[0].items() for pair in _match(samples, sides[1].get(key, []))
    ]
    used = ({id(pair.first) for pair in pairs}, {id(pair.second) for pair in pairs})
    left = [
        sum(id(sample) not in seen for samples in side.values() for sample in samples)
        for side, seen in zip(sides, used, strict=True)
    ]
    return Pairing(tuple(pairs), *left)


def asked_source(record: ScoredSample) -> str | None:
    """The clip that the asked stream comes from; None where the manifest does not say."""
    sources = {"visual": record.video_source, "audio": record.audio_source, "both": record.clip}
    return sources[record.ask]


def _by_source(records: Iterable[S]) -> dict[object, list[S]]:
    found: defaultdict[object, list[S]] = defaultdict(list)
    for record in records:
        row = stem(record)
        source = asked_source(record)
        # Without a known source a sample can still meet itself.
        key = record.id if source is None else source
        found[key, row if row != record.clip else None, source is None].append(record)
    return found


def _match(first: list[S], second: list[S]) -> list[Pair[S]]:
    if len(first) == 1 or len(second) == 1:
        return [Pair(one, two) for one in first for two in second]
    by_id = {record.id: record for record in second}
    return [Pair(record, by_id[record.id]) for record in first if record.id in by_id]


def _foreign(first: str, second: str, asked: str | None) -> str:
    """The source that a swap brought in, where one side has one."""
    return second if first == asked else first
