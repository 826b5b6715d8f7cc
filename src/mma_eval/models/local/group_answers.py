"""Answering groups of questions with a local model: one prefill a group, questions in batches.

What every family shares: batches that halve when memory runs out, prompts that overflow the
context, time limits, failed answers. A family says how a group becomes a prompt.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Protocol, TypeVar

import torch

from mma_eval.models.base import failed_answer, is_out_of_memory
from mma_eval.models.local.features import FeatureCache
from mma_eval.models.local.fed_prompt import FedPrompt
from mma_eval.models.local.options import score_options, score_options_one_by_one
from mma_eval.models.local.prefix import Generated, Prefix, PrefixEngine, Row, sub_batches
from mma_eval.types import (
    Answer,
    Generate,
    Group,
    OptionScore,
    Question,
    ScoreOptions,
    Status,
    TokenCounts,
)


@dataclass(frozen=True)
class Asking:
    """How groups are asked, whatever the family."""

    batch_size: int
    context_length: int | None
    """None takes the checkpoint's own."""
    timeout: float | None
    options_apart: bool
    """Score options by one forward each instead of one for all."""
    version: str


@dataclass(frozen=True)
class Prompt:
    """A question's ids after its group's head, and all its tokens by modality."""

    question: Question
    suffix: tuple[int, ...]
    tokens: TokenCounts


class PreparedGroup(Protocol):
    """A group with its media encoded and its prompts written out."""

    @property
    def length(self) -> int:
        """Tokens of the head that the prompts share."""
        ...

    @property
    def prompts(self) -> tuple[Prompt, ...]: ...


P = TypeVar("P", bound=PreparedGroup)


