"""What a reply of the Gemini API says: text or a block, tokens by modality, the model's version."""

from __future__ import annotations

import re
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from mma_eval.models.remote.calls import CallError, Reply
from mma_eval.models.remote.cost import Usage
from mma_eval.types import Answer, Evidence, Status, TokenCounts

if TYPE_CHECKING:
    from google.genai.types import Candidate, GenerateContentResponse

BLOCKS = frozenset(
    {"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE", "ESCALATION"}
)
"""Finish reasons with which the service holds an answer back."""


def read_reply(
    response: GenerateContentResponse, question_id: str, wanted: str, accepted: str | None
) -> Reply:
    """The reply to one question.

    Raises CallError where another model answered than was `wanted` (and its version does not fit
    the pattern `accepted`), and where there is neither text nor a block.
    """
    version = response.model_version
    check_version(version, wanted, accepted)
    usage, tokens = _usage(response), _tokens(response)
    blocked = response.prompt_feedback.block_reason if response.prompt_feedback else None
    candidate = next(iter(response.candidates or ()), None)
    finish = _finish_reason(candidate)
    answer = Answer(
        question_id, Status.OK, tokens=tokens, finish_reason=finish, model_version=version
    )
    if blocked is not None:
        reason = f"the prompt was blocked: {blocked.value}"
        return Reply(_refused(answer, reason, f"BLOCKED_{blocked.value}"), usage)
    if finish in BLOCKS:
        return Reply(_refused(answer, f"the answer was blocked: {finish}", finish), usage)
    text = _text(candidate)
    if not text.strip():
        raise _empty(finish, usage)
    return Reply(replace(answer, text=text), usage)


def check_version(version: str | None, wanted: str, accepted: str | None) -> None:
    """Raises CallError for an answer of another model: no request after it would fare better.

    A version fits that is the wanted one, or it and a number as in `gemini-2.0-flash-001`.
    """
    name = wanted.removeprefix("models/")
    if version is not None:
        version = version.removeprefix("models/")
        if re.fullmatch(rf"{re.escape(name)}(-\d+)?", version):
            return
    if accepted is not None and fnmatchcase(version or "", accepted):
        return
    raise CallError(
        f"asked for {name}, answered by {version or 'a model without a name'}; to accept that, set "
        f"--model-args accept_version={version or '*'}",
        lost=True,
        billed=True,
    )


def _refused(answer: Answer, reason: str, finish: str) -> Answer:
    return replace(answer, status=Status.REFUSED, finish_reason=finish, error=reason)


def _empty(finish: str | None, usage: Usage) -> CallError:
    if finish == "MAX_TOKENS":
        return CallError(
            f"no word of the answer fits into the limit of tokens ({usage.output} went into "
            "thinking); raise --model-args thinking_budget",
            billed=True,
        )
    return CallError(
        f"the answer is empty (finish reason {finish or 'not given'})", again=True, billed=True
    )


def _finish_reason(candidate: Candidate | None) -> str | None:
    if candidate is None or candidate.finish_reason is None:
        return None
    return str(candidate.finish_reason.value)


def _text(candidate: Candidate | None) -> str:
    """The written parts without thoughts."""
    if candidate is None or candidate.content is None:
        return ""
    parts = candidate.content.parts or ()
    return "".join(part.text for part in parts if part.text and not part.thought)


def _usage(response: GenerateContentResponse) -> Usage:
    stated = response.usage_metadata
    if stated is None:
        return Usage()
    sound = _by_modality(response).get("AUDIO", 0)
    return Usage(
        input=stated.prompt_token_count or 0,
        output=(stated.candidates_token_count or 0) + (stated.thoughts_token_count or 0),
        cached=stated.cached_content_token_count or 0,
        sound=sound,
    )


def _tokens(response: GenerateContentResponse) -> TokenCounts | None:
    """Tokens of the prompt as the server reports them.

    Without details by modality, all of them stand under `text` and prove neither stream.
    """
    stated = response.usage_metadata
    if stated is None or stated.prompt_token_count is None:
        return None
    counts = _by_modality(response)
    if not counts:
        return TokenCounts(stated.prompt_token_count, None, None, Evidence.CANARY)
    video = counts.get("VIDEO", 0) + counts.get("IMAGE", 0)
    return TokenCounts(
        counts.get("TEXT", 0) + counts.get("DOCUMENT", 0),
        video,
        counts.get("AUDIO", 0),
        Evidence.REPORTED,
    )


def _by_modality(response: GenerateContentResponse) -> dict[str, int]:
    stated = response.usage_metadata
    details = (stated.prompt_tokens_details if stated else None) or ()
    counts: dict[str, int] = {}
    for item in details:
        if item.modality is not None:
            name = str(item.modality.value)
            counts[name] = counts.get(name, 0) + (item.token_count or 0)
    return counts
