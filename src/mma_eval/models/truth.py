"""What is to be seen and heard in a media file, read from the manifest that lies beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mma_eval.errors import ManifestError, UsageError
from mma_eval.media.source import Clip
from mma_eval.types import Stream

TRUTH_FILE = "manifest.jsonl"


@dataclass(frozen=True)
class Truth:
    """The label of every stream that a JSONL manifest speaks of."""

    path: Path
    labels: dict[tuple[Stream, Clip], str]

    @cached_property
    def classes(self) -> tuple[str, ...]:
        return tuple(sorted(set(self.labels.values())))

    def label(self, stream: Stream, clip: Clip) -> str:
        """Raises UsageError for a stream that the file says nothing about."""
        found = self.labels.get((stream, _resolved(clip)))
        if found is None:
            raise UsageError(
                f"{self.path}: has no {stream}_label for {clip.path}; "
                "name the manifest that does with --model-args truth=FILE"
            )
        return found


def truth_beside(clip: Clip) -> Path:
    return clip.path.with_name(TRUTH_FILE)


def read_truth(path: Path) -> Truth:
    """The labels in a JSONL manifest; paths in it are relative to it.

    Raises UsageError where there is no such file, ManifestError with the line of a bad row.
    """
    if not path.is_file():
        raise UsageError(
            f"{path}: there is no manifest with the true labels; "
            "name one with --model-args truth=FILE"
        )
    labels: dict[tuple[Stream, Clip], str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            video = path.parent / row["video"]
            audio = path.parent / (row.get("audio") or row["video"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ManifestError(
                path, "a row must be a JSON object with 'video'", line=number
            ) from error
        if row.get("visual_label"):
            labels["visual", _resolved(_clip(video, row))] = str(row["visual_label"])
        if row.get("audio_label"):
            labels["audio", _resolved(_clip(audio, row))] = str(row["audio_label"])
    return Truth(path, labels)


def _clip(path: Path, row: dict[str, float | None]) -> Clip:
    return Clip(path, row.get("start"), row.get("end"))


def _resolved(clip: Clip) -> Clip:
    return Clip(clip.path.resolve(), clip.start, clip.end)
