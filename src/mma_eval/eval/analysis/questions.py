"""What can be said of one sample: what it asks, and what its clip holds."""

from __future__ import annotations

from collections.abc import Iterable

from mma_eval.eval.scored import S, ScoredSample
from mma_eval.metrics.choice import ill_posed
from mma_eval.metrics.extract import is_abstention
from mma_eval.metrics.words import same_name
from mma_eval.types import Ask


def is_ill_posed(record: ScoredSample) -> bool:
    """Whether the asked stream is gone and no option says so."""
    return ill_posed(record.ask, record.removed, record.target)


def is_conflict(record: ScoredSample) -> bool:
    """Whether picture and sound are both there and of two classes."""
    visual, audio = record.visual_label, record.audio_label
    if visual is None or audio is None or record.removed:
        return False
    return not same_name(visual, audio)


def declines(record: ScoredSample) -> bool:
    return record.option is not None and is_abstention(record.option)


def answered(records: Iterable[S]) -> list[S]:
    """Samples with an outcome: the machinery did not fail and the task applies."""
    return [record for record in records if record.outcome is not None]


def well_posed(records: Iterable[S]) -> list[S]:
    """Answered samples that accuracy counts."""
    return [record for record in answered(records) if not is_ill_posed(record)]


def stem(record: ScoredSample) -> str:
    """The sample's id without the modality asked."""
    return record.id.rpartition("/")[0]


def video_of(record: ScoredSample) -> str:
    """The clip that the picture comes from."""
    return record.video_source or record.clip


def sound_of(record: ScoredSample) -> str:
    """The clip that the sound comes from; a sound of unknown origin is its own."""
    return record.audio_source or f"{record.clip} (sound)"


def other_label(record: ScoredSample) -> str | None:
    """The class of the stream that is not asked about."""
    others: dict[Ask, str | None] = {"visual": record.audio_label, "audio": record.visual_label}
    return others.get(record.ask)
