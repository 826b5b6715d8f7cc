"""Other scores than both right, from the cells of a row."""

from __future__ import annotations

from collections.abc import Mapping

from mma_eval.eval.scorecard import Share
from mma_eval.leaderboard.board import Alternatives, Cell, Number, Worst
from mma_eval.leaderboard.ranking import number_of

WORST_AMONG = (
    "aligned_visual",
    "aligned_audio",
    "misalign_visual",
    "misalign_audio",
    "audio_removed_visual",
    "frames_zeroed_audio",
    "misleading_caption_visual",
    "misleading_caption_audio",
)
"""A row needs all of them, or one that skips a hard condition would gain by it."""


def alternatives_of(
    cells: Mapping[str, Cell], sound: Share | None = None, sight: Share | None = None
) -> Alternatives:
    """Scores to sort by, from the cells of a row.

    `sound` and `sight` are how often the label that was not asked for is named under conflict:
    what is heard in place of what is seen, and the other way round.
    """
    visual, audio = _value(cells, "misalign_visual"), _value(cells, "misalign_audio")
    drops = [_drop(cells, ask) for ask in ("visual", "audio")]
    return Alternatives(
        mean_misaligned=_mean(visual, audio),
        worst=_worst(cells),
        drop_visual=drops[0],
        drop_audio=drops[1],
        drop=_mean(*drops),
        other_modality=_together(sound, sight),
        follows_sound=None if sound is None else number_of(sound),
        follows_sight=None if sight is None else number_of(sight),
    )


def _value(cells: Mapping[str, Cell], task: str) -> float | None:
    return cells[task].number.value if task in cells else None


def _mean(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else round((one + other) / 2, 12)


def _drop(cells: Mapping[str, Cell], ask: str) -> float | None:
    before, after = _value(cells, f"aligned_{ask}"), _value(cells, f"misalign_{ask}")
    return None if before is None or after is None else round(before - after, 12)


def _worst(cells: Mapping[str, Cell]) -> Worst | None:
    if not cells.keys() >= set(WORST_AMONG):
        return None
    task = min(WORST_AMONG, key=lambda name: cells[name].number.value)
    return Worst(task=task, number=cells[task].number)


def _together(one: Share | None, other: Share | None) -> Number | None:
    """The share over both questions."""
    if one is None or other is None:
        return None
    share = Share.of(one.k + other.k, one.n + other.n)
    return None if share is None else number_of(share)
