"""Where the project's own files, the user's data and the caches are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from mma_eval.errors import PrerequisiteError

DataKind = Literal["tasks", "model_cards", "recipes", "checkpoints", "paper", "leaderboard"]


def data_folder(kind: DataKind) -> Path:
    """The folder of files that ship with the package: its packaged copy, else the repository's."""
    package = Path(__file__).resolve().parent
    for candidate in (package / "_data" / kind, package.parent.parent / kind):
        if candidate.is_dir():
            return candidate
    raise PrerequisiteError(f"this installation lacks its folder '{kind}'; reinstall mma-eval")


def cache_folder() -> Path:
    """MMA_EVAL_CACHE, else the user's cache folder."""
    if chosen := os.environ.get("MMA_EVAL_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "mma-eval"


def user_data_folder() -> Path | None:
    """MMA_EVAL_DATA: where prepared manifests live, None when it is not set."""
    chosen = os.environ.get("MMA_EVAL_DATA")
    return Path(chosen) if chosen else None
