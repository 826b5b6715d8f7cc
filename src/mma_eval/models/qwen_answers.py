"""Answering groups of questions with a loaded Qwen-Omni thinker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from mma_eval.errors import ModalityMissingError
from mma_eval.media.policy import Sampling
from mma_eval.media.source import BlackVideo, Media
from mma_eval.models.base import failed_answer, is_out_of_memory
from mma_eval.models.features import FeatureCache
from mma_eval.models.options import score_options, score_options_one_by_one
from mma_eval.models.prefix import Generated, Prefix, Row, sub_batches
from mma_eval.models.qwen_prompt import PromptWriter
from mma_eval.models.qwen_thinker import Heard, Seen, Thinker
from mma_eval.types import (
    Answer,
    Evidence,
    Generate,
    Group,
    OptionScore,
    Question,
    ScoreOptions,
    Status,
    TokenCounts,
)


@dataclass(frozen=True)
class AnswerSettings:
    """How groups are answered."""

    sampling: Sampling
    seconds_per_grid: float
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


@dataclass(frozen=True)
class Prepared:
    """A group with its media encoded and its prompts written out in ids."""

    head: tuple[int, ...]
    prompts: tuple[Prompt, ...]
    seen: Seen | None
    heard: Heard | None


@dataclass
class Answerer:
    """Encodes, prefills and asks; counts how often memory forced a smaller batch."""

    thinker: Thinker
    writer: PromptWriter
    settings: AnswerSettings
    features: FeatureCache
    halvings: int = field(default=0, init=False)

    def answer(self, group: Group) -> Iterator[Answer]:
        """An answer for every question of the group, failed ones included."""
        started = time.perf_counter()
        failure: Exception | None = None
        try:
            prepared = self.prepare(group)
            fitting = [prompt for prompt in prepared.prompts if self._fits(prepared, prompt)]
            prefix = self.prefill(prepared) if fitting else None
        except Exception as error:
            failure = told(error)
        if failure is not None:
            self._free(failure)
            yield from (failed_answer(question.id, failure) for question in group.questions)
            return
        shared = (time.perf_counter() - started) / max(1, len(group.questions))
        for prompt in prepared.prompts:
            if not self._fits(prepared, prompt):
                yield self._overflowed(prepared, prompt)
        if prefix is None:
            return
        for batch in self._batches(fitting):
            for answer in self._asked(prefix, batch):
                yield replace(answer, seconds=(answer.seconds or 0.0) + shared)

    def prepare(self, group: Group) -> Prepared:
        """Encode the group's media and write out its prompts; raises MediaError."""
        seen, heard = self._encoded(group.media)
        media = self.thinker.media_ids(seen, heard, self.settings.seconds_per_grid)
        head = self.writer.head(group.before_media, media)
        prompts = []
        for question in group.questions:
            suffix = self.writer.question(head, question.after_media)
            prompts.append(Prompt(question, suffix, self._counts((*head.ids, *suffix))))
        return Prepared(head.ids, tuple(prompts), seen, heard)

    def prefill(self, prepared: Prepared) -> Prefix:
        """Keys and values of what the group's prompts share."""
        pace = self.settings.seconds_per_grid
        return self.thinker.prefill(prepared.head, prepared.seen, prepared.heard, pace)

    def prompt_ids(self, group: Group) -> dict[str, list[int]]:
        """Every id of each question's prompt, exactly as the model is fed it."""
        prepared = self.prepare(group)
        return {p.question.id: [*prepared.head, *p.suffix] for p in prepared.prompts}

    def _encoded(self, media: Media) -> tuple[Seen | None, Heard | None]:
        policies = self.settings.sampling
        seen, heard = None, None
        if media.has_video:
            key = ("video", media.video_hash(policies.frames))
            seen = self.features.get(key, lambda: self._see(media))
        if media.has_audio:
            key = ("audio", media.audio_hash(policies.audio))
            heard = self.features.get(key, lambda: self._hear(media))
        return seen, heard

    def _see(self, media: Media) -> Seen:
        frames = media.frames(self.settings.sampling.frames)
        if frames is None or not len(frames.pixels):
            raise ModalityMissingError("the sample has a picture, but no frame came of it")
        if not isinstance(media.video, BlackVideo):
            return self.thinker.see(frames.pixels)
        grid = self.thinker.vision.grid(*frames.pixels.shape[:3])
        key = ("black", f"{grid.h}x{grid.w}")
        group = self.features.get(key, lambda: self.thinker.black_group(grid))
        return self.thinker.see_black(group, grid)

    def _hear(self, media: Media) -> Heard:
        sound = media.sound(self.settings.sampling.audio)
        if sound is None or not self.thinker.audio.tokens(sound.samples.shape[-1]):
            raise ModalityMissingError("the sample has sound, but too little of it to make a token")
        return self.thinker.hear(sound.samples[0])

    def _counts(self, ids: Sequence[int]) -> TokenCounts:
        video = ids.count(self.thinker.layout.video)
        audio = ids.count(self.thinker.layout.audio)
        return TokenCounts(len(ids) - video - audio, video, audio, Evidence.COUNTED)

    def _fits(self, prepared: Prepared, prompt: Prompt) -> bool:
        return self._needed(prepared, prompt) <= self._context()

    def _needed(self, prepared: Prepared, prompt: Prompt) -> int:
        """Tokens of the prompt and of the longest answer that may follow it."""
        request = prompt.question.request
        if isinstance(request, Generate):
            longest = request.max_new_tokens
        else:
            longest = 1 + max(
                (len(self.writer.text(option)) for option in request.options), default=0
            )
        return len(prepared.head) + len(prompt.suffix) + longest

    def _context(self) -> int:
        return self.settings.context_length or self.thinker.longest_context

    def _overflowed(self, prepared: Prepared, prompt: Prompt) -> Answer:
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
        together = sub_batches(lengths, self.settings.batch_size)
        return [*([written[index] for index in batch] for batch in together), *scored]

    def _asked(self, prefix: Prefix, batch: list[Prompt]) -> Iterator[Answer]:
        """Answers to a batch; one that fails is halved until what failed stands alone."""
        started = time.perf_counter()
        failure: Exception | None = None
        answers: list[Answer] = []
        try:
            answers = self._replies(prefix, batch)
        except Exception as error:
            failure = told(error)
        if failure is not None:
            self._free(failure)
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

    def _replies(self, prefix: Prefix, batch: list[Prompt]) -> list[Answer]:
        request = batch[0].question.request
        if isinstance(request, ScoreOptions):
            return [self._scored(prefix, batch[0], request)]
        return self._written(prefix, batch)

    def _free(self, failure: Exception) -> None:
        """Give memory back after a failure for want of it."""
        if isinstance(failure, MemoryError):
            self.features.clear()
            if self.thinker.device.type == "cuda":
                torch.cuda.empty_cache()

    def _written(self, prefix: Prefix, batch: list[Prompt]) -> list[Answer]:
        timeout = self.settings.timeout
        engine = self.thinker.engine
        rows = [_row(prompt) for prompt in batch]
        deadline = None if timeout is None else engine.clock() + timeout
        made = engine.generate(prefix, rows, deadline)
        return [self._finished(prompt, text) for prompt, text in zip(batch, made, strict=True)]

    def _finished(self, prompt: Prompt, made: Generated) -> Answer:
        if made.finish == "timeout":
            late = TimeoutError(f"no complete answer within {self.settings.timeout:g} s")
            return _failed(prompt, late)
        return Answer(
            prompt.question.id,
            Status.OK,
            text=self.writer.read(made.ids),
            tokens=prompt.tokens,
            finish_reason=made.finish,
            model_version=self.settings.version,
        )

    def _scored(self, prefix: Prefix, prompt: Prompt, request: ScoreOptions) -> Answer:
        score: Callable[..., Any] = (
            score_options_one_by_one if self.settings.options_apart else score_options
        )
        options = [tuple(self.writer.text(option)) for option in request.options]
        scores = score(self.thinker.engine, prefix, prompt.suffix, options, self.writer.end)
        return Answer(
            prompt.question.id,
            Status.OK,
            option_scores=tuple(
                OptionScore(option, made.log_likelihood, made.tokens)
                for option, made in zip(request.options, scores, strict=True)
            ),
            tokens=prompt.tokens,
            finish_reason="scored",
            model_version=self.settings.version,
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
