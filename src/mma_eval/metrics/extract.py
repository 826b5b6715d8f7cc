"""The option that an answer names, read as a careful person would."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Literal

from mma_eval.errors import UsageError
from mma_eval.metrics.negation import Mention, denied
from mma_eval.metrics.words import Gap, Word, fold, same_word, same_words, word_forms, words_of
from mma_eval.types import NONE_OF_THE_ABOVE

ReadingMode = Literal["option", "final_answer"]

ABSTENTIONS = (
    NONE_OF_THE_ABOVE,
    "none of the above options",
    "none of the given options",
    "none of the options",
    "none of the listed options",
    "none of these",
    "none of these options",
    "none of those",
    "none of them",
)
"""Ways to decline every option, in or out of a longer sentence."""
ABSTENTIONS_ALONE = ("none", "none applies", "none apply", "no option applies")
"""Ways to decline every option that count only as the whole answer."""
CHATTER_OPENERS = frozenset(
    {"are", "can", "could", "did", "do", "does", "feel", "have", "how", "if", "is", "let"}
    | {"please", "what", "when", "where", "which", "who", "why", "will", "would"}
)
"""Openers of the offer of help that models run on into: "Bird What do you think ..."."""

_FINAL_ANSWER = re.compile(r"final[\s_*]*answer[\s_*`]*:", re.IGNORECASE)
_CLASS_TAG = re.compile(r"</?\s*class\s*>", re.IGNORECASE)


class Hint(StrEnum):
    """What an answer says, before it is held against the target."""

    OPTION = "option"
    ABSTAINED = "abstained"
    AMBIGUOUS = "ambiguous"
    UNPARSED = "unparsed"


@dataclass(frozen=True)
class Reading:
    """What was read from an answer.

    `option` is spelled as it was offered, and `None of the above` where the answer declines all;
    `mentioned` holds every name in the deciding sentence that is not denied, in order.
    """

    outcome_hint: Hint
    option: str | None = None
    mentioned: tuple[str, ...] = ()


UNPARSED = Reading(Hint.UNPARSED)


@dataclass(frozen=True)
class _Name:
    name: str
    words: tuple[Word, ...]


@dataclass(frozen=True)
class _Catalogue:
    """Everything an answer may name: the options, and the ways to decline them."""

    anywhere: Mapping[str, tuple[_Name, ...]]
    """By the forms of their first word, options before declining phrases."""
    alone: tuple[_Name, ...]

    def exactly(self, words: Sequence[Word]) -> str | None:
        """The name that `words` are, whatever the punctuation."""
        for entry in (*self._candidates(words, 0), *self.alone):
            if same_words(words, entry.words):
                return entry.name
        return None

    def mention_at(self, words: Sequence[Word], start: int) -> Mention | None:
        """The longest name that starts at a word; an option beats a declining phrase."""
        best: _Name | None = None
        for entry in self._candidates(words, start):
            longer = best is None or len(entry.words) > len(best.words)
            if longer and _stands_at(entry.words, words, start):
                best = entry
        return Mention(best.name, start, start + len(best.words)) if best else None

    def _candidates(self, words: Sequence[Word], start: int) -> Iterator[_Name]:
        for form in sorted(word_forms(words[start].text)) if start < len(words) else ():
            yield from self.anywhere.get(form, ())


def read_option(text: str, options: Sequence[str], *, mode: ReadingMode = "option") -> Reading:
    """The option that `text` names: exactly, else alone and undenied in its first sentence.

    With `mode="final_answer"` only what follows the last `Final Answer:` is read (paper, Fig. 25).
    Raises UsageError where two options cannot be told apart.
    """
    catalogue = _catalogue(tuple(options))
    if mode == "final_answer":
        answer = after_final_answer(text)
        if answer is None:
            return UNPARSED
        text = answer
    words = words_of(text)
    exact = catalogue.exactly(words)
    if exact is not None:
        return reading_of((exact,))
    sentence, mentions = _first_sentence(words, catalogue)
    negated = denied(sentence, mentions)
    named = (mention.name for mention in mentions if mention not in negated)
    return reading_of(tuple(dict.fromkeys(named)))


def read_first_mention(text: str, options: Sequence[str]) -> str | None:
    """The first option named anywhere in `text`, denied or not: the lenient reading."""
    catalogue = _catalogue(tuple(options))
    words = words_of(text)
    exact = catalogue.exactly(words)
    if exact is not None:
        return exact
    mentions = (catalogue.mention_at(words, start) for start in range(len(words)))
    return next((mention.name for mention in mentions if mention), None)


def after_final_answer(text: str) -> str | None:
    """What follows the last `Final Answer:`, or None; Markdown and `<class>` tags tolerated."""
    text = unicodedata.normalize("NFKC", text)
    markers = list(_FINAL_ANSWER.finditer(text))
    return _CLASS_TAG.sub(" ", text[markers[-1].end() :]) if markers else None


def reading_of(mentioned: tuple[str, ...]) -> Reading:
    """The reading of an answer that names exactly these."""
    if not mentioned:
        return UNPARSED
    if len(mentioned) > 1:
        return Reading(Hint.AMBIGUOUS, None, mentioned)
    (name,) = mentioned
    hint = Hint.ABSTAINED if is_abstention(name) else Hint.OPTION
    return Reading(hint, name, mentioned)


@lru_cache(maxsize=4096)
def is_abstention(name: str) -> bool:
    """Whether an option or a target is `None of the above`."""
    return fold(name) == fold(NONE_OF_THE_ABOVE)


def check_options(options: Sequence[str]) -> None:
    """Raise UsageError where an answer could not tell two options apart, or names none of them."""
    _catalogue(tuple(options))


def leading_option(text: str, options: Sequence[str]) -> str | None:
    """The option that `text` begins with."""
    mention = _catalogue(tuple(options)).mention_at(words_of(text), 0)
    return mention.name if mention else None


@lru_cache(maxsize=256)
def _catalogue(options: tuple[str, ...]) -> _Catalogue:
    entries = tuple(_Name(option, words_of(option)) for option in options)
    for place, entry in enumerate(entries):
        if not entry.words:
            raise UsageError(f"option '{entry.name}' has no letter or digit to know it by")
        for earlier in entries[:place]:
            if same_words(earlier.words, entry.words):
                raise UsageError(
                    f"options '{earlier.name}' and '{entry.name}' cannot be told apart in an answer"
                )
    declining = next((e.name for e in entries if is_abstention(e.name)), NONE_OF_THE_ABOVE)

    def unoffered(phrases: Sequence[str]) -> tuple[_Name, ...]:
        return tuple(_Name(declining, words_of(phrase)) for phrase in phrases)

    anywhere: dict[str, tuple[_Name, ...]] = {}
    for entry in (*entries, *unoffered(ABSTENTIONS)):
        for form in word_forms(entry.words[0].text):
            anywhere[form] = (*anywhere.get(form, ()), entry)
    return _Catalogue(anywhere, unoffered(ABSTENTIONS_ALONE))


def _stands_at(name: Sequence[Word], words: Sequence[Word], start: int) -> bool:
    """Whether `name` stands at `start`, parted only where the name itself is parted."""
    if start + len(name) > len(words):
        return False
    for offset, part in enumerate(name):
        word = words[start + offset]
        if not same_word(part.text, word.text) or (offset and word.gap > part.gap):
            return False
    return True


def _first_sentence(
    words: Sequence[Word], catalogue: _Catalogue
) -> tuple[Sequence[Word], list[Mention]]:
    """The first sentence and the names in it; a mark inside a name does not end a sentence."""
    mentions: list[Mention] = []
    at = 0
    while at < len(words):
        if at and words[at].gap is Gap.SENTENCE:
            break
        mention = catalogue.mention_at(words, at)
        if mention is None:
            if mentions and _runs_on(words, at, mentions[-1]):
                break
            at += 1
            continue
        mentions.append(mention)
        at = mention.end
    return words[:at], mentions


def _runs_on(words: Sequence[Word], at: int, last: Mention) -> bool:
    """Whether a new sentence starts right after an answer that opens the text, unmarked."""
    opener = words[at]
    shouts_or_titles = at + 1 < len(words) and words[at + 1].capitalised
    return (
        last.start == 0
        and last.end == at
        and opener.capitalised
        and opener.text in CHATTER_OPENERS
        and not shouts_or_titles
    )
