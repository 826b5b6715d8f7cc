"""The results file of a batch job: a reply or an error for every request, under its key."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from mma_eval.models.gemini.errors import call_error
from mma_eval.models.remote.calls import CallError

if TYPE_CHECKING:
    from google.genai.types import GenerateContentResponse

HTTP_CODES = {
    1: 499,
    2: 500,
    3: 400,
    4: 504,
    5: 404,
    6: 409,
    7: 403,
    8: 429,
    9: 400,
    10: 409,
    11: 400,
    12: 501,
    13: 500,
    14: 503,
    15: 500,
    16: 401,
}
"""Of `google.rpc.Code`, as its definition maps them (google/rpc/code.proto)."""


class _Part(BaseModel):
    """As much of a message as is used; the client refuses fields that it does not know."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True
    )


class _Text(_Part):
    text: str | None = None
    thought: bool | None = None


class _Content(_Part):
    parts: tuple[_Text, ...] | None = None


class _Candidate(_Part):
    content: _Content | None = None
    finish_reason: str | None = None


class _Feedback(_Part):
    block_reason: str | None = None


class _TokenCount(_Part):
    modality: str | None = None
    token_count: int | None = None


class _Usage(_Part):
    prompt_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None
    cached_content_token_count: int | None = None
    prompt_tokens_details: tuple[_TokenCount, ...] | None = None


class _Response(_Part):
    candidates: tuple[_Candidate, ...] | None = None
    prompt_feedback: _Feedback | None = None
    usage_metadata: _Usage | None = None
    model_version: str | None = None


class _Error(_Part):
    code: int | None = None
    message: str | None = None


class Result(_Part):
    """A line of the file."""

    key: str
    response: _Response | None = None
    error: _Error | None = None

    def reply(self, server: str) -> GenerateContentResponse:
        """The reply as the client reads it; raises CallError where there is none."""
        from google.genai.types import GenerateContentResponse

        if self.response is None:
            raise self._explained(server)
        return GenerateContentResponse.model_validate(
            self.response.model_dump(by_alias=True, exclude_none=True)
        )

    def _explained(self, server: str) -> CallError:
        from google.genai.errors import APIError

        error = self.error
        if error is None:
            return CallError(f"{server} returned neither an answer nor an error for it")
        stated = error.code or 0
        code = HTTP_CODES.get(stated, stated)
        body = {"error": {"code": code, "message": error.message or "no reason given"}}
        meaning = call_error(APIError(code, body), server, None)
        assert meaning is not None
        # What is wrong with one request of a job is no news of the others.
        return CallError(str(meaning), status=meaning.status)


def read_results(content: bytes) -> dict[str, Result]:
    """Results by key; a line that cannot be read, and a key that stands twice, are left out."""
    found = []
    for line in content.splitlines():
        try:
            found.append(Result.model_validate_json(line))
        except ValidationError:
            continue
    times = Counter(result.key for result in found)
    return {result.key: result for result in found if times[result.key] == 1}
