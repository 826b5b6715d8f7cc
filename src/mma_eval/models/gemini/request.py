"""One question as the Gemini API takes it: what is sent, and what that can use at most."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mma_eval.errors import ModelError
from mma_eval.models.gemini.media import Encoded
from mma_eval.models.remote.cost import Usage
from mma_eval.types import Generate, Question

if TYPE_CHECKING:
    from google.genai.types import Content, File, GenerateContentConfig, Part, SafetySetting

FRAMES_A_SECOND = 1.0
"""What the API samples from a video where nothing else is asked."""
MARGIN = 64
"""Tokens a prompt may hold beyond its text and media: turns, delimiters."""
BESIDE_GENERATION = ("systemInstruction", "safetySettings")
"""Fields of the client's configuration that a request holds beside its `generationConfig`."""


@dataclass(frozen=True)
class GeminiSettings:
    """How the API is asked."""

    model: str
    system_prompt: str | None
    thinking_budget: int | None
    fps: float | None
    inline_bytes: int
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


@dataclass(frozen=True)
class SentClip:
    """A clip ready to be part of requests: as it is, or by the file that was uploaded of it."""

    clip: Encoded
    uploaded: File | None = None

    def part(self, fps: float | None) -> Part | None:
        """None for a clip without picture and sound."""
        from google.genai.types import Blob, FileData, Part, VideoMetadata

        clip = self.clip
        if not clip.content:
            return None
        metadata = VideoMetadata(fps=fps) if fps is not None and clip.has_picture else None
        if self.uploaded is not None:
            data = FileData(file_uri=self.uploaded.uri, mime_type=clip.mime_type)
            return Part(file_data=data, video_metadata=metadata)
        blob = Blob(data=clip.content, mime_type=clip.mime_type)
        return Part(inline_data=blob, video_metadata=metadata)


def generation_of(question: Question) -> Generate:
    """Raises ModelError for what no Gemini model can be asked."""
    request = question.request
    if not isinstance(request, Generate):
        raise ModelError(
            "the Gemini API gives no likelihood of a whole answer; use --answer-by generate"
        )
    if request.repetition_penalty != 1.0:
        raise ModelError("the Gemini API has no repetition penalty; leave it at 1.0")
    return request


def content_of(settings: GeminiSettings, sent: SentClip, question: Question) -> Content:
    """The text that belongs before the clip, the clip, and the question last."""
    from google.genai.types import Content, Part

    parts = [Part(text=question.before_media)] if question.before_media else []
    if (clip := sent.part(settings.fps)) is not None:
        parts.append(clip)
    parts.append(Part(text=question.after_media))
    return Content(role="user", parts=parts)


def config_of(settings: GeminiSettings, request: Generate) -> GenerateContentConfig:
    from google.genai.types import Content, GenerateContentConfig, Part, ThinkingConfig

    budget, system = settings.thinking_budget, settings.system_prompt
    instruction = None if system is None else Content(role="user", parts=[Part(text=system)])
    return GenerateContentConfig(
        temperature=request.temperature,
        top_p=request.top_p,
        seed=request.seed if request.sampled else None,
        max_output_tokens=settings.longest_output(request),
        candidate_count=1,
        system_instruction=instruction,
        thinking_config=None if budget is None else ThinkingConfig(thinking_budget=budget),
        safety_settings=_unblocked() if settings.block_none else None,
    )


def request_line(
    key: str, settings: GeminiSettings, sent: SentClip, question: Question, request: Generate
) -> bytes:
    """A line of a batch job's input file: a GenerateContentRequest under a key of ours.

    https://ai.google.dev/gemini-api/docs/batch-api: fields of the REST API, where the client's
    configuration is divided (https://github.com/UKGovernmentBEIS/inspect_ai/pull/3273).
    """
    generation = _as_json(config_of(settings, request))
    beside = {name: generation.pop(name) for name in BESIDE_GENERATION if name in generation}
    contents = [_as_json(content_of(settings, sent, question))]
    body = {"contents": contents, "generationConfig": generation, **beside}
    return json.dumps({"key": key, "request": body}).encode() + b"\n"


def _as_json(model: Content | GenerateContentConfig) -> dict[str, Any]:
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


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
