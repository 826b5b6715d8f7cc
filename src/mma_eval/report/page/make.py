"""A report from runs to a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mma_eval.errors import UsageError
from mma_eval.eval.analysis.subject import Subject
from mma_eval.eval.manifest import now
from mma_eval.report.attention_figures.folder import AttentionFolder
from mma_eval.report.files import check_name
from mma_eval.report.gallery import choose_exhibits
from mma_eval.report.page.build import build_page
from mma_eval.report.page.clips import ClipShelf
from mma_eval.report.page.exhibits import Progress, build_gallery
from mma_eval.report.page.render import render_page
from mma_eval.report.page.write import files_folder, write_page

GALLERY_SAMPLES = 200
EMBEDDED_MEGABYTES = 20.0


@dataclass(frozen=True)
class WrittenReport:
    """What was written where; sizes in bytes."""

    path: Path
    size: int
    shown: int
    samples: int
    without_clip: int
    """Of those shown: their clip is missing, changed or damaged."""
    files: int
    """Clips beside the page, in `folder`."""
    folder: Path


def write_report(
    subjects: Sequence[Subject],
    path: Path,
    *,
    gallery: int | None = GALLERY_SAMPLES,
    max_embedded: float = EMBEDDED_MEGABYTES,
    title: str | None = None,
    attention: Sequence[AttentionFolder] = (),
    progress: Progress | None = None,
) -> WrittenReport:
    """Write the page of `subjects` to `path`.

    `gallery` samples at most (None: all) are shown with their clips, of which the page holds
    `max_embedded` megabytes; the rest lie beside it. `attention` holds diagnoses to show,
    too. Raises UsageError or StoreError.
    """
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; give the name of a file, such as report.html")
    check_name(path)
    folder = files_folder(path)
    shelf = ClipShelf(max_embedded, folder.name)
    exhibits = choose_exhibits(subjects, gallery)
    shown = build_gallery(subjects, exhibits, shelf, progress)
    page = build_page(subjects, shown, title=title, made=now(), attention=attention)
    write_page(path, render_page(page), shelf.beside)
    return WrittenReport(
        path=path,
        size=path.stat().st_size,
        shown=len(shown.exhibits),
        samples=shown.total,
        without_clip=shown.without_clip,
        files=len(shelf.beside),
        folder=folder,
    )
