"""What a check says: where, what is wrong, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from mma_eval.leaderboard.plain_text import shown

MOST_EXAMPLES = 3


class Weight(StrEnum):
    """Whether a finding bars the row, wants a person's eye, or only states a fact."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


Safe = Annotated[str, AfterValidator(lambda text: shown(text, 600))]
"""Text that may hold a stranger's words; what cannot be seen is escaped."""


class Finding(BaseModel):
    """One thing that was found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weight: Weight
    where: Safe
    what: Safe
    todo: Safe = ""


def error(where: str, what: str, todo: str) -> Finding:
    return Finding(weight=Weight.ERROR, where=where, what=what, todo=todo)


def warning(where: str, what: str, todo: str) -> Finding:
    return Finding(weight=Weight.WARNING, where=where, what=what, todo=todo)


def note(where: str, what: str) -> Finding:
    return Finding(weight=Weight.NOTE, where=where, what=what)


def such_as(things: Iterable[str]) -> str:
    """`3 (such as a, b, c)`: how many there are, and a few of them."""
    listed = list(things)
    examples = ", ".join(shown(thing, 60) for thing in listed[:MOST_EXAMPLES])
    more = "such as " if len(listed) > MOST_EXAMPLES else ""
    return f"{len(listed):,} ({more}{examples})"
