"""Reading a submission from anybody: every line is bounded, and its first fault ends it."""

from __future__ import annotations

from hashlib import sha256
from itertools import islice
from pathlib import Path

from pydantic import ValidationError

from mma_eval.errors import FileError
from mma_eval.leaderboard.hostile_file import Bounds, json_object, lines_of
from mma_eval.leaderboard.plain_text import shown
from mma_eval.leaderboard.submission import (
    LONGEST_TEXT,
    Header,
    Submission,
    answer_from_line,
)

_WORDS = {
    "extra_forbidden": "is a key that no submission has",
    "unexpected_keyword_argument": "is a key that no submission has",
    "missing": "is missing",
    "missing_keyword_only_argument": "is missing",
    "finite_number": "is no finite number",
}


def read_submission(path: Path, bounds: Bounds | None = None) -> Submission:
    """A submission in the form that `submit` writes; raises FileError with the line."""
    bounds = bounds or Bounds()
    digest = sha256()
    lines = lines_of(path, bounds)
    answers, letters = [], 0
    first = next(lines, None)
    if first is None:
        raise FileError(path, "holds nothing")
    header = _header(path, first, bounds)
    digest.update(first)
    for number, line in enumerate(islice(lines, header.answers), start=2):
        digest.update(b"\n" + line)
        text = json_object(path, number, line, bounds)
        try:
            answers.append(answer_from_line(text.encode()))
        except ValidationError as error:
            raise FileError(path, f"is no answer ({_first(error)})", line=number) from error
        letters += len(answers[-1].answer or "")
        if letters > LONGEST_TEXT:
            raise FileError(path, f"holds answers of more than {LONGEST_TEXT:,} characters in all")
    if len(answers) < header.answers:
        raise FileError(
            path, f"holds {len(answers)} answers and says that it holds {header.answers}"
        )
    if next(lines, None) is not None:
        raise FileError(path, f"holds more answers than the {header.answers} that it says it does")
    return Submission(header, tuple(answers), digest.hexdigest())


def _header(path: Path, line: bytes, bounds: Bounds) -> Header:
    text = json_object(path, 1, line, bounds)
    try:
        return Header.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise FileError(path, f"is no header of a submission ({_first(error)})", line=1) from error


def _first(error: ValidationError) -> str:
    """The first fault in words; a key of the file is shown as text, its value never."""
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    fault = min(faults, key=lambda fault: fault["type"] == "missing")
    where = ".".join(shown(str(part), 40) for part in fault["loc"])
    said = _WORDS.get(fault["type"], str(fault["msg"]).removeprefix("Value error, "))
    return shown(f"{where}: {said}" if where else said, 200)
