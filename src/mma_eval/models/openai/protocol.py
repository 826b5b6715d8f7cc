"""Chat completions as vLLM and SGLang take them: what is sent, and what a reply says.

Content parts: vLLM documentation, "Multimodal Inputs"; token counts by modality:
`usage.prompt_tokens_details` of both servers.
"""

from __future__ import annotations

import base64
import io
import wave
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mma_eval.errors import ModelError
from mma_eval.media.policy import AudioPolicy
from mma_eval.media.source import Media, NoAudio
from mma_eval.types import Evidence, Generate, Question, TokenCounts

AudioForm = Literal["in_video", "input_audio"]
Json = dict[str, Any]

SENT_SOUND = AudioPolicy(rate=16_000, channels=1)
"""Sound that is sent as a part of its own; what the audio towers of both Qwen-Omni lines take."""
FULL_SCALE = 32_767
LATE_REFUSAL = "content_filter"


@dataclass(frozen=True)
class MediaParts:
    """Content parts of one media; `audio_in_video` says that the mp4 carries the sound."""

    parts: tuple[Json, ...]
    audio_in_video: bool


@dataclass(frozen=True)
class ChatSettings:
    """What is the same in every request to a model."""

    model: str
    system_prompt: str | None = None


def media_parts(media: Media, form: AudioForm) -> MediaParts:
    """The streams of `media`; a picture always goes as mp4, and sound without one as wav.

    Raises MediaError.
    """
    if not media.has_video:
        sound = (audio_part(wav_of(media)),) if media.has_audio else ()
        return MediaParts(sound, False)
    if form == "in_video" or not media.has_audio:
        return MediaParts((video_part(media.mp4()),), media.has_audio)
    picture = replace(media, audio=NoAudio()).mp4()
    return MediaParts((video_part(picture), audio_part(wav_of(media))), False)


def video_part(mp4: bytes) -> Json:
    return {"type": "video_url", "video_url": {"url": f"data:video/mp4;base64,{_text(mp4)}"}}


def audio_part(wav: bytes) -> Json:
    return {"type": "input_audio", "input_audio": {"data": _text(wav), "format": "wav"}}


def wav_of(media: Media) -> bytes:
    """The sound as 16-bit mono at 16 kHz; raises MediaError."""
    sound = media.sound(SENT_SOUND)
    assert sound is not None
    return wav_bytes(sound.samples[0], sound.rate)


def wav_bytes(wave_form: NDArray[np.float32], rate: int) -> bytes:
    """`wave_form` float32 [samples] in -1..1 as a wav file of 16 bits."""
    samples = np.round(np.clip(wave_form, -1.0, 1.0) * FULL_SCALE).astype("<i2")
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(samples.itemsize)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return target.getvalue()


def chat_body(
    settings: ChatSettings, media: MediaParts, question: Question, request: Generate
) -> Json:
    """One chat completion: the media first, the text of the question last.

    Decoding is stated in full, or the server would take it from the checkpoint's own file.
    """
    body: Json = {
        "model": settings.model,
        "messages": messages(settings, media, question),
        "max_tokens": request.max_new_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "repetition_penalty": request.repetition_penalty,
    }
    if request.sampled:
        body["seed"] = request.seed
    if media.audio_in_video:
        body["mm_processor_kwargs"] = {"use_audio_in_video": True}
    return body


def messages(settings: ChatSettings, media: MediaParts, question: Question) -> list[Json]:
    content = [*_texts(question.before_media), *media.parts, *_texts(question.after_media)]
    system = settings.system_prompt
    first = [] if system is None else [{"role": "system", "content": system}]
    return [*first, {"role": "user", "content": content}]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


P = TypeVar("P", bound=_Part)


