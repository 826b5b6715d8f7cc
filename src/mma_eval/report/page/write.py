"""The page and the files beside it, written so that no half of them is ever seen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from mma_eval.errors import StoreError
from mma_eval.whole_file import replacing

_OURS = re.compile(r"clip-[0-9a-f]{16}\.mp4")


def files_folder(page: Path) -> Path:
    """Where media past the limit lie: `report_files` beside `report.html`."""
    return page.with_name(f"{page.stem}_files")


def write_page(path: Path, html: str, beside: Mapping[str, bytes]) -> None:
    """Write the media first and the page last; clips of an older page go. Raises StoreError."""
    folder = files_folder(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if beside:
            folder.mkdir(exist_ok=True)
        for name, content in beside.items():
            with replacing(folder / name) as partial:
                partial.write_bytes(content)
        with replacing(path) as partial:
            partial.write_text(html, encoding="utf-8")
        _remove_old(folder, beside)
    except OSError as error:
        raise StoreError(
            f"{path}: the report cannot be written ({error.strerror}); choose another -o"
        ) from error


def _remove_old(folder: Path, kept: Mapping[str, bytes]) -> None:
    """Clips that an earlier page of this name had, and the folder once it is empty."""
    if not folder.is_dir():
        return
    for file in folder.iterdir():
        if _OURS.fullmatch(file.name) and file.name not in kept:
            file.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()
