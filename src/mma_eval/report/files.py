"""What a user asked to have written to a file."""

from __future__ import annotations

from pathlib import Path

from mma_eval.errors import StoreError
from mma_eval.whole_file import replacing


def save_text(path: Path, text: str) -> None:
    """Write a file whole, and the folders above it; raises StoreError."""
    try:
        with replacing(path) as partial:
            partial.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written ({error.strerror}); choose another place"
        ) from error
