"""A share of answers with an interval that knows how many clips they are about."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mma_eval.eval.analysis.questions import sound_of, video_of
from mma_eval.eval.scorecard import Share
from mma_eval.eval.scored import S
from mma_eval.metrics.bootstrap import SHARE, resampled_mean


def share_where(records: Sequence[S], hit: Callable[[S], bool]) -> Share | None:
    """How many of the records are hits; None without records.

    Wilson's interval where every clip is asked about once. Where one is asked about more often, its
    answers resemble each other, and clips are resampled, by video and by sound.
    """
    hits = [hit(record) for record in records]
    share = Share.of(sum(hits), len(hits))
    if share is None or len({record.clip for record in records}) == len(records):
        return share
    resampled = resampled_mean(
        [float(one) for one in hits],
        [video_of(record) for record in records],
        [sound_of(record) for record in records],
        bounds=SHARE,
    )
    return share.model_copy(update={"low": resampled.low, "high": resampled.high})
