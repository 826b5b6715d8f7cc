"""A run as two CSV files: a line a score, and a line a sample."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from mma_eval.eval.analysis.subject import Subject
from mma_eval.eval.log import SampleRecord, field_names
from mma_eval.report.export.files import model_folder, model_name, moment
from mma_eval.report.measurements import measurements
from mma_eval.types import TokenCounts

Cell = str | int | float | None

SCORE_COLUMNS = ("model", "run", "task", "metric", "n", "value", "low", "high")
STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the start of a formula (OWASP, "CSV Injection")."""


def csv_files(subject: Subject, folder: Path) -> dict[Path, Iterable[str]]:
    """The two files of a subject, as lines by path; nothing is written."""
    place = folder / model_folder(subject)
    stamp = moment(subject)
    return {
        place / f"scores_{stamp}.csv": csv_lines(SCORE_COLUMNS, _score_rows(subject)),
        place / f"samples_{stamp}.csv": csv_lines(_sample_columns(), _sample_rows(subject)),
    }


def harmless(text: str) -> str:
    """Text that no spreadsheet runs as a formula: an apostrophe before what could start one."""
    return f"'{text}" if text.startswith(STARTS_A_FORMULA) else text


def csv_lines(header: Iterable[str], rows: Iterable[Iterable[Cell]]) -> Iterator[str]:
    """Lines of a CSV file; texts are harmless, numbers untouched."""
    line = io.StringIO()
    writer = csv.writer(line)
    for row in chain([header], rows):
        writer.writerow([harmless(cell) if isinstance(cell, str) else cell for cell in row])
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def _score_rows(subject: Subject) -> Iterator[tuple[Cell, ...]]:
    for found in measurements(subject.scores):
        numbers = (found.n, found.value, found.low, found.high)
        yield (*_whose(subject), found.task, found.metric, *numbers)


def _whose(subject: Subject) -> tuple[str, str]:
    """Model and newest run, so that the lines of several files can be put together."""
    return model_name(subject), subject.runs[-1].folder.name


def _sample_columns() -> list[str]:
    """The fields of a sample record; token counts have a column each."""
    columns = ["model", "run"]
    for name in field_names(SampleRecord):
        if name == "tokens":
            columns += [f"tokens_{count}" for count in field_names(TokenCounts)]
        else:
            columns.append(name)
    return columns


def _sample_rows(subject: Subject) -> Iterator[list[Cell]]:
    for sample in subject.samples:
        row: list[Cell] = list(_whose(subject))
        for name in field_names(SampleRecord):
            value = getattr(sample, name)
            if name == "tokens":
                row += [getattr(value, count, None) for count in field_names(TokenCounts)]
            elif name == "option_scores":
                row.append(" | ".join(f"{s.option} {s.log_likelihood}" for s in value))
            elif isinstance(value, tuple):
                row.append(" | ".join(value))
            else:
                row.append(value)
        yield row
