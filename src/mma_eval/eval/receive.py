"""What a backend returned, checked before it is kept: nonsense is a failed answer that says so."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from mma_eval.media.source import Media
from mma_eval.types import Answer, Generate, Request, ScoreOptions, Status, TokenCounts

LONGEST_TEXT = 1_000_000
"""Characters; no task asks for a thousandth of it."""
UNWRITABLE = "characters that no text can hold were replaced"


def received(request: Request, answer: Answer) -> Answer:
    """The answer if it is one to `request`, else a failed one with the first fault found."""
    fault = next(_faults(request, answer), None)
    if fault is not None:
        return Answer(
            answer.question_id, Status.API_ERROR, error=f"the backend returned {readable(fault)}"
        )
    answer = replace(answer, status=Status(answer.status))
    text, error = answer.text, answer.error
    if text is not None and readable(text) != text:
        answer = replace(answer, text=readable(text), notes=(*answer.notes, UNWRITABLE))
    return answer if error is None else replace(answer, error=readable(error))


def readable(text: str) -> str:
    """`text` with halves of surrogate pairs, which no file can hold, as U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def prove_modalities(media: Media, answer: Answer) -> Answer:
    """The answer, or a failure when a stream that is present reached the model as zero tokens."""
    if answer.status is not Status.OK or answer.tokens is None:
        return answer
    missing = [
        name
        for name, present, count in (
            ("video", media.has_video, answer.tokens.video),
            ("audio", media.has_audio, answer.tokens.audio),
        )
        if present and count == 0
    ]
    if not missing:
        return answer
    return Answer(
        answer.question_id,
        Status.MODALITY_MISSING,
        tokens=answer.tokens,
        model_version=answer.model_version,
        error=f"the {' and '.join(missing)} of this sample reached the model as zero tokens",
    )


def _faults(request: Request, answer: Answer) -> Iterator[str]:
    if answer.status not in set(Status):
        yield f"the status {answer.status!r}, which is none of {', '.join(Status)}"
        return
    for name in ("error", "finish_reason", "model_version"):
        value = getattr(answer, name)
        if not isinstance(value, str | None):
            yield f"{name} as {type(value).__name__}, not as text"
    if answer.seconds is not None and not _is_number(answer.seconds):
        yield f"{answer.seconds!r} as its seconds"
    yield from _token_faults(answer.tokens)
    if answer.status == Status.OK:
        yield from _reply_faults(request, answer)


def _reply_faults(request: Request, answer: Answer) -> Iterator[str]:
    match request:
        case Generate():
            yield from _text_faults(answer.text)
        case ScoreOptions(options):
            yield from _score_faults(options, answer)


def _text_faults(text: object) -> Iterator[str]:
    if text is None:
        yield "no text"
    elif not isinstance(text, str):
        yield f"its text as {type(text).__name__}, not as str"
    elif len(text) > LONGEST_TEXT:
        yield f"a text of {len(text):,} characters, more than {LONGEST_TEXT:,}"


def _score_faults(options: tuple[str, ...], answer: Answer) -> Iterator[str]:
    if not answer.option_scores:
        yield "no option scores; perhaps it cannot answer by likelihood"
        return
    scored = [score.option for score in answer.option_scores]
    if sorted(scored) != sorted(options):
        odd = sorted({*scored} ^ {*options}) or ["one twice"]
        yield f"scores for other options than were asked ({', '.join(odd)})"
    for score in answer.option_scores:
        if not _is_number(score.log_likelihood):
            yield f"the log-likelihood {score.log_likelihood!r} for '{score.option}'"
        if not _is_count(score.tokens):
            yield f"{score.tokens!r} as the tokens of '{score.option}'"


def _token_faults(tokens: TokenCounts | None) -> Iterator[str]:
    if tokens is None:
        return
    if not isinstance(tokens, TokenCounts):
        yield f"its token counts as {type(tokens).__name__}, not as TokenCounts"
        return
    for name in ("text", "video", "audio"):
        count = getattr(tokens, name)
        if count is not None and not _is_count(count):
            yield f"{count!r} as its number of {name} tokens"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and value >= 0
