"""Speaking to the Gemini API: clips inline or uploaded, one request a question."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, TypeVar

from mma_eval.errors import ModelError
from mma_eval.models.gemini.errors import call_error
from mma_eval.models.gemini.media import Encoded, encode
from mma_eval.models.gemini.reply import read_reply
from mma_eval.models.remote.calls import CallError, Calls, Reply
from mma_eval.models.remote.cost import Usage
from mma_eval.types import Generate, Group, Question, Status

if TYPE_CHECKING:
    from google.genai import Client
    from google.genai.types import Content, File, GenerateContentConfig, Part, SafetySetting

T = TypeVar("T")

FRAMES_A_SECOND = 1.0
"""What the API samples from a video where nothing else is asked."""
POLL_SECONDS = (0.2, 5.0)
"""The first pause before asking whether an upload is ready, and the longest."""
MARGIN = 64
"""Tokens a prompt may hold beyond its text and media: turns, delimiters."""


@dataclass(frozen=True)
class GeminiSettings:
    """How the API is asked."""

    model: str
    system_prompt: str | None
    thinking_budget: int | None
    fps: float | None
    inline_bytes: int
    upload_timeout: float
    answer_timeout: float | None
    accept_version: str | None
    block_none: bool

    def longest_output(self, request: Generate) -> int:
        """Tokens for the answer and for thinking, which the API counts against one limit.

        The budget of thinking is kept to only roughly, hence twice of it.
        """
        return request.max_new_tokens + 2 * (self.thinking_budget or 0)

    def usage(
        self, clip: Encoded, question: Question, request: Generate, *, bytes_a_token: int
    ) -> Usage:
        """What a question uses at most, its text measured in bytes."""
        media, sound = clip.tokens(self.fps or FRAMES_A_SECOND)
        text = "".join((self.system_prompt or "", question.before_media, question.after_media))
        written = len(text.encode("utf-8", "replace")) // bytes_a_token
        return Usage(media + written + MARGIN, self.longest_output(request), sound=sound)


@dataclass
class Prepared:
    """A group's clip, encoded, and its upload once there is one."""

    before_media: str
    clip: Encoded
    uploaded: File | None = None
    failure: CallError | None = None
    """Why the upload did not work; it is not tried again for the group's next question."""


