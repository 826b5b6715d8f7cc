"""The whole leaderboard from its folder: check every submission, score it, rank, write.

The same files give the same bytes. A submission that does not pass is named and left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mma_eval.errors import FileError, StoreError
from mma_eval.leaderboard.board import Board, BoardRow, Footnote, Kind, Source
from mma_eval.leaderboard.board_json import json_text
from mma_eval.leaderboard.check import Verdict, check
from mma_eval.leaderboard.conditions import columns_of
from mma_eval.leaderboard.findings import Weight
from mma_eval.leaderboard.footnotes import Footnotes
from mma_eval.leaderboard.places import in_order, placed
from mma_eval.leaderboard.readme import with_tables
from mma_eval.leaderboard.registered import RegisteredDataset, RegisteredDatasets
from mma_eval.leaderboard.reported import reported_rows
from mma_eval.leaderboard.reproduced import Reproduction, read_reproduced
from mma_eval.leaderboard.rows import PRIMARY, MeasuredRow, measured_row
from mma_eval.leaderboard.site.render import render_site
from mma_eval.leaderboard.spreadsheet import csv_text
from mma_eval.leaderboard.submission import SUFFIX
from mma_eval.leaderboard.words import board_words
from mma_eval.models.catalogue import CardCatalogue
from mma_eval.report.paper.published import read_paper
from mma_eval.whole_file import replacing

SUBMISSIONS = "submissions"
DATASETS = "datasets"
REPRODUCED = "reproduced.yaml"
README = "README.md"
CSV = "leaderboard.csv"
JSON = "leaderboard.json"
PAGE = "site/index.html"


@dataclass(frozen=True)
class LeftOut:
    """A file of the leaderboard that made no row, and why; both may hold a stranger's words."""

    file: str
    why: str


@dataclass(frozen=True)
class Built:
    """The board of everything that passed."""

    board: Board
    left_out: tuple[LeftOut, ...]

    @property
    def exit_code(self) -> int:
        return 1 if self.left_out else 0


def build(folder: Path) -> Built:
    """Build the leaderboard in `folder` from what lies there, and write it there."""
    built = build_board(folder / SUBMISSIONS, folder / DATASETS, folder / REPRODUCED)
    write_board(built.board, folder)
    return built


def build_board(submissions: Path, datasets: Path, reproduced: Path) -> Built:
    """The board of a folder's submissions and the paper's rows.

    Raises FileError for a fault in what the maintainers wrote: registered datasets, the list of
    reproduced submissions. Files are read one after another, and only their rows are kept.
    """
    trusted = {entry.digest: entry for entry in read_reproduced(reproduced).reproduced}
    registered = RegisteredDatasets(datasets)
    rows: dict[str, MeasuredRow] = {}
    left_out: list[LeftOut] = []
    if not submissions.is_dir():
        raise FileError(submissions, "is no folder of submissions")
    for path in sorted(submissions.iterdir()):
        if path.name.startswith("."):
            continue
        outcome = _row(path, registered, trusted)
        if isinstance(outcome, LeftOut):
            left_out.append(outcome)
        elif (other := rows.setdefault(outcome.row.id, outcome)) is not outcome:
            why = f"cannot be told from {other.row.submission} in a link; rename the model"
            left_out.append(LeftOut(path.name, why))
    left_out += _lost(trusted.values(), rows.values())
    return Built(_board(list(rows.values())), tuple(left_out))


def write_board(board: Board, folder: Path) -> tuple[Path, ...]:
    """Write every file that shows the board; raises FileError, StoreError."""
    readme = folder / README
    try:
        told = with_tables(readme.read_text(encoding="utf-8"), board, str(readme))
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(readme, f"cannot be read ({error})") from error
    texts = {CSV: csv_text(board), JSON: json_text(board), README: told, PAGE: render_site(board)}
    for name, text in texts.items():
        try:
            with replacing(folder / name) as partial:
                # Bytes, so that no platform changes the ends of lines.
                partial.write_bytes(text.encode("utf-8"))
        except OSError as error:
            raise StoreError(f"{folder / name}: cannot be written ({error.strerror})") from error
    return tuple(folder / name for name in texts)


def _row(
    path: Path,
    registered: Mapping[str, RegisteredDataset],
    trusted: Mapping[str, Reproduction],
) -> MeasuredRow | LeftOut:
    if not path.name.endswith(SUFFIX):
        return LeftOut(path.name, f"is no submission; their names end in {SUFFIX}")
    verdict = check(path, registered)
    if not verdict.ok or verdict.rescored is None:
        return LeftOut(path.name, _reason(verdict))
    kind: Kind = "reproduced" if verdict.rescored.digest in trusted else "re-scored"
    return measured_row(verdict.rescored, kind)


def _reason(verdict: Verdict) -> str:
    errors = [finding for finding in verdict.findings if finding.weight is Weight.ERROR]
    return "; ".join(f"{finding.where}: {finding.what}" for finding in errors)


def _lost(trusted: Iterable[Reproduction], measured: Iterable[MeasuredRow]) -> Iterator[LeftOut]:
    """Submissions on the maintainers' list that are not there as they were."""
    found = {one.row.digest for one in measured}
    for entry in trusted:
        if entry.digest not in found:
            yield LeftOut(
                entry.file, f"is listed in {REPRODUCED}, and no row has the digest {entry.digest}"
            )


def _board(measured: Sequence[MeasuredRow]) -> Board:
    rows, rankings = placed(measured)
    reported, footnotes = _reported()
    rows += reported
    sources = sorted((one.row.submission or "", one.row.digest or "") for one in measured)
    return Board(
        primary=PRIMARY,
        columns=columns_of(rows),
        rows=in_order(rows),
        rankings=tuple(rankings),
        footnotes=footnotes,
        words=board_words(),
        generated_from=tuple(Source(name=name, digest=digest) for name, digest in sources),
    )


@cache
def _reported() -> tuple[tuple[BoardRow, ...], tuple[Footnote, ...]]:
    """The paper's rows, which are the same for every board."""
    footnotes = Footnotes()
    rows = reported_rows(read_paper(), CardCatalogue(), footnotes)
    return tuple(rows), footnotes.all()
