"""HTTP to one server: the content of a reply, or what a reply that is none means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from threading import Lock
from typing import TYPE_CHECKING

from pydantic import SecretStr

from mma_eval.models.openai.protocol import Json
from mma_eval.models.remote.calls import CallError
from mma_eval.models.remote.secrets import Secrets
from mma_eval.models.remote.wire import retry_after, shortened
from mma_eval.types import Status

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS = 10.0
TOO_LONG = (
    "context_length_exceeded",
    "context length",
    "maximum model length",
    "max_model_len",
)
"""Words of OpenAI, vLLM and SGLang for a prompt that does not fit."""
BLOCKED = ("content_filter", "content_policy_violation")
NO_ENTRY = (401, 403)
BUSY = 429


class Connection:
    """Requests to the server at `name`, from several threads; the key stays in here."""

    def __init__(
        self,
        name: str,
        key: SecretStr | None,
        *,
        key_name: str,
        timeout: float | None,
        most_at_once: int,
    ) -> None:
        self.name = name
        self._key = key
        self._key_name = key_name
        self._timeout = timeout
        self._most_at_once = most_at_once
        self._secrets = Secrets(() if key is None else (key.get_secret_value(),))
        self._client: httpx.Client | None = None
        self._connecting = Lock()

    def call(self, method: str, address: str, body: Json | None = None) -> bytes:
        """The content of a reply of 200; raises CallError."""
        import httpx

        try:
            response = self._connected().request(method, address, json=body)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise CallError(
                f"{self.name}: no connection ({error}); is the server up?", again=True, lost=True
            ) from error
        except httpx.TimeoutException as error:
            raise CallError(
                f"{self.name}: no reply within {self._timeout} s (answer_timeout)",
                status=Status.TIMEOUT,
                billed=True,
            ) from error
        except httpx.TransportError as error:
            raise CallError(
                f"{self.name}: the connection broke ({type(error).__name__}: {error})",
                again=True,
                billed=True,
            ) from error
        if response.status_code == httpx.codes.OK:
            return response.content
        raise self._explained(response.status_code, response.headers, response.text)

    def _connected(self) -> httpx.Client:
        import httpx

        with self._connecting:
            if self._client is None:
                key = self._key
                self._client = httpx.Client(
                    headers={"Authorization": f"Bearer {key.get_secret_value()}"} if key else {},
                    timeout=httpx.Timeout(self._timeout, connect=CONNECT_SECONDS),
                    limits=httpx.Limits(max_connections=self._most_at_once),
                )
            return self._client

    def _explained(self, status: int, headers: Mapping[str, str], content: str) -> CallError:
        """What a reply other than 200 means."""
        words = self._secrets.struck_from(_words(content))
        sentence = f"{self.name}: HTTP {status}: {shortened(words) or 'no reason given'}"
        folded = words.casefold()
        if status in NO_ENTRY:
            name = self._key_name
            # The server's words may hold the key that it refused.
            return CallError(
                f"{self.name}: refuses entry (HTTP {status}); set {name} to a key that it takes",
                lost=True,
            )
        if status == BUSY or status >= 500:
            return CallError(
                sentence, again=True, busy=status in (BUSY, 503), delay=retry_after(headers)
            )
        if any(said in folded for said in TOO_LONG):
            return CallError(sentence, status=Status.CONTEXT_OVERFLOW)
        if any(said in folded for said in BLOCKED):
            return CallError(sentence, status=Status.REFUSED)
        return CallError(sentence)


def _words(content: str) -> str:
    """The message and the code of an error's body, the whole body where it has another form."""
    try:
        body = json.loads(content)
    except ValueError:
        return content
    error = body.get("error", body) if isinstance(body, dict) else body
    if not isinstance(error, dict):
        return str(error)
    parts = [error.get("message"), error.get("code")]
    return " ".join(part for part in parts if isinstance(part, str)) or content
