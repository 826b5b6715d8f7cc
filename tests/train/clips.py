"""Data sets of clips that nothing decodes: a file of its own bytes for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mma_eval.task.dataset import Dataset
from mma_eval.task.rows import Row
from mma_eval.types import Labels

CLASSES = tuple(f"Class {letter}" for letter in "ABCDEFGH")


def dataset_of(
    folder: Path,
    sizes: Sequence[int],
    *,
    files: Mapping[str, str] | None = None,
    splits: Mapping[str, str] | None = None,
    reverse: bool = False,
) -> Dataset:
    """`sizes[i]` clips `<i>-<n>` of class i; `files` gives a clip the bytes of another."""
    rows = []
    for number, size in enumerate(sizes):
        for member in range(size):
            clip = f"{number}-{member}"
            path = folder / f"{clip}-{(files or {}).get(clip, clip)}.mp4"
            if not path.exists():
                path.write_text((files or {}).get(clip, clip))
            rows.append(
                Row(
                    id=clip,
                    clip=clip,
                    video_file=str(path),
                    audio_file=str(path),
                    start=None,
                    end=None,
                    labels=Labels(CLASSES[number], CLASSES[number]),
                    audio_clip=None,
                    split=(splits or {}).get(clip),
                    question=None,
                    options=None,
                    answer=None,
                    asks=None,
                )
            )
    if reverse:
        rows.reverse()
    return Dataset("made", folder / "manifest.jsonl", "1", tuple(rows), CLASSES)


def class_of(clip: str) -> str:
    """The class of a clip of `dataset_of`."""
    return CLASSES[int(clip.partition("-")[0])]
