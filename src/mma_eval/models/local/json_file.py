"""The JSON files of a checkpoint, and why a file of it could not be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mma_eval.errors import ModelError

CONFIG_FILE = "config.json"


def read_object(file: Path) -> dict[str, Any]:
    """The object that `file` holds; raises ModelError where it is not there or holds none."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"'{file.parent}' has no {file.name}") from error
    except (OSError, ValueError) as error:
        raise ModelError(f"'{file}' cannot be read as JSON: {error}") from error
    if not isinstance(content, dict):
        raise ModelError(f"'{file}' does not hold a JSON object")
    return content


def reason(error: Exception) -> str:
    """The first sentence of what a library says; the rest is advice to other callers."""
    said = " ".join(str(error).split()).partition(". ")[0]
    return said.removesuffix(".") or type(error).__name__


def read_config(folder: Path) -> dict[str, Any]:
    """The checkpoint's own configuration; raises ModelError."""
    return read_object(folder / CONFIG_FILE)