class PromptDetails(_Part):
    """Tokens of the prompt by modality; servers name them in one of two ways, or not at all."""

    audio_tokens: int | None = Field(default=None, ge=0)
    video_tokens: int | None = Field(default=None, ge=0)
    image_tokens: int | None = Field(default=None, ge=0)
    multimodal_tokens: dict[str, int] | None = None
    cached_tokens: int | None = Field(default=None, ge=0)

    @property
    def by_modality(self) -> tuple[int | None, int | None]:
        """Video and audio tokens. A server that counts media leaves out those of which it has none.

        `audio_tokens` alone is a field that servers fill with zero where they do not count.
        """
        if self.multimodal_tokens is not None:
            counts = self.multimodal_tokens
            return counts.get("video", 0), counts.get("audio", 0)
        if self.video_tokens is None and self.image_tokens is None:
            return None, self.audio_tokens or None
        return self.video_tokens or 0, self.audio_tokens or 0


class Usage(_Part):
    prompt_tokens: int = Field(ge=0)
    completion_tokens: int | None = Field(default=None, ge=0)
    prompt_tokens_details: PromptDetails | None = None


class Message(_Part):
    content: str | None = None
    refusal: str | None = None


class Choice(_Part):
    message: Message
    finish_reason: str | None = None


class TokenLikelihood(_Part):
    logprob: float
    decoded_token: str


class ChatReply(_Part):
    """A chat completion, as much of it as is used."""

    model: str | None = None
    choices: tuple[Choice, ...] = Field(min_length=1)
    usage: Usage | None = None
    prompt_logprobs: tuple[dict[str, TokenLikelihood] | None, ...] | None = None
    """Of every token of the prompt, by its id; None for the first, before which nothing stands."""

    @property
    def text(self) -> str:
        """What the model said; raises ModelError where the reply holds none."""
        choice = self.choices[0]
        if choice.message.content is None and choice.finish_reason != "length":
            raise ModelError("the server's reply holds no text")
        return choice.message.content or ""

    @property
    def refusal(self) -> str | None:
        """Why the model or the server declined, None where it did not."""
        choice = self.choices[0]
        if choice.message.refusal:
            return choice.message.refusal
        if choice.finish_reason == LATE_REFUSAL:
            return "the server's content filter stopped the answer"
        return None


class ServedModel(_Part):
    """An entry of `/models`; `root` is the checkpoint behind a served name."""

    id: str
    root: str | None = None
    max_model_len: int | None = None


class ServedModels(_Part):
    data: tuple[ServedModel, ...]


class Tokenized(_Part):
    tokens: list[int]


class Detokenized(_Part):
    prompt: str


def read_chat(content: bytes) -> ChatReply:
    """Raises ModelError where the reply is not a chat completion."""
    return _read(ChatReply, content, "a chat completion")


def read_models(content: bytes) -> ServedModels:
    """Raises ModelError where the reply is not a list of models."""
    return _read(ServedModels, content, "a list of models")


def read_tokenized(content: bytes) -> list[int]:
    """Raises ModelError where the reply is not a list of tokens."""
    return _read(Tokenized, content, "a list of tokens").tokens


def read_detokenized(content: bytes) -> str:
    """Raises ModelError where the reply is not the text of tokens."""
    return _read(Detokenized, content, "the text of tokens").prompt


def token_counts(usage: Usage | None, *, canary_passed: bool) -> TokenCounts | None:
    """Tokens by modality as the server tells them; of a bare total, no share is known."""
    details = usage.prompt_tokens_details if usage is not None else None
    video, audio = (None, None) if details is None else details.by_modality
    if usage is None or (video is None and audio is None):
        return TokenCounts(None, None, None, Evidence.CANARY) if canary_passed else None
    text = None
    if video is not None and audio is not None and video + audio <= usage.prompt_tokens:
        text = usage.prompt_tokens - video - audio
    return TokenCounts(text, video, audio, Evidence.REPORTED)


def _read(kind: type[P], content: bytes, what: str) -> P:
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in fault["loc"])
        where = f" at '{place}'" if place else ""
        raise ModelError(f"the server's reply is not {what}{where}: {fault['msg']}") from error


def _texts(text: str) -> list[Json]:
    return [{"type": "text", "text": text}] if text.strip() else []


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
