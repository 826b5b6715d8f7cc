"""Whether two submissions are one: the same answers, word for word."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from mma_eval.errors import FileError
from mma_eval.leaderboard.findings import Finding, error, warning
from mma_eval.leaderboard.read_submission import read_submission
from mma_eval.leaderboard.submission import Submission, SubmittedAnswer

ALIKE = 0.99
"""Share of common questions answered in the same words from which a person should look."""
FEWEST = 50
"""Common questions below which sameness says nothing."""

_BYTES = 8


@dataclass(frozen=True)
class Likeness:
    """What tells the answers of a submission from others', question by question."""

    file: str
    model: str
    dataset_version: str
    answers: dict[bytes, tuple[bytes, bytes]]
    """Digests of the words of an answer, and of its token counts."""


def likeness_of(file: str, submission: Submission) -> Likeness:
    return Likeness(
        file,
        submission.header.card.name,
        submission.header.dataset.version,
        {_digest(f"{a.task}\x1f{a.id}"): _of(a) for a in submission.answers},
    )


def likenesses_in(folder: Path, *, without: Iterable[str]) -> list[Likeness]:
    """Of every readable submission of a folder; those that are not are found by their own check."""
    left_out = set(without)
    found = []
    for path in sorted(folder.glob("*.submission.gz")):
        if path.name in left_out:
            continue
        try:
            found.append(likeness_of(path.name, read_submission(path)))
        except FileError:
            continue
    return found


def check_likeness(one: Likeness, others: Iterable[Likeness]) -> Iterable[Finding]:
    """Copies under another model's name are errors; what is nearly one is for a person to see."""
    for other in others:
        if other.dataset_version != one.dataset_version or other.file == one.file:
            continue
        common = one.answers.keys() & other.answers.keys()
        if len(common) < FEWEST:
            continue
        copied = all(one.answers[key] == other.answers[key] for key in common)
        same = sum(one.answers[key][0] == other.answers[key][0] for key in common)
        if copied and other.model != one.model:
            yield error(
                "the answers",
                f"all {same:,} that both have are those of {other.file}, token counts too",
                "submit answers of your own; a maintainer may accept it where two models are one",
            )
        elif same >= ALIKE * len(common):
            yield warning(
                "the answers",
                f"{same:,} of {len(common):,} are word for word those of {other.file}",
                "a maintainer looks whether one is a copy of the other",
            )


def _of(answer: SubmittedAnswer) -> tuple[bytes, bytes]:
    scores = tuple((score.option, score.log_likelihood) for score in answer.scores)
    said = (answer.status.value, answer.answer, scores)
    return _digest(repr(said)), _digest(repr(answer.tokens))


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "backslashreplace")).digest()[:_BYTES]
