"""The course of a training, step by step, as a table that grows and a file that is always whole."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from mma_eval.errors import FileError, StoreError
from mma_eval.whole_file import replacing

CURVES_FILE = "curves.csv"
CURVES_PICTURE = "curves.svg"
"""Drawn by the command line from the file."""


class CurvePoint(BaseModel):
    """Where a training stands after `step` optimizer steps; None for what was not measured there.

    The loss is the mean over the step's answer tokens, accuracies are shares of the validation
    part.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: int
    epoch: float
    learning_rate: float | None = None
    loss: float | None = None
    aligned_visual: float | None = None
    aligned_audio: float | None = None
    swapped_visual: float | None = None
    swapped_audio: float | None = None
    seconds: float
    """Since the training began, without the time in which it was stopped."""


COLUMNS = tuple(CurvePoint.model_fields)


def write_curves(folder: Path, points: Sequence[CurvePoint]) -> None:
    """Write `curves.csv` whole; raises StoreError."""
    path = folder / CURVES_FILE
    try:
        with replacing(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(COLUMNS)
            for point in points:
                values = point.model_dump().values()
                table.writerow(["" if value is None else value for value in values])
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written ({error.strerror}); make room, and the same command "
            "continues from its last checkpoint"
        ) from error


def read_curves(folder: Path) -> tuple[CurvePoint, ...]:
    """The points of a training's folder, none where it has just begun; raises FileError."""
    path = folder / CURVES_FILE
    if not path.is_file():
        return ()
    points = []
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            stated = {str(name): value for name, value in row.items() if value != ""}
            try:
                points.append(CurvePoint.model_validate(stated))
            except ValidationError as error:
                fault = error.errors(include_url=False)[0]
                name = ".".join(map(str, fault["loc"]))
                raise FileError(path, f"{name}: {fault['msg']}", line=number) from error
    return tuple(points)
