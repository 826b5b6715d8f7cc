"""How much room text takes, estimated on the safe side: no font is at hand to measure it."""

from __future__ import annotations

import unicodedata

TITLE, BODY, SMALL = 17.0, 13.0, 11.5
"""Sizes in px at a plot's natural width."""

_NARROW = frozenset("ijlI.,:;'|")
_MEDIUM = frozenset("frt()[]!/\\- ")
_SLIM = frozenset("sczkvxyJ")
_BROAD = frozenset("+=<>~#&^→−")
_WIDE = frozenset("mwMW@%—…")
_LAST_LATIN = "\u024f"


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Width in px, a little more than the wide sans-serif faces (Verdana, DejaVu) take."""
    return sum(map(_advance, text)) * size * (1.12 if bold else 1.0)


def shortened(text: str, room: float, size: float, *, bold: bool = False) -> str:
    """The text, or as much of it as fits in `room` px with an ellipsis."""
    if text_width(text, size, bold=bold) <= room:
        return text
    kept = text
    while kept and text_width(kept + "…", size, bold=bold) > room:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def wrapped(text: str, room: float, size: float, *, bold: bool = False) -> list[str]:
    """Lines of at most `room` px, broken between words; a longer word is shortened."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size, bold=bold) <= room:
            lines[-1] = longer
        else:
            lines.append(shortened(word, room, size, bold=bold))
    return lines


def _advance(character: str) -> float:
    """In ems, by the widths of DejaVu Sans, the widest of the usual faces."""
    if unicodedata.combining(character):
        return 0.0
    if unicodedata.east_asian_width(character) in "WF":
        return 1.1
    for characters, advance in _ADVANCES:
        if character in characters:
            return advance
    # What cannot be printed is drawn as a replacement character.
    if character > _LAST_LATIN or not character.isprintable():
        return 1.05
    return 0.79 if character.isupper() else 0.645


_ADVANCES = ((_NARROW, 0.4), (_MEDIUM, 0.445), (_SLIM, 0.6), (_BROAD, 0.85), (_WIDE, 1.02))
