"""Text folded into words, so that `Church_bells` and "church bell" are the same name."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from itertools import groupby

IRREGULAR_PLURALS = {
    "calves": "calf",
    "children": "child",
    "feet": "foot",
    "geese": "goose",
    "halves": "half",
    "hooves": "hoof",
    "knives": "knife",
    "leaves": "leaf",
    "lives": "life",
    "men": "man",
    "mice": "mouse",
    "oxen": "ox",
    "people": "person",
    "teeth": "tooth",
    "wives": "wife",
    "wolves": "wolf",
    "women": "woman",
}
SIBILANT_ENDINGS = ("s", "x", "z", "ch", "sh", "o")
TITLES = frozenset({"dr", "mr", "mrs", "ms", "st", "vs"})

_APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u02bc\u00b4`", "'"))
_LINE_BREAK = re.compile(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_SENTENCE_MARK = re.compile(r"[!?\u3002\u0964\u061f]")
_CLAUSE_MARK = re.compile(r"[,;:()\[\]{}|\u2014\u3001\u060c]|\s[-\u2013]+\s|--")


class Gap(IntEnum):
    """What stands between a word and the one before it."""

    NONE = 0
    CLAUSE = 1
    SENTENCE = 2


@dataclass(frozen=True)
class Word:
    """One folded word; `capitalised` is how it was written ("If", not "IF")."""

    text: str
    gap: Gap
    capitalised: bool


def words_of(text: str) -> tuple[Word, ...]:
    """The words of `text`: case, underscores, punctuation and possessive 's folded away."""
    text = unicodedata.normalize("NFKC", text).translate(_APOSTROPHES)
    words: list[Word] = []
    before, separator = "", ""
    for inside, characters in groupby(text, _is_word_character):
        run = "".join(characters)
        bare = run.strip("'")
        if not inside or not bare:
            separator += run
            continue
        words.append(Word(_fold_word(bare), _gap(before, separator, bare), _is_capitalised(bare)))
        before, separator = bare, ""
    return tuple(words)


def fold(text: str) -> str:
    """`text` as its folded words, joined by spaces; plurals stay as they are."""
    return " ".join(word.text for word in words_of(text))


def same_words(one: Sequence[Word], other: Sequence[Word]) -> bool:
    """Whether two word sequences are the same name, plurals aside."""
    return len(one) == len(other) and all(
        same_word(a.text, b.text) for a, b in zip(one, other, strict=True)
    )


@lru_cache(maxsize=65536)
def same_name(one: str, other: str) -> bool:
    """Whether two names fold to the same words; names without any word are compared as text."""
    words, other_words = words_of(one), words_of(other)
    if not words and not other_words:
        return one.strip() == other.strip()
    return same_words(words, other_words)


class ClassNames:
    """Gives every spelling of a class one name: the first spelling met."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._alike: defaultdict[str, list[str]] = defaultdict(list)

    def of(self, name: str) -> str:
        """The first name given that is the same as this one."""
        if name not in self._known:
            # A plural starts with the letter of its singular, so only these can be the same.
            alike = self._alike["".join(word.text[0] for word in words_of(name))]
            same = (known for known in alike if same_name(known, name))
            self._known[name] = next(same, name)
            if self._known[name] == name:
                alike.append(name)
        return self._known[name]


def same_word(one: str, other: str) -> bool:
    return one == other or not word_forms(one).isdisjoint(word_forms(other))


@lru_cache(maxsize=65536)
def word_forms(word: str) -> frozenset[str]:
    """A folded word and the singulars that it may be the plural of."""
    forms = {word, IRREGULAR_PLURALS.get(word, word)}
    stem = word[:-1]
    if word.endswith("s") and len(stem) > 1 and not stem.endswith(("s", "'")):
        forms.add(stem)
        if stem.endswith("e") and stem[:-1].endswith(SIBILANT_ENDINGS):
            forms.add(stem[:-1])
        if stem.endswith("ie") and len(stem) > 3:
            forms.add(stem[:-2] + "y")
    return frozenset(forms)


def _is_word_character(character: str) -> bool:
    return character == "'" or unicodedata.category(character)[0] in "LMN"


def _fold_word(word: str) -> str:
    folded = unicodedata.normalize("NFKC", word.casefold())
    return folded.removesuffix("'s") or folded


def _is_capitalised(word: str) -> bool:
    return word[0].isupper() and (len(word) == 1 or word[1:].islower())


def _gap(before: str, separator: str, after: str) -> Gap:
    """How strongly `separator` parts two words; a newline always ends a sentence."""
    if not before:
        return Gap.NONE
    if _LINE_BREAK.search(separator) or _SENTENCE_MARK.search(separator):
        return Gap.SENTENCE
    if "." in separator:
        return _full_stop(before, separator, after)
    return Gap.CLAUSE if _CLAUSE_MARK.search(separator) else Gap.NONE


def _full_stop(before: str, separator: str, after: str) -> Gap:
    """Whether a full stop ends the sentence: not in "3.5", "e.g.", "B. Dog", "Dr. No"."""
    if separator == "." and not (before[-1].islower() and after[0].isupper()):
        return Gap.NONE
    trails_off = ".." in separator and after[0].islower()
    numbers_a_list = before.isdigit() and len(before) < 3
    if len(before) < 2 or numbers_a_list or trails_off or before.casefold() in TITLES:
        return Gap.CLAUSE
    return Gap.SENTENCE
