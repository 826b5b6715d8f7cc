"""What a user asked to have written to a file."""

from __future__ import annotations

from pathlib import Path

from mma_eval.errors import StoreError, UsageError
from mma_eval.eval.evaluate import STORE_FILE
from mma_eval.eval.run_files import RUN_FILE, SAMPLES_FILE
from mma_eval.whole_file import replacing


def check_name(path: Path) -> None:
    """Raise UsageError for a name under which runs and their answers are kept."""
    if path.name in (RUN_FILE, SAMPLES_FILE, STORE_FILE):
        raise UsageError(
            f"{path}: is a name under which runs and their answers are kept; choose another name"
        )


def save_text(path: Path, text: str) -> None:
    """Write a file whole, and the folders above it; raises UsageError or StoreError."""
    check_name(path)
    try:
        with replacing(path) as partial:
            partial.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written ({error.strerror}); choose another place"
        ) from error
