"""Files that appear whole or not at all, whoever else writes them at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file of this call's own to write; it becomes `path` at the end, or vanishes on an error.

    Makes the folder. Raises OSError.
    """
    partial = _partial(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Raise OSError where `replacing` could not write; leaves nothing behind."""
    # The folder may be made only later, so the nearest one that is there stands for it.
    folder = next(folder for folder in path.absolute().parents if folder.exists())
    probe = _partial(folder / path.name)
    try:
        # A byte, since a full disk often has room for an empty file.
        probe.write_bytes(b"\n")
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)


def _partial(path: Path) -> Path:
    """A name beside `path` that nobody else has."""
    return path.with_name(f".{path.name}.{uuid4().hex}.partial")
