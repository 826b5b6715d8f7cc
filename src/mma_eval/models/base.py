"""The interface of a model backend, and the shortest way to write one."""

from __future__ import annotations

import errno
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from mma_eval.errors import MediaError, MmaEvalError, ModalityMissingError
from mma_eval.media.policy import Sampling
from mma_eval.media.source import Media
from mma_eval.models.card import ModelCard, Scalar
from mma_eval.registry import MODELS
from mma_eval.types import (
    Answer,
    Evidence,
    Group,
    Question,
    Status,
    TextTokenizer,
    TokenCounts,
)
from mma_eval.watched import within

if TYPE_CHECKING:
    from mma_eval.models.remote.cost import Bill

M = TypeVar("M", bound="type[Model]")

OUT_OF_MEMORY = ("can't allocate", "out of memory", "alloc_failed", "bad_alloc")
"""Words of torch, CUDA, cuBLAS and C++ for want of memory."""


class ModelArguments(BaseModel):
    """What `--model-args` may set; a backend subclasses it and names its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    answer_timeout: float | None = Field(default=None, gt=0)
    """Seconds that one answer may take; one that is late is a failure of its own question."""


class DownloadPlan(Protocol):
    """A download that a user should hear about before it starts."""

    def sentence(self) -> str: ...


class Model(ABC):
    """A backend: built without weights, loaded by `load`, asked through `answer`."""

    Arguments: ClassVar[type[ModelArguments]] = ModelArguments
    decodes_ahead: ClassVar[int] = 0
    """Groups whose media the runner decodes in threads before the backend asks for them."""
    reference_arguments: ClassVar[Mapping[str, Scalar] | None] = None
    """Arguments under which every question runs alone; None where no batch can change an answer."""

    def __init__(self, card: ModelCard, arguments: ModelArguments) -> None:
        self.card = card
        self.arguments = arguments

    @property
    def sampling(self) -> Sampling:
        """Frames and sound it asks for; known without weights."""
        return Sampling()

    @property
    def tokenizer(self) -> TextTokenizer | None:
        """Measures text in the model's tokens; known without weights."""
        return None

    @property
    def version(self) -> str:
        """Identifies weights and revision in the log, without reading the weights."""
        return self.card.revision or self.card.name

    @abstractmethod
    def fingerprint(self) -> str:
        """Changes with anything that may change an answer: weights, adapter, dtype, kernel.

        Known without loading the weights into memory.
        """

    def download_plan(self) -> DownloadPlan | None:
        """What loading would have to download first, None for nothing."""
        return None

    def accept_download(self) -> None:  # noqa: B027  most backends never download
        """The user has agreed to what `download_plan` says."""

    def load(self) -> None:  # noqa: B027  backends without weights have nothing to load
        """Bring weights into memory; raises ModelError. Answering loads by itself if need be."""

    @abstractmethod
    def answer(self, groups: Iterable[Group]) -> Iterator[Answer]:
        """One answer for every question of every group, in any order.

        A question that fails is a failed answer; an exception that escapes means that the backend
        is broken.
        """

    def estimate(self, asked: Iterable[tuple[Media, Question]]) -> Bill | None:
        """What asking would use, from the headers of files; None for a model that charges nothing.

        Raises MediaError.
        """
        return None

    def describe(self) -> dict[str, str | int | float | bool | None]:
        """What a run's manifest records of this backend (device, dtype, kernels, ...)."""
        return {}


class OneByOne(Model):
    """A backend that takes one question at a time: write `reply`."""

    @abstractmethod
    def reply(self, media: Media, question: Question) -> str:
        """The model's text; raise to fail this question."""

    def fingerprint(self) -> str:
        arguments = self.arguments.model_dump_json(exclude={"answer_timeout"})
        return f"{self.card.backend}:{self.version}:{arguments}"

    def count_tokens(self, media: Media, question: Question) -> TokenCounts | None:
        """Tokens fed by modality, where the backend knows; without it nothing can be proved."""
        return None

    def answer(self, groups: Iterable[Group]) -> Iterator[Answer]:
        for group in groups:
            for question in group.questions:
                yield self._answer(group.media, question)

    def _answer(self, media: Media, question: Question) -> Answer:
        start = time.perf_counter()
        limit = self.arguments.answer_timeout
        try:
            if limit is None:
                text = self.reply(media, question)
            else:
                text = within(limit, lambda: self.reply(media, question))
            tokens = self.count_tokens(media, question)
        except Exception as error:
            return failed_answer(question.id, error)
        return Answer(
            question.id,
            Status.OK,
            text=text,
            tokens=tokens,
            seconds=time.perf_counter() - start,
            model_version=self.version,
        )


def failed_answer(question_id: str, error: Exception) -> Answer:
    """The failed answer that an exception means; the exception's sentence is kept."""
    return Answer(question_id, status_of(error), error=_sentence(error))


def status_of(error: Exception) -> Status:
    if isinstance(error, MediaError):
        return Status.DECODE_ERROR
    if isinstance(error, ModalityMissingError):
        return Status.MODALITY_MISSING
    if isinstance(error, TimeoutError):
        return Status.TIMEOUT
    if is_out_of_memory(error):
        return Status.OUT_OF_MEMORY
    return Status.API_ERROR


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory ran out; torch says so in a RuntimeError where it is not the GPU's own."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    words = str(error).casefold()
    return isinstance(error, RuntimeError) and any(said in words for said in OUT_OF_MEMORY)


def _sentence(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, MmaEvalError) else f"{type(error).__name__}: {text}"


def register_model(name: str) -> Callable[[M], M]:
    """Decorator: `--model NAME` and `backend: NAME` in a card find this class."""
    return MODELS.register(name)


__all__ = [
    "Answer",
    "Evidence",
    "Group",
    "Media",
    "Model",
    "ModelArguments",
    "OneByOne",
    "Question",
    "Sampling",
    "Status",
    "TokenCounts",
    "failed_answer",
    "register_model",
]
