"""Keys of servers: read from the environment, struck out of everything that is kept or shown."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import quote, urlsplit

from mma_eval.errors import PrerequisiteError, UsageError
from mma_eval.types import Answer

STRUCK_OUT = "[key]"
SHORTEST = 4
"""Characters; striking out less would garble text that has nothing to do with a key."""


class Secrets:
    """Strings that must never be seen; it shows none of them itself."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        forms = {form for value in values for form in (value, quote(value, safe=""))}
        # The longest first, so that no part of a key stays behind.
        self._forms = sorted((form for form in forms if len(form) >= SHORTEST), key=len)[::-1]

    def __repr__(self) -> str:
        return f"Secrets({len(self._forms)})"

    def struck_from(self, text: str) -> str:
        for form in self._forms:
            text = text.replace(form, STRUCK_OUT)
        return text

    def struck_from_answer(self, answer: Answer) -> Answer:
        """The answer without secrets in any text that a server may have put into it."""
        return replace(
            answer,
            text=self._optional(answer.text),
            error=self._optional(answer.error),
            finish_reason=self._optional(answer.finish_reason),
            model_version=self._optional(answer.model_version),
            notes=tuple(self.struck_from(note) for note in answer.notes),
        )

    def _optional(self, text: str | None) -> str | None:
        return None if text is None else self.struck_from(text)


def key_from_environment(names: Iterable[str]) -> str | None:
    """The first of the variables that is set; raises PrerequisiteError for one that is no key."""
    for name in names:
        key = os.environ.get(name, "").strip()
        if not key:
            continue
        if len(key) < SHORTEST or not key.isascii() or not key.isprintable() or " " in key:
            raise PrerequisiteError(f"{name} holds no key: set it to the key and nothing else")
        return key
    return None


def check_address(address: str, argument: str = "base_url") -> str:
    """`address` without a slash at its end; raises UsageError, which does not repeat it."""
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        raise UsageError(f"{argument} is not an address of a server") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{argument} must start with http:// or https:// and name a server")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError(
            f"{argument} holds more than an address; a key belongs into the environment, "
            "where it is not recorded"
        )
    return address.rstrip("/")
