"""The lines of `samples.jsonl`: one typed record per sample, in and out."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict

from mma_eval.types import Ask, Attribution, Evidence, Outcome, Status


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    def model_post_init(self, context: Any, /) -> None:
        # Which fields were given is asked by nobody, and takes 2 kB of each of 20,000 records.
        object.__setattr__(self, "__pydantic_fields_set__", _every_field(type(self)))


@cache
def _every_field(kind: type[BaseModel]) -> set[str]:
    return set(kind.model_fields)


class TokenRecord(_Record):
    """Tokens that reached the model, by modality, and how that is known."""

    text: int | None
    video: int | None
    audio: int | None
    evidence: Evidence


class OptionRecord(_Record):
    """Log-likelihood of one option and its length in tokens."""

    option: str
    log_likelihood: float
    tokens: int


class AnswerRecord(_Record):
    """What the model was asked and what came back, before any reading of it."""

    id: str
    task: str
    clip: str
    ask: Ask
    prompt: str
    """Rendered question, without filler text."""
    options: tuple[str, ...]
    target: str
    visual_label: str | None
    audio_label: str | None
    caption: str | None
    removed: tuple[str, ...]
    video_source: str | None
    audio_source: str | None
    video_hash: str
    audio_hash: str
    edits: tuple[str, ...]
    filler: str | None
    status: Status
    answer: str | None
    option_scores: tuple[OptionRecord, ...]
    tokens: TokenRecord | None
    seconds: float | None
    finish_reason: str | None
    model_version: str | None
    error: str | None
    notes: tuple[str, ...] = ()


class SampleRecord(AnswerRecord):
    """An answered sample with what scoring read from it."""

    outcome: Outcome | None
    """None where the machinery failed or the task does not apply."""
    option: str | None
    attribution: Attribution | None
    lenient_option: str | None
    lenient_outcome: Outcome | None
