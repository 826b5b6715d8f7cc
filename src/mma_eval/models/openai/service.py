"""One server that speaks chat completions: questions in, answers and what they used out."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial

from mma_eval.errors import ModelError
from mma_eval.models.openai.http import Connection
from mma_eval.models.openai.options import ScoredOption, agreed, option_body, read_option
from mma_eval.models.openai.protocol import (
    AudioForm,
    ChatReply,
    ChatSettings,
    Json,
    MediaParts,
    ServedModel,
    chat_body,
    media_parts,
    read_chat,
    read_models,
    token_counts,
)
from mma_eval.models.remote.calls import CallError, Calls, Reply
from mma_eval.models.remote.cost import Usage
from mma_eval.models.remote.wire import shortened
from mma_eval.types import Answer, Generate, Group, Question, ScoreOptions, Status

LONGEST_PROMPT = 131_072
"""Tokens that are set aside for a prompt where the server does not say how long one may be."""


@dataclass(frozen=True)
class ServiceSettings:
    """How every server of a model is asked."""

    audio: AudioForm
    model: str | None
    system_prompt: str | None
    canary: bool


class ChatService:
    """`Service` over chat completions; its methods are called from several threads."""

    def __init__(self, connection: Connection, settings: ServiceSettings) -> None:
        self.name = connection.name
        self._connection = connection
        self._settings = settings
        self.served: ServedModel | None = None

    def connect(self) -> ServedModel:
        """What the server serves under the name that is wanted; raises ModelError."""
        try:
            known = read_models(self._connection.call("GET", f"{self.name}/models"))
        except CallError as error:
            raise ModelError(str(error)) from error
        wanted = self._settings.model
        found = [entry for entry in known.data if wanted in (None, entry.id)]
        if len(found) != 1:
            names = ", ".join(entry.id for entry in known.data) or "nothing"
            asked = "no model is named" if wanted is None else f"not '{wanted}'"
            raise ModelError(
                f"{self.name} serves {names}, {asked}; set --model-args model=NAME to one of them"
            )
        self.served = found[0]
        return found[0]

    def post_beside(self, path: str, body: Json) -> bytes:
        """The content of a reply from outside of `/v1`, where vLLM measures text.

        Raises ModelError.
        """
        address = f"{self.name.removesuffix('/v1')}{path}"
        try:
            return self._connection.call("POST", address, body)
        except CallError as error:
            raise ModelError(
                f"the server cannot measure text ({path}: {error}); set --model-args "
                "tokenizer=CHECKPOINT, or count words (long_context:unit=words)"
            ) from error

    def prompt_tokens(self, media: MediaParts, calls: Calls) -> int:
        """Prompt tokens of a short question on `media`; raises ModelError."""
        request = Generate(max_new_tokens=1)
        question = Question("canary", "", "Describe.", request)
        body = chat_body(self._chat_settings, media, question, request)
        try:
            reply = calls.do(lambda: self._chat(body))
        except CallError as error:
            raise ModelError(f"the check whether sound arrives failed: {error}") from error
        if reply.usage is None:
            raise ModelError(
                f"{self.name} does not tell how many prompt tokens it read, so whether the sound "
                "arrives cannot be checked; set canary=false to go on without"
            )
        return reply.usage.prompt_tokens

    def prepare(self, group: Group) -> MediaParts:
        """Raises MediaError."""
        return media_parts(group.media, self._settings.audio)

    def ask(self, prepared: MediaParts, question: Question, calls: Calls) -> Reply:
        """Raises CallError."""
        request = question.request
        if isinstance(request, ScoreOptions):
            return self._scored(prepared, question, request, calls)
        body = chat_body(self._chat_settings, prepared, question, request)
        return calls.ask(lambda: self._reply(question, body), self._most(request))

    def release(self, prepared: MediaParts) -> None:
        return

    @property
    def _chat_settings(self) -> ChatSettings:
        assert self.served is not None
        return ChatSettings(self.served.id, self._settings.system_prompt)

    def _most(self, request: Generate) -> Usage:
        """A full context: what media take is known to the server alone."""
        longest = self.served.max_model_len if self.served else None
        return Usage(input=longest or LONGEST_PROMPT, output=request.max_new_tokens)

    def _reply(self, question: Question, body: Json) -> Reply:
        reply = self._chat(body)
        refusal = reply.refusal
        try:
            text = reply.text if refusal is None else None
        except ModelError as error:
            raise CallError(f"{self.name}: {error}", billed=True) from error
        answer = Answer(
            question.id,
            Status.OK if refusal is None else Status.REFUSED,
            text=text,
            error=None if refusal is None else shortened(refusal),
            tokens=token_counts(reply.usage, canary_passed=self._settings.canary),
            finish_reason=reply.choices[0].finish_reason,
            model_version=reply.model,
        )
        return Reply(answer, _billed(reply))

    def _scored(
        self, prepared: MediaParts, question: Question, request: ScoreOptions, calls: Calls
    ) -> Reply:
        """One request for the question alone, then one for each option behind it."""
        start = time.perf_counter()
        once = Generate(max_new_tokens=1)
        body = chat_body(self._chat_settings, prepared, question, once)
        most = self._most(once)
        alone = calls.ask(lambda: self._reply(question, body), most)
        if alone.answer.status is not Status.OK:
            return alone
        if alone.usage is None:
            raise CallError(f"{self.name} does not tell how many prompt tokens it read")
        length = alone.usage.input
        scored: list[ScoredOption] = []

        def score(option: str) -> Reply:
            reply = self._chat(option_body(body, option))
            try:
                scored.append(read_option(reply, option, length))
            except ModelError as error:
                raise CallError(f"{self.name}: {error}") from error
            return Reply(alone.answer, _billed(reply))

        for option in request.options:
            calls.ask(partial(score, option), most)
        try:
            scores = agreed(scored)
        except ModelError as error:
            raise CallError(f"{self.name}: {error}") from error
        answer = replace(
            alone.answer,
            text=None,
            finish_reason=None,
            option_scores=scores,
            seconds=time.perf_counter() - start,
        )
        return Reply(answer, alone.usage)

    def _chat(self, body: Json) -> ChatReply:
        content = self._connection.call("POST", f"{self.name}/chat/completions", body)
        try:
            return read_chat(content)
        except ModelError as error:
            raise CallError(f"{self.name}: {error}", again=True, billed=True) from error


def _billed(reply: ChatReply) -> Usage | None:
    usage = reply.usage
    if usage is None:
        return None
    details = usage.prompt_tokens_details
    sound = None if details is None else details.by_modality[1]
    cached = None if details is None else details.cached_tokens
    return Usage(
        usage.prompt_tokens, usage.completion_tokens or 0, cached=cached or 0, sound=sound or 0
    )
