"""Text of strangers: what a card or a header may hold, and how any of it is shown."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

LONGEST_LINE = 300
LONGEST_PROSE = 4_000
LONGEST_URL = 500
MOST_MARKS = 3
"""Accents on one letter; more of them climb over neighbouring lines."""

_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
"""Controls, formats (bidirectional overrides, zero-width), surrogates, private use, separators."""
_NAME = r"^[A-Za-z0-9](?:[A-Za-z0-9._+:-]*[A-Za-z0-9])?$"
_TASK = r"^[A-Za-z0-9](?:[A-Za-z0-9._+@-]*[A-Za-z0-9])?$"
_ANGLE = re.compile(r"[<>]")
_TAG = re.compile(r"<\s*[A-Za-z/!?]")
_URL_LETTERS = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&()*+,;=%-]+")


def unseen_in(text: str, *, allowed: str = "") -> str | None:
    """What of `text` a reader would not see, or not as it is; None where all can be seen."""
    marks = 0
    for letter in text:
        category = unicodedata.category(letter)
        if category in _UNSEEN and letter not in allowed:
            return f"holds the unseen character U+{ord(letter):04X}"
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks > MOST_MARKS:
            return "piles accents on one letter"
    return None


def shown(text: str, longest: int = 80) -> str:
    """`text` on one line for a terminal or a log: what cannot be seen is escaped, the rest cut."""
    cut = text[: longest + 1]
    letters = (
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in cut
    )
    safe = "".join(letters)
    return safe if len(cut) <= longest and len(safe) <= longest else safe[: longest - 3] + "..."


def _plain(text: str) -> str:
    if fault := unseen_in(text):
        raise ValueError(fault)
    if _ANGLE.search(text):
        raise ValueError("holds '<' or '>', which could be markup")
    return text


def _prose(text: str) -> str:
    if fault := unseen_in(text, allowed="\n\t"):
        raise ValueError(fault)
    # A system prompt may hold <|tokens|> of its model, and notes may compare numbers.
    if _TAG.search(text):
        raise ValueError("holds '<' before a letter or sign, which could be markup")
    return text


def _https(address: str) -> str:
    """Refuses all but plain https addresses: no other scheme, no names or keys before the host."""
    if not _URL_LETTERS.fullmatch(address):
        raise ValueError("is not a plain address")
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise ValueError("is not an address") from None
    if parts.scheme != "https" or not address.startswith("https://") or not parts.hostname:
        raise ValueError("must be an https:// address")
    if "@" in parts.netloc or port is not None or "." not in parts.hostname:
        raise ValueError("must name a public host and nothing else before its path")
    return address


Name = Annotated[str, Field(pattern=_NAME, min_length=1, max_length=120)]
"""Names of models, adapters and keys: fit for a file's name."""
TaskName = Annotated[str, Field(pattern=_TASK, min_length=1, max_length=200)]
Line = Annotated[str, Field(max_length=LONGEST_LINE), AfterValidator(_plain)]
Said = Annotated[str, Field(min_length=1, max_length=LONGEST_LINE), AfterValidator(_plain)]
Prose = Annotated[str, Field(max_length=LONGEST_PROSE), AfterValidator(_prose)]
Address = Annotated[str, Field(max_length=LONGEST_URL), AfterValidator(_https)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
ShortDigest = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
