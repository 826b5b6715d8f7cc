"""Writing the files of an export: all of them or none, and never over another file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from mma_eval.errors import StoreError, UsageError
from mma_eval.eval.analysis.subject import Subject


def model_name(subject: Subject) -> str:
    """Model and adapter; unlike a subject's name, the same whatever else is exported."""
    name = subject.manifest.card.name
    return name if subject.adapter is None else f"{name}+{subject.adapter.name}"


def model_folder(subject: Subject) -> str:
    """The model's name as a folder, by the rule of lm-evaluation-harness."""
    return re.sub(r'["<>:/|\\?*\[\]]+', "__", model_name(subject))


def moment(subject: Subject) -> str:
    """When the newest run of a subject ended, as a part of a file's name; UTC."""
    return subject.manifest.ended.replace(tzinfo=None).isoformat().replace(":", "-")


def write_new(files: Mapping[Path, Iterable[str]]) -> None:
    """Write texts to new files.

    Raises UsageError where one exists and StoreError where one cannot be written; then no file of
    the export is left behind.
    """
    for path in files:
        if path.exists():
            raise UsageError(f"{path}: is there already; nothing is written over it")
    partials = {path: path.with_name(f".{path.name}.{os.getpid()}.partial") for path in files}
    made: list[Path] = []
    path = next(iter(files))
    try:
        for path, lines in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with partials[path].open("w", encoding="utf-8", newline="") as file:
                made.append(partials[path])
                file.writelines(lines)
        for path, partial in partials.items():
            partial.replace(path)
            made.append(path)
    except OSError as error:
        for half_done in made:
            half_done.unlink(missing_ok=True)
        raise StoreError(
            f"{path}: cannot be written ({error.strerror}); nothing was exported"
        ) from error
