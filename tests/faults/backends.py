"""Backends of tests: one that answers as a function says, and one that takes a clip at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator

from mma_eval import watched
from mma_eval.media.source import Media
from mma_eval.models.base import Model, ModelArguments, OneByOne
from mma_eval.models.card import ModelCard
from mma_eval.types import Answer, Group, Question

CARD = ModelCard(
    name="specimen", backend="specimen", family="test", summary="A test backend", license="none"
)


_LET_GO = threading.Event()


def hang() -> None:
    """Does not return before `let_go`."""
    _LET_GO.wait()


def let_go() -> None:
    """End what hangs: a process that still has such a thread ends abruptly."""
    _LET_GO.set()
    for thread in threading.enumerate():
        if thread.name == watched.NAME:
            thread.join()
    _LET_GO.clear()


class Replying(OneByOne):
    """Its text is what `reply` gives; every instance has the same fingerprint."""

    def __init__(
        self, reply: Callable[[Media, Question], str], *, answer_timeout: float | None = None
    ) -> None:
        super().__init__(CARD, ModelArguments(answer_timeout=answer_timeout))
        self._reply = reply
        self.asked: list[str] = []

    def reply(self, media: Media, question: Question) -> str:
        self.asked.append(question.id)
        return self._reply(media, question)


class Answering(Model):
    """Its answers are what `answers` gives for each question, however many."""

    def __init__(self, answers: Callable[[Question], Iterable[Answer]]) -> None:
        super().__init__(CARD, ModelArguments())
        self._answers = answers

    def fingerprint(self) -> str:
        return "specimen"

    def answer(self, groups: Iterable[Group]) -> Iterator[Answer]:
        for group in groups:
            for question in group.questions:
                yield from self._answers(question)


def bird(media: Media, question: Question) -> str:
    """A sound answer."""
    return "Bird"
