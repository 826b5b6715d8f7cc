"""The letter that an answer picks, where a question lists its options as A, B, C."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from string import ascii_uppercase

from mma_eval.metrics.extract import (
    UNPARSED,
    Reading,
    after_final_answer,
    leading_option,
    read_option,
    reading_of,
)
from mma_eval.metrics.words import same_name

# Bounded, so that no answer makes a match slow.
_OPEN, _CLOSE = r"[\s*_`\"'(\[<]{0,9}", r"[*_`\"')\]>]{0,9}"
_ALONE = re.compile(rf"^{_OPEN}([A-Za-z]){_CLOSE}[.:]?{_CLOSE}\s*$")
_LEADING = re.compile(rf"^{_OPEN}([A-Z])(?:[)\]>*_`\"']|[.:](?![\w.])|[^\S\n]*(?:\n|$))")
_LEADING_LIST = re.compile(
    rf"^{_OPEN}([A-Z]){_CLOSE}(?:\s{{0,9}}(?:,|and|or|/|&){_OPEN}([A-Z]){_CLOSE}(?=[\s.,]|$))+"
)
_ANNOUNCED = re.compile(
    rf"\b(?:answer|option|choice)(?:\s+is|\s+would\s+be)?\s*[:=]?{_OPEN}([A-Z])(?=\W|$)",
    re.IGNORECASE,
)
_IN_BRACKETS = re.compile(r"[(\[]([A-Z])[)\]]")
_FIRST_LINES = re.compile(r"\S[^\n]*")


def read_letter(text: str, options: Sequence[str]) -> Reading:
    """The option whose letter `text` gives ("B", "(b)", "B. Dog", "the answer is B").

    Without a letter the options' own words are read. A letter and words that disagree, or several
    letters, are ambiguous; a letter beyond the options is nothing.
    """
    answer = after_final_answer(text)
    answer = unicodedata.normalize("NFKC", text if answer is None else answer)
    line = _FIRST_LINES.search(answer)
    if line is None:
        return UNPARSED
    letters = _letters(answer.strip(), line.group())
    if not letters:
        return read_option(answer, options)
    picked = [ascii_uppercase.index(letter) for letter in letters]
    if any(index >= len(options) for index in picked):
        return UNPARSED
    named = dict.fromkeys(options[index] for index in picked)
    spelled = _spelled_beside(answer, options)
    if len(named) == 1 and spelled and not any(same_name(spelled, name) for name in named):
        named[spelled] = None
    return reading_of(tuple(named))


def _letters(answer: str, line: str) -> list[str]:
    """Letters picked, the plainest way of picking first.

    A bare "A" before a word is an article, and "I" a pronoun, so a letter in running text counts
    only when it is announced or in brackets.
    """
    if alone := _ALONE.match(answer):
        return [alone.group(1).upper()]
    if listed := _LEADING_LIST.match(line):
        return re.findall(r"\b[A-Z]\b", listed.group())
    if leading := _LEADING.match(line):
        return [leading.group(1)]
    announced = [letter for letter in _ANNOUNCED.findall(line) if letter.isupper()]
    if announced:
        return announced[:1]
    return list(dict.fromkeys(_IN_BRACKETS.findall(line)))


def _spelled_beside(answer: str, options: Sequence[str]) -> str | None:
    """The option spelled right after a leading letter, as in "B. Dog"."""
    beside = re.match(rf"{_OPEN}[A-Z]{_CLOSE}[.:)\]]*\s*(.*)", answer)
    return leading_option(beside.group(1), options) if beside else None
