"""Clips that must not be parted: those that share a file, by its path or by its bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from mma_eval.media.identity import content_hash
from mma_eval.task.rows import Row


def clips_by_media(rows: Mapping[str, Row]) -> tuple[tuple[str, ...], ...]:
    """Clips in groups that share a picture's or a sound's file, each in the order of its ids.

    Two stretches of one recording are one group. Raises MediaError for a file that cannot be read.
    """
    leader = {clip: clip for clip in rows}
    first_with: dict[str, str] = {}
    for clip in sorted(rows):
        for content in _contents(rows[clip]):
            other = first_with.setdefault(content, clip)
            leader[_lead(leader, clip)] = _lead(leader, other)
    groups: dict[str, list[str]] = {}
    for clip in sorted(rows):
        groups.setdefault(_lead(leader, clip), []).append(clip)
    return tuple(tuple(group) for group in groups.values())


def _contents(row: Row) -> Iterable[str]:
    # The same path has the same bytes, so bytes alone decide.
    paths: dict[Path, None] = {row.video.path: None, row.audio.path: None}
    return [content_hash(path) for path in paths]


def _lead(leader: dict[str, str], clip: str) -> str:
    while leader[clip] != clip:
        leader[clip] = leader[leader[clip]]
        clip = leader[clip]
    return clip
