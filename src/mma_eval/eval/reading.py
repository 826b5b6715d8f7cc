"""From an answer to an outcome: what one sample says, and whether that is right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from mma_eval.eval.log import AnswerRecord, SampleRecord, read_as
from mma_eval.metrics.choice import Judgement, judge, likelihood_reading
from mma_eval.metrics.extract import (
    Reading,
    after_final_answer,
    read_first_mention,
    read_option,
    reading_of,
)
from mma_eval.metrics.letters import read_letter
from mma_eval.types import Attribution, Labels, Outcome, Status

AnswerMode = Literal["option", "final_answer", "letter"]

_UNSAID = Judgement(Outcome.WRONG, None, Attribution.NOTHING)


def score_answer(record: AnswerRecord, mode: AnswerMode) -> SampleRecord:
    """Read one answer and judge it; a failed or inapplicable call has no outcome.

    A refusal or an overflow says nothing: wrong, attributed to nothing, and not `unparsed`, which
    is kept for text that cannot be read.
    """
    judgement: Judgement | None = None
    lenient: Judgement | None = None
    if record.status in (Status.REFUSED, Status.CONTEXT_OVERFLOW):
        judgement = lenient = _UNSAID
    elif record.status is Status.OK and record.option_scores:
        judgement = _judge(record, likelihood_reading(record.option_scores))
    elif record.status is Status.OK:
        text = record.answer or ""
        judgement = _judge(record, _read(text, record.options, mode))
        lenient = _judge(record, _read_leniently(text, record.options, mode))
    return read_as(
        record,
        outcome=judgement.outcome if judgement else None,
        option=judgement.option if judgement else None,
        attribution=judgement.attribution if judgement else None,
        lenient_option=lenient.option if lenient else None,
        lenient_outcome=lenient.outcome if lenient else None,
    )


def _read(text: str, options: Sequence[str], mode: AnswerMode) -> Reading:
    return read_letter(text, options) if mode == "letter" else read_option(text, options, mode=mode)


def _read_leniently(text: str, options: Sequence[str], mode: AnswerMode) -> Reading:
    """First mention; in reasoning, after `Final Answer:` where there is one."""
    if mode == "final_answer":
        text = after_final_answer(text) or text
    mention = read_first_mention(text, options)
    if mention is None and mode == "letter":
        return read_letter(text, options)
    return reading_of((mention,) if mention is not None else ())


def _judge(record: AnswerRecord, reading: Reading) -> Judgement:
    return judge(
        reading,
        target=record.target,
        labels=Labels(record.visual_label, record.audio_label),
        ask=record.ask,
        caption=record.caption,
        removed=record.removed,
    )
