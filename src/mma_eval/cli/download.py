"""Asking before something large is fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from mma_eval.models.base import Model


def allow_download(model: Model) -> None:
    """Ask before a large download where somebody can answer; else the backend refuses."""
    import sys

    if not sys.stdin.isatty():
        return
    download = model.download_plan()
    if download is not None:
        typer.confirm(f"{download.sentence()} Download it?", abort=True)
        model.accept_download()
