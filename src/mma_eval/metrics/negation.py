"""Which names in a sentence are denied: "not a cat", "no dog", "rather than a bird"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mma_eval.metrics.words import Gap, Word

NEGATORS = frozenset(
    {"cannot", "neither", "never", "no", "nor", "not", "unlike", "without"}
    | {"arent", "cant", "couldnt", "didnt", "doesnt", "dont", "isnt", "wasnt", "werent"}
)
PHRASES = frozenset(
    {
        ("absence", "of"),
        ("as", "opposed", "to"),
        ("instead", "of"),
        ("lack", "of"),
        ("other", "than"),
        ("rather", "than"),
    }
)
"""Negators of several words; their first words deny nothing alone."""
HARMLESS = {
    "not": frozenset({"certain", "just", "merely", "only", "simply", "sure"}),
    "no": frozenset({"doubt", "it", "question", "that", "there", "this"}),
}
"""Followers that take the denial away: "not only a dog", "no doubt a dog"."""
TURNS = frozenset(
    {"although", "because", "but", "however", "instead", "rather", "since", "though"}
    | {"whereas", "while", "yet"}
)
"""Words after which something new is said: "not a cat but a dog"."""
DETERMINERS = frozenset({"a", "an", "any", "another", "one", "some", "the", "of"})
AUXILIARIES = frozenset({"are", "can", "could", "is", "was", "were"})
PRESENCE = frozenset(
    {"answer", "audible", "correct", "depicted", "detected", "evident", "featured", "heard"}
    | {"here", "present", "right", "seen", "shown", "there", "visible"}
)
"""What is denied when the name comes first: "the dog is not visible"."""


@dataclass(frozen=True)
class Mention:
    """A name found in a sentence, at words `start` to `end` (exclusive)."""

    name: str
    start: int
    end: int


def denied(sentence: Sequence[Word], mentions: Sequence[Mention]) -> frozenset[Mention]:
    """The mentions that the sentence denies.

    A negator reaches to the end of its clause, through lists that close with "or" or "nor", and
    no further than a word that turns the thought.
    """
    by_start = {mention.start: mention for mention in mentions}
    found: set[Mention] = set()
    reaching, at = False, 0
    while at < len(sentence):
        if reaching and _reach_ends(sentence, at, by_start):
            reaching = False
        mention = by_start.get(at)
        if mention is not None:
            if reaching or _denied_afterwards(sentence, mention.end):
                found.add(mention)
            at = mention.end
            continue
        reaching = reaching or _is_negator(sentence, at)
        at += 1
    return frozenset(found)


def _is_negator(sentence: Sequence[Word], at: int) -> bool:
    word = sentence[at].text
    if _starts_phrase(sentence, at):
        return True
    follower = sentence[at + 1] if at + 1 < len(sentence) else None
    if follower and follower.gap is Gap.NONE and follower.text in HARMLESS.get(word, ()):
        return False
    return word in NEGATORS or word.endswith("n't")


def _starts_phrase(sentence: Sequence[Word], at: int) -> bool:
    return any(
        tuple(word.text for word in sentence[at : at + len(phrase)]) == phrase for phrase in PHRASES
    )


def _reach_ends(sentence: Sequence[Word], at: int, by_start: Mapping[int, Mention]) -> bool:
    word = sentence[at]
    if word.text in ("or", "nor"):
        return False
    if word.text in TURNS and not _starts_phrase(sentence, at):
        return True
    if word.text == "and":
        joins_two_names = at + 1 in by_start and any(m.end == at for m in by_start.values())
        return not joins_two_names
    return word.gap is Gap.CLAUSE and not _list_goes_on(sentence, at, by_start)


def _list_goes_on(sentence: Sequence[Word], at: int, by_start: Mapping[int, Mention]) -> bool:
    """Whether names from `at` on end in "or <name>", as in "not a cat, a dog, or a bird"."""
    closing = False
    while at < len(sentence):
        at = _skip_determiners(sentence, at)
        if at not in by_start:
            return False
        if closing:
            return True
        at = by_start[at].end
        if at < len(sentence) and sentence[at].text in ("or", "nor"):
            closing, at = True, at + 1
        elif at < len(sentence) and sentence[at].gap is Gap.NONE:
            return False
    return False


def _skip_determiners(sentence: Sequence[Word], at: int) -> int:
    while at < len(sentence) and sentence[at].text in DETERMINERS:
        at += 1
    return at


def _denied_afterwards(sentence: Sequence[Word], end: int) -> bool:
    """Whether "... is not visible" or the like follows a name that ends at `end`."""
    following = [word.text for word in sentence[end : end + 6]]
    if following and following[0] in AUXILIARIES:
        following = following[1:]
        negated = bool(following) and following[0] in ("not", "never")
    else:
        negated = bool(following) and (
            following[0] in ("cannot", "isnt", "arent", "cant") or following[0].endswith("n't")
        )
    return negated and not PRESENCE.isdisjoint(following[1:4])
