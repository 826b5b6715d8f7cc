"""Any model behind a server that speaks chat completions: vLLM, SGLang and their like."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cached_property, partial
from hashlib import sha256
from threading import Event, Lock
from typing import TYPE_CHECKING, ClassVar, cast

from pydantic import Field, SecretStr, field_validator

from mma_eval.errors import ModelError, UsageError
from mma_eval.media.policy import AudioPolicy, EveryFrame, FramePolicy, Sampling
from mma_eval.models.base import ModelArguments
from mma_eval.models.card import ModelCard
from mma_eval.models.local import weights
from mma_eval.models.local.text_tokenizer import CheckpointTokenizer
from mma_eval.models.openai.http import Connection
from mma_eval.models.openai.protocol import SENT_SOUND, AudioForm
from mma_eval.models.openai.service import LONGEST_PROMPT, ChatService, ServiceSettings
from mma_eval.models.openai.tokenizer import ServerTokenizer
from mma_eval.models.remote.backend import RemoteArguments, RemoteModel
from mma_eval.models.remote.calls import Calls
from mma_eval.models.remote.pace import Pace
from mma_eval.models.remote.secrets import Secrets, check_address, key_from_environment
from mma_eval.types import Question, TextTokenizer

if TYPE_CHECKING:
    from mma_eval.media.source import Media
    from mma_eval.models.remote.cost import Bill

FORM = 1
"""Of what is sent; a change that may change an answer counts it up."""


class OpenAIArguments(RemoteArguments):
    """What `--model-args` may set for a model behind an OpenAI-compatible server."""

    base_url: tuple[str, ...] = ()
    """Address up to `/v1`; several, as `[first,second]`, share the work."""
    model: str | None = None
    """Name that the server gives the model; without it, the one model that it serves."""
    audio: AudioForm = "in_video"
    """`in_video`: in the mp4 (vLLM); `input_audio`: as a part of its own, after the picture."""
    key_env: str = Field(default="OPENAI_API_KEY", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """Environment variable that holds the key."""
    system_prompt: str | None = None
    """Without it the card's; without that, the server's chat template decides."""
    tokenizer: str | None = None
    """Checkpoint (folder or hub id) whose tokenizer measures text; without it the server does."""
    canary: bool = True
    """Check before the first sample that sound makes the prompt longer."""

    @field_validator("base_url", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value


class OpenAICompatible(RemoteModel):
    """A model served elsewhere; every condition goes out through the same muxing."""

    Arguments: ClassVar[type[ModelArguments]] = OpenAIArguments

    def __init__(self, card: ModelCard, arguments: ModelArguments) -> None:
        super().__init__(card, arguments)
        self.options = cast("OpenAIArguments", arguments)
        if not self.options.base_url:
            raise UsageError(
                "set --model-args base_url=http://HOST:PORT/v1 to the server's address"
            )
        self._addresses = tuple(check_address(address) for address in self.options.base_url)
        if len({*self._addresses}) < len(self._addresses):
            raise UsageError("base_url names a server twice")
        self._canary: str | None = None
        self._loading = Lock()

    @property
    def sampling(self) -> Sampling:
        """Every frame goes out; so does the sound, unless it is a part of its own."""
        native = AudioPolicy(rate=None, channels=None)
        apart = self.options.audio == "input_audio"
        return Sampling(FramePolicy(EveryFrame()), SENT_SOUND if apart else native)

    @cached_property
    def tokenizer(self) -> TextTokenizer:
        named = self.options.tokenizer
        if named is not None:
            return CheckpointTokenizer(named, lambda: weights.small_files(named, None))
        _ = self._checkpoint
        service = self._services[0]
        assert service.served is not None
        return ServerTokenizer(service.served.id, service.post_beside)

    @property
    def version(self) -> str:
        """The name that is asked for; every answer says what was served under it."""
        return self.options.model or self.card.name

    def fingerprint(self) -> str:
        """The checkpoint as the servers name it and how it is asked; asks the servers for it."""
        parts = {
            "checkpoint": self._checkpoint,
            "audio": self.options.audio,
            "system_prompt": self._system_prompt,
            "form": FORM,
        }
        return f"openai:{sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()}"

    def secrets(self) -> Secrets:
        return Secrets(() if self._key is None else (self._key.get_secret_value(),))

    def services(self) -> Sequence[ChatService]:
        self.load()
        return self._services

    def load(self) -> None:
        """Find the model on every server and run the canary; raises ModelError."""
        with self._loading:
            _ = self._checkpoint
            if self._canary is None:
                self._canary = self._look_for_sound()

    def describe(self) -> dict[str, str | int | float | bool | None]:
        return {
            **super().describe(),
            "checkpoint": self._checkpoint,
            "servers": len(self._addresses),
            "audio": self.options.audio,
            "system_prompt": self._system_prompt,
            "canary": self._canary,
        }

    def estimate(self, asked: Iterable[tuple[Media, Question]]) -> Bill:
        """Without asking the servers: text is measured only where a tokenizer was named."""
        from mma_eval.models.openai.canary import REQUESTS
        from mma_eval.models.openai.estimate import estimated

        return estimated(
            asked,
            audio=self.options.audio,
            system_prompt=self._system_prompt,
            tokenizer=None if self.options.tokenizer is None else self.tokenizer,
            prices=self.remote.prices,
            longest_prompt=self.card.context_length or LONGEST_PROMPT,
            beforehand=REQUESTS * len(self._addresses) if self.options.canary else 0,
        )

    @property
    def _system_prompt(self) -> str | None:
        own = self.options.system_prompt
        return self.card.system_prompt if own is None else own

    @cached_property
    def _key(self) -> SecretStr | None:
        key = key_from_environment((self.options.key_env,))
        return None if key is None else SecretStr(key)

    @cached_property
    def _services(self) -> tuple[ChatService, ...]:
        settings = ServiceSettings(
            self.options.audio, self.options.model, self._system_prompt, self.options.canary
        )
        return tuple(
            ChatService(self._connection(address), settings) for address in self._addresses
        )

    def _connection(self, address: str) -> Connection:
        return Connection(
            address,
            self._key,
            key_name=self.options.key_env,
            timeout=self.options.answer_timeout,
            most_at_once=self.options.max_in_flight,
        )

    @cached_property
    def _checkpoint(self) -> str:
        """What all servers serve; raises ModelError where one serves something else."""
        served = {service.name: service.connect() for service in self._services}
        checkpoints = {name: entry.root or entry.id for name, entry in served.items()}
        if len({*checkpoints.values()}) > 1:
            listed = ", ".join(f"{name} {what}" for name, what in checkpoints.items())
            raise ModelError(f"the servers do not serve the same model: {listed}")
        return next(iter(checkpoints.values()))

    def _look_for_sound(self) -> str:
        """The finding in words, for the manifest."""
        if not self.options.canary:
            return "skipped"
        from mma_eval.models.openai.canary import sound_arrives

        findings = []
        for service in self._services:
            calls = Calls(self.remote.patience, Pace(most=1), self.ledger, Event())
            count = partial(service.prompt_tokens, calls=calls)
            findings.append(sound_arrives(service.name, self.options.audio, count))
        return "; ".join(
            f"{found.with_sound} prompt tokens with sound, {found.without_sound} without"
            for found in dict.fromkeys(findings)
        )
