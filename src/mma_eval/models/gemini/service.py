"""Asking the Gemini API directly: a request a question, its clip inline or uploaded."""

from __future__ import annotations

from dataclasses import dataclass

from mma_eval.models.gemini.connection import Connection
from mma_eval.models.gemini.media import Encoded, encode
from mma_eval.models.gemini.reply import read_reply
from mma_eval.models.gemini.request import (
    GeminiSettings,
    SentClip,
    config_of,
    content_of,
    generation_of,
)
from mma_eval.models.remote.calls import CallError, Calls, Reply
from mma_eval.types import Generate, Group, Question


@dataclass
class Prepared:
    """A group's clip, encoded, and its upload once there is one."""

    sent: SentClip
    failure: CallError | None = None
    """Why the upload did not work; it is not tried again for the group's next question."""

    @property
    def clip(self) -> Encoded:
        return self.sent.clip


class GeminiService:
    """`Service` over generateContent; its methods are called from several threads."""

    def __init__(self, connection: Connection, settings: GeminiSettings) -> None:
        self._connection = connection
        self._settings = settings

    @property
    def name(self) -> str:
        return self._connection.server

    def prepare(self, group: Group) -> Prepared:
        """Raises MediaError."""
        return Prepared(SentClip(encode(group.media)))

    def ask(self, prepared: Prepared, question: Question, calls: Calls) -> Reply:
        """Raises CallError."""
        request = generation_of(question)
        if len(prepared.clip.content) > self._settings.inline_bytes:
            self._upload_once(prepared, calls)
        # No token is shorter than a byte.
        most = self._settings.usage(prepared.clip, question, request, bytes_a_token=1)
        return calls.ask(lambda: self._generate(prepared.sent, question, request), most)

    def release(self, prepared: Prepared) -> None:
        if prepared.sent.uploaded is not None:
            self._connection.forget(prepared.sent.uploaded.name)

    def _generate(self, sent: SentClip, question: Question, request: Generate) -> Reply:
        settings = self._settings
        response = self._connection.spoken(
            lambda: self._connection.client.models.generate_content(
                model=settings.model,
                contents=content_of(settings, sent, question),
                config=config_of(settings, request),
            )
        )
        return read_reply(response, question.id, settings.model, settings.accept_version)

    def _upload_once(self, prepared: Prepared, calls: Calls) -> None:
        if prepared.failure is not None:
            raise prepared.failure
        if prepared.sent.uploaded is not None:
            return
        try:
            file = self._connection.uploaded_clip(prepared.clip, calls)
        except CallError as error:
            prepared.failure = error
            raise
        prepared.sent = SentClip(prepared.clip, file)