class GeminiService:
    """One account at the Gemini API, or at a server that speaks its protocol."""

    def __init__(self, client: Client, server: str, settings: GeminiSettings) -> None:
        self._client = client
        self._server = server
        self._settings = settings

    @property
    def name(self) -> str:
        return self._server

    def prepare(self, group: Group) -> Prepared:
        return Prepared(group.before_media, encode(group.media))

    def ask(self, prepared: Prepared, question: Question, calls: Calls) -> Reply:
        request = question.request
        if not isinstance(request, Generate):
            raise ModelError("the Gemini API gives no likelihoods")
        if self._is_large(prepared.clip):
            self._upload_once(prepared, calls)
        return calls.ask(
            lambda: self._generate(prepared, question, request),
            self._most(prepared, question, request),
        )

    def release(self, prepared: Prepared) -> None:
        if prepared.uploaded is None or prepared.uploaded.name is None:
            return
        name = prepared.uploaded.name
        try:
            self._client.files.delete(name=name)
        except Exception:
            # The service deletes every file after two days by itself.
            return

    def _most(self, prepared: Prepared, question: Question, request: Generate) -> Usage:
        """The most that a question can use: no token is shorter than a byte."""
        return self._settings.usage(prepared.clip, question, request, bytes_a_token=1)

    def _generate(self, prepared: Prepared, question: Question, request: Generate) -> Reply:
        response = self._spoken(
            lambda: self._client.models.generate_content(
                model=self._settings.model,
                contents=self._content(prepared, question),
                config=self._config(request),
            )
        )
        settings = self._settings
        return read_reply(response, question.id, settings.model, settings.accept_version)

    def _content(self, prepared: Prepared, question: Question) -> Content:
        """The text that belongs before the clip, the clip, and the question last."""
        from google.genai.types import Content, Part

        parts = [Part(text=prepared.before_media)] if prepared.before_media else []
        if (clip := self._clip_part(prepared)) is not None:
            parts.append(clip)
        parts.append(Part(text=question.after_media))
        return Content(role="user", parts=parts)

    def _clip_part(self, prepared: Prepared) -> Part | None:
        from google.genai.types import Blob, FileData, Part, VideoMetadata

        clip = prepared.clip
        if not clip.content:
            return None
        fps = self._settings.fps
        metadata = VideoMetadata(fps=fps) if fps is not None and clip.has_picture else None
        if prepared.uploaded is not None:
            data = FileData(file_uri=prepared.uploaded.uri, mime_type=clip.mime_type)
            return Part(file_data=data, video_metadata=metadata)
        blob = Blob(data=clip.content, mime_type=clip.mime_type)
        return Part(inline_data=blob, video_metadata=metadata)

    def _config(self, request: Generate) -> GenerateContentConfig:
        from google.genai.types import GenerateContentConfig, ThinkingConfig

        budget = self._settings.thinking_budget
        return GenerateContentConfig(
            temperature=request.temperature,
            top_p=request.top_p,
            seed=request.seed if request.sampled else None,
            max_output_tokens=self._settings.longest_output(request),
            candidate_count=1,
            system_instruction=self._settings.system_prompt,
            thinking_config=None if budget is None else ThinkingConfig(thinking_budget=budget),
            safety_settings=_unblocked() if self._settings.block_none else None,
        )

    def _is_large(self, clip: Encoded) -> bool:
        return len(clip.content) > self._settings.inline_bytes

    def _upload_once(self, prepared: Prepared, calls: Calls) -> None:
        if prepared.failure is not None:
            raise prepared.failure
        if prepared.uploaded is not None:
            return
        try:
            prepared.uploaded = self._ready(calls.do(lambda: self._upload(prepared.clip)), calls)
        except CallError as error:
            prepared.failure = error
            raise

    def _upload(self, clip: Encoded) -> File:
        from google.genai.types import UploadFileConfig

        config = UploadFileConfig(mime_type=clip.mime_type)
        return self._spoken(
            lambda: self._client.files.upload(file=BytesIO(clip.content), config=config)
        )

    def _ready(self, file: File, calls: Calls) -> File:
        """The file once the service has processed it; raises CallError."""
        deadline = time.monotonic() + self._settings.upload_timeout
        pause, longest = POLL_SECONDS
        while (state := _state(file)) != "ACTIVE":
            if state == "FAILED":
                raise CallError(f"{self._server} could not process the uploaded clip")
            if time.monotonic() + pause > deadline:
                raise CallError(
                    f"the uploaded clip was not ready within {self._settings.upload_timeout:g} s "
                    f"(it is still {state})",
                    status=Status.TIMEOUT,
                )
            calls.pause(pause)
            pause = min(2 * pause, longest)
            file = self._again(file, calls)
        return file

    def _again(self, file: File, calls: Calls) -> File:
        """The same file as it is now."""
        name = file.name or ""
        return calls.do(lambda: self._spoken(lambda: self._client.files.get(name=name)))

    def _spoken(self, call: Callable[[], T]) -> T:
        """What the client returns; its errors as CallError."""
        try:
            return call()
        except Exception as error:
            meaning = call_error(error, self._server, self._settings.answer_timeout)
            if meaning is None:
                raise
            raise meaning from error


def _unblocked() -> list[SafetySetting]:
    """No block by the filters that a user may set; the service keeps others."""
    from google.genai.types import HarmBlockThreshold, HarmCategory, SafetySetting

    return [
        SafetySetting(category=category, threshold=HarmBlockThreshold.BLOCK_NONE)
        for category in (
            HarmCategory.HARM_CATEGORY_HARASSMENT,
            HarmCategory.HARM_CATEGORY_HATE_SPEECH,
            HarmCategory.HARM_CATEGORY_SEXUALLY_EXPLICIT,
            HarmCategory.HARM_CATEGORY_DANGEROUS_CONTENT,
        )
    ]


def _state(file: File) -> str:
    return "ACTIVE" if file.state is None else str(file.state.value)
