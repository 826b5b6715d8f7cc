"""What an error of the Gemini API means for the question and for the next request."""

from __future__ import annotations

import json
import re
from typing import Any

from google.genai.errors import APIError, UnknownApiResponseError
from pydantic import ValidationError

from mma_eval.models.remote.calls import CallError
from mma_eval.models.remote.wire import retry_after, shortened
from mma_eval.types import Status

TOO_LONG = ("exceeds the maximum number of tokens", "input token count")
TIMED_OUT = frozenset({408, 499, 504})
KEY_REFUSED = frozenset({401, 403})


def call_error(error: Exception, server: str, limit: float | None) -> CallError | None:
    """The meaning of an exception of the client, None for one that is not the server's.

    `limit`: seconds that the request was given.
    """
    if isinstance(error, APIError):
        return _refused(error, server)
    if isinstance(error, UnknownApiResponseError | json.JSONDecodeError | ValidationError):
        return CallError(f"{server} sent an answer that cannot be read", again=True, billed=True)
    # The client brings one of two HTTP libraries whose errors share names, not classes.
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if kinds & {"ConnectError", "ConnectTimeout"}:
        return CallError(f"{server} cannot be reached", again=True, lost=True)
    if "TimeoutException" in kinds:
        given = "" if limit is None else f" within {limit:g} s"
        sentence = f"{server} did not answer{given}"
        return CallError(sentence, status=Status.TIMEOUT, again=True, billed=True)
    if "TransportError" in kinds:
        return CallError(f"{server} broke off its answer", again=True, billed=True)
    return None


def _refused(error: APIError, server: str) -> CallError:
    code, message = error.code, _message(error)
    sentence = f"{server} answered {code}: {message}"
    delay = _delay(error)
    if code == 429:
        if _daily(error):
            return CallError(f"the quota for a day is used up; {sentence}", lost=True)
        return CallError(sentence, again=True, busy=True, delay=delay)
    if code in KEY_REFUSED or "API_KEY_INVALID" in json.dumps(error.details, default=str):
        return CallError(f"the key was refused; {sentence}", lost=True)
    if code == 404:
        return CallError(sentence, lost=True)
    if code == 400 and any(words in message.casefold() for words in TOO_LONG):
        return CallError(sentence, status=Status.CONTEXT_OVERFLOW)
    if code in TIMED_OUT:
        sentence = f"{server} gave up: {message}"
        return CallError(sentence, status=Status.TIMEOUT, again=True, delay=delay, billed=True)
    return CallError(sentence, again=code >= 500, delay=delay)


def _message(error: APIError) -> str:
    return shortened(str(error.message or error.status or "no reason given"))


def _details(error: APIError) -> list[dict[str, Any]]:
    """The typed details of `google.rpc.Status`."""
    body = error.details
    inner = body.get("error", body) if isinstance(body, dict) else {}
    details = inner.get("details", []) if isinstance(inner, dict) else []
    return [item for item in details if isinstance(item, dict)] if isinstance(details, list) else []


def _delay(error: APIError) -> float | None:
    """Seconds to wait, from `google.rpc.RetryInfo` or the `Retry-After` header."""
    for item in _details(error):
        if str(item.get("@type", "")).endswith("RetryInfo"):
            stated = re.fullmatch(r"(\d+(?:\.\d+)?)s", str(item.get("retryDelay", "")))
            if stated:
                return float(stated.group(1))
    return retry_after(getattr(error.response, "headers", {}))


def _daily(error: APIError) -> bool:
    """Whether the quota that was used up is one for a day, which no short wait brings back."""
    return any(
        "PerDay" in str(violation.get("quotaId", ""))
        for item in _details(error)
        for violation in item.get("violations", [])
        if isinstance(violation, dict)
    )
