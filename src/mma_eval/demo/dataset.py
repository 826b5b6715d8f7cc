"""The demo dataset on disk: mp4 files, a manifest and the list of classes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from mma_eval.demo.clips import CLASSES, GENERATOR_VERSION, clip_id, clip_label, demo_clip
from mma_eval.errors import MediaError, UsageError
from mma_eval.whole_file import replacing

OnProgress = Callable[[int, int], None]

MANIFEST = "manifest.jsonl"
LABELS = "labels.txt"


def demo_version(seed: int) -> str:
    """What identifies the clips: the generator's version and the seed."""
    return f"{GENERATOR_VERSION}-seed{seed}"


def prepare_demo(
    *, root: Path, seed: int = 0, count: int = 100, on_progress: OnProgress | None = None
) -> Path:
    """Write the first `count` clips of demo set `seed` under `root` and return the manifest's path.

    Clips that are there already are kept. Every file appears whole or not at all and the manifest
    last, so a killed call can be repeated and two at once do no harm. `on_progress` is told the
    clips done and the clips in all.
    """
    if seed < 0 or count < 1:
        raise UsageError(f"the demo needs a seed from 0 and a count from 1, got {seed} and {count}")
    folder = root / f"demo-{demo_version(seed)}-n{count}"
    manifest = folder / MANIFEST
    if manifest.is_file() and _all_clips_there(folder, count):
        return manifest
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for index in range(count):
            if not _clip_file(folder, index).is_file():
                _write_clip(folder, seed, index)
            if on_progress is not None:
                on_progress(index + 1, count)
        _write_text(folder / LABELS, "".join(f"{name}\n" for name in CLASSES))
        _write_text(manifest, "".join(_manifest_row(seed, index) for index in range(count)))
    except OSError as error:
        raise MediaError(f"cannot write the demo clips to {folder}: {error}") from error
    return manifest


def _all_clips_there(folder: Path, count: int) -> bool:
    return (folder / LABELS).is_file() and all(
        _clip_file(folder, index).is_file() for index in range(count)
    )


def _clip_file(folder: Path, index: int) -> Path:
    return folder / f"{clip_id(index)}.mp4"


def _write_clip(folder: Path, seed: int, index: int) -> None:
    from mma_eval.media.mux import write_clip

    clip = demo_clip(seed, index)
    write_clip(
        _clip_file(folder, index), clip.frames, clip.frame_rate, clip.sound, clip.sample_rate
    )


def _manifest_row(seed: int, index: int) -> str:
    label = clip_label(seed, index)
    row = {
        "id": clip_id(index),
        "video": _clip_file(Path(), index).name,
        "visual_label": label,
        "audio_label": label,
    }
    return json.dumps(row) + "\n"


def _write_text(path: Path, text: str) -> None:
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")
