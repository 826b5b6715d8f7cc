"""Options that several commands write in the same way."""

from __future__ import annotations

from typing import Any

from mma_eval.errors import UsageError


def key_values(text: str | None) -> dict[str, Any]:
    """`key=value,...` as a mapping; lists are written `[a,b]`."""
    from mma_eval.models.catalogue import parse_arguments

    return {} if text is None else dict(parse_arguments(text))


def seed_of(text: str | None) -> int | dict[str, Any] | None:
    """One number, or `name=number,...` for separate seeds."""
    if text is None:
        return None
    if "=" in text:
        return key_values(text)
    return numbers(text)[0]


def numbers(text: str) -> list[int]:
    """Whole numbers with commas between; raises UsageError."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise UsageError(f"'{text}' is not a whole number, or several with commas") from error
