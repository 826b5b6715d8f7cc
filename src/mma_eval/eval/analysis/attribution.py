"""Where the answers of a task that are not correct came from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mma_eval.eval.analysis.questions import is_conflict, is_ill_posed
from mma_eval.eval.scored import ScoredSample
from mma_eval.metrics.words import same_name
from mma_eval.types import Attribution


def attribution_counts(answered: Sequence[ScoredSample]) -> dict[Attribution, int]:
    """Counts by source, with a key for every source that these samples could show."""
    counts = Counter(record.attribution for record in answered if record.attribution)
    possible = {Attribution.ABSTENTION, Attribution.OTHER_OPTION}
    if any(is_conflict(record) for record in answered):
        possible.add(Attribution.OTHER_MODALITY)
    if any(record.caption is not None for record in answered):
        possible.add(Attribution.CAPTION)
    if any(_removed_could_be_named(record) for record in answered):
        possible.add(Attribution.REMOVED)
    if any(not record.by_likelihood for record in answered):
        possible |= {Attribution.SEVERAL_OPTIONS, Attribution.NOTHING}
    return {source: counts[source] for source in Attribution if source in possible | set(counts)}


def _removed_could_be_named(record: ScoredSample) -> bool:
    """Whether naming a removed stream's label would be wrong."""
    label_of = {"visual": record.visual_label, "audio": record.audio_label}
    gone = [label for stream in record.removed if (label := label_of[stream]) is not None]
    return is_ill_posed(record) or any(not same_name(label, record.target) for label in gone)