@dataclass
class GroupAnswerer(ABC, Generic[P]):
    """Prepares, prefills and asks; counts how often memory forced a smaller batch."""

    asking: Asking
    features: FeatureCache
    halvings: int = field(default=0, init=False)

    @property
    @abstractmethod
    def language(self) -> Any:
        """The transformers model with its head: what an adapter is trained on.

        Its decoder without the head is `engine.decoder`; a thinker holds its towers too.
        """

    @property
    @abstractmethod
    def engine(self) -> PrefixEngine:
        """Of the model's decoder."""

    @property
    @abstractmethod
    def end(self) -> int:
        """The token that ends an answer."""

    @abstractmethod
    def prepare(self, group: Group) -> P:
        """Encode the group's media and write out its prompts; raises MediaError."""

    @abstractmethod
    def prefill(self, prepared: P) -> Prefix:
        """Keys and values of what the group's prompts share."""

    @abstractmethod
    def fed(self, prepared: P, prompt: Prompt) -> FedPrompt:
        """One prompt whole, as prefix and suffix are fed apart; for diagnosis and tuning."""

    @abstractmethod
    def ids(self, text: str) -> list[int]:
        """Ids of the text of an option."""

    @abstractmethod
    def read(self, ids: Sequence[int]) -> str:
        """The text that the model wrote."""

    def answer(self, group: Group) -> Iterator[Answer]:
        """An answer for every question of the group, failed ones included."""
        started = time.perf_counter()
        failure: Exception | None = None
        try:
            prepared = self.prepare(group)
            fitting = [prompt for prompt in prepared.prompts if self.fits(prepared, prompt)]
            prefix = self.prefill(prepared) if fitting else None
        except Exception as error:
            failure = told(error)
        if failure is not None:
            self.free(failure)
            yield from (failed_answer(question.id, failure) for question in group.questions)
            return
        shared = (time.perf_counter() - started) / max(1, len(group.questions))
        for prompt in prepared.prompts:
            if not self.fits(prepared, prompt):
                yield self._overflowed(prepared, prompt)
        if prefix is None:
            return
        for batch in self._batches(fitting):
            for answer in self._asked(prefix, batch):
                yield replace(answer, seconds=(answer.seconds or 0.0) + shared)

    def fits(self, prepared: P, prompt: Prompt) -> bool:
        """Whether the context holds the prompt and the longest answer that may follow it."""
        return self._needed(prepared, prompt) <= self._context()

    def _needed(self, prepared: P, prompt: Prompt) -> int:
        """Tokens of the prompt and of the longest answer that may follow it."""
        request = prompt.question.request
        if isinstance(request, Generate):
            longest = request.max_new_tokens
        else:
            longest = 1 + max((len(self.ids(option)) for option in request.options), default=0)
        return prepared.length + len(prompt.suffix) + longest

    def _context(self) -> int:
        stated = self.asking.context_length
        return stated or int(self.engine.decoder.config.max_position_embeddings)

    def _overflowed(self, prepared: P, prompt: Prompt) -> Answer:
        return Answer(
            prompt.question.id,
            Status.CONTEXT_OVERFLOW,
            tokens=prompt.tokens,
            error=(
                f"prompt and answer need {self._needed(prepared, prompt)} tokens, "
                f"the context holds {self._context()}"
            ),
        )

    def _batches(self, prompts: Sequence[Prompt]) -> list[list[Prompt]]:
        """Questions to run together; one that scores options runs alone."""
        written = [p for p in prompts if isinstance(p.question.request, Generate)]
        scored = [[p] for p in prompts if isinstance(p.question.request, ScoreOptions)]
        lengths = [len(prompt.suffix) for prompt in written]
        together = sub_batches(lengths, self.asking.batch_size)
        return [*([written[index] for index in batch] for batch in together), *scored]

    def _asked(self, prefix: Prefix, batch: list[Prompt]) -> Iterator[Answer]:
        """Answers to a batch; one that fails is halved until what failed stands alone."""
        started = time.perf_counter()
        failure: Exception | None = None
        answers: list[Answer] = []
        try:
            answers = self.replies(prefix, batch)
        except Exception as error:
            failure = told(error)
        if failure is not None:
            self.free(failure)
            if len(batch) > 1:
                self.halvings += isinstance(failure, MemoryError)
                middle = len(batch) // 2
                for half in (batch[:middle], batch[middle:]):
                    for answer in self._asked(prefix, half):
                        yield _noted(answer, failure, len(half))
                return
            answers = [_failed(prompt, failure) for prompt in batch]
        seconds = (time.perf_counter() - started) / len(batch)
        yield from (replace(answer, seconds=seconds) for answer in answers)

    def replies(self, prefix: Prefix, batch: list[Prompt]) -> list[Answer]:
        """Answers to prompts whose suffixes follow `prefix`; what fails is raised."""
        request = batch[0].question.request
        if isinstance(request, ScoreOptions):
            return [self._scored(prefix, batch[0], request)]
        return self._written(prefix, batch)

    def free(self, failure: Exception) -> None:
        """Give memory back after a failure for want of it."""
        if isinstance(failure, MemoryError):
            self.features.clear()
            if self.engine.device.type == "cuda":
                torch.cuda.empty_cache()

    def _written(self, prefix: Prefix, batch: list[Prompt]) -> list[Answer]:
        timeout = self.asking.timeout
        engine = self.engine
        rows = [_row(prompt) for prompt in batch]
        deadline = None if timeout is None else engine.clock() + timeout
        made = engine.generate(prefix, rows, deadline)
        return [self._finished(prompt, text) for prompt, text in zip(batch, made, strict=True)]

    def _finished(self, prompt: Prompt, made: Generated) -> Answer:
        if made.finish == "timeout":
            late = TimeoutError(f"no complete answer within {self.asking.timeout:g} s")
            return _failed(prompt, late)
        return Answer(
            prompt.question.id,
            Status.OK,
            text=self.read(made.ids),
            tokens=prompt.tokens,
            finish_reason=made.finish,
            model_version=self.asking.version,
        )

    def _scored(self, prefix: Prefix, prompt: Prompt, request: ScoreOptions) -> Answer:
        score: Callable[..., Any] = (
            score_options_one_by_one if self.asking.options_apart else score_options
        )
        options = [tuple(self.ids(option)) for option in request.options]
        scores = score(self.engine, prefix, prompt.suffix, options, self.end)
        return Answer(
            prompt.question.id,
            Status.OK,
            option_scores=tuple(
                OptionScore(option, made.log_likelihood, made.tokens)
                for option, made in zip(request.options, scores, strict=True)
            ),
            tokens=prompt.tokens,
            finish_reason="scored",
            model_version=self.asking.version,
        )


def _row(prompt: Prompt) -> Row:
    request = prompt.question.request
    assert isinstance(request, Generate)
    return Row(prompt.suffix, request, prompt.question.id)


def _failed(prompt: Prompt, failure: Exception) -> Answer:
    return replace(failed_answer(prompt.question.id, failure), tokens=prompt.tokens)


def _noted(answer: Answer, failure: Exception, batch: int) -> Answer:
    """The answer with the size of the batch that memory had room for."""
    if answer.notes or not isinstance(failure, MemoryError):
        return answer
    return replace(answer, notes=(f"asked in a batch of {batch}: memory ran out in a larger one",))


def told(error: Exception) -> Exception:
    """`error`, or a MemoryError for what is one in other words.

    A new exception, so that the frames of the old one let go of their tensors.
    """
    if not is_out_of_memory(error):
        return error
    reason = next(iter(str(error).splitlines()), "no reason given")
    whose = "the GPU is" if isinstance(error, torch.OutOfMemoryError) else "the machine is"
    return MemoryError(f"{whose} out of memory: {reason}")
