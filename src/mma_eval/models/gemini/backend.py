"""Gemini models behind Google's API, or behind any server that speaks its protocol."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from functools import cached_property
from hashlib import sha256
from importlib.metadata import version as installed_version
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import TYPE_CHECKING, ClassVar, cast

from pydantic import Field

from mma_eval.errors import (
    MmaEvalError,
    ModelError,
    PrerequisiteError,
    StoreError,
    UsageError,
)
from mma_eval.media.policy import AudioPolicy, EveryFrame, FramePolicy, Sampling
from mma_eval.models.base import ModelArguments
from mma_eval.models.card import ModelCard
from mma_eval.models.local import weights
from mma_eval.models.local.text_tokenizer import CheckpointTokenizer
from mma_eval.models.remote.backend import RemoteArguments, RemoteModel
from mma_eval.models.remote.calls import Calls
from mma_eval.models.remote.cost import Bill, Prices, Usage
from mma_eval.models.remote.pace import Pace
from mma_eval.models.remote.secrets import Secrets, check_address, key_from_environment
from mma_eval.paths import cache_folder
from mma_eval.types import Answer, Generate, Group, Question, TextTokenizer

if TYPE_CHECKING:
    from mma_eval.media.source import Media
    from mma_eval.models.gemini.batch import Batch
    from mma_eval.models.gemini.connection import Connection
    from mma_eval.models.gemini.request import GeminiSettings
    from mma_eval.models.gemini.service import GeminiService

KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
ADDRESS = "GOOGLE_GEMINI_BASE_URL"
"""The environment variable of google-genai for another server."""
GOOGLE = "the Gemini API"
BYTES_A_TOKEN = 4


class GeminiArguments(RemoteArguments):
    """What `--model-args` may set for a Gemini model."""

    model: str | None = None
    """The id to ask for; the card's weights without it."""
    base_url: str | None = None
    """Another server than Google's; GOOGLE_GEMINI_BASE_URL says the same."""
    accept_version: str | None = None
    """Pattern such as `gemini-3*`: answers of these models are taken for those of `model`."""
    tokenizer: str | None = None
    """Checkpoint (folder or hub id) whose tokenizer measures text; the service's is not public."""
    system_prompt: str | None = None
    thinking_budget: int | None = Field(default=None, ge=0)
    """Tokens a model may think before it answers; models that do not think take none."""
    fps: float | None = Field(default=None, gt=0)
    """Frames a second that the API samples; its own choice without it."""
    block_none: bool = False
    """Ask the service not to block what its adjustable filters find."""
    inline_bytes: int = Field(default=14_000_000, ge=0)
    """Longer clips are uploaded: a request with all that is in it may hold 20 MB."""
    upload_timeout: float = Field(default=300.0, gt=0)
    """Seconds that an uploaded clip may take until it is ready."""
    batch: bool = False
    """Ask through batch jobs: half the price, and answers within a day or two."""
    batch_questions: int = Field(default=500, ge=1)
    """Questions after which a batch job is begun; `max_in_flight` jobs are under way at most."""
    batch_megabytes: float = Field(default=200.0, gt=0, le=1900)
    """Megabytes of requests after which a batch job is begun; the service takes 2 GB."""
    poll_seconds: float = Field(default=30.0, gt=0)
    """Seconds from one look at the batch jobs to the next."""

    @property
    def prices(self) -> Prices:
        return super().prices.in_a_batch() if self.batch else super().prices


OF_THE_REQUEST = ("thinking_budget", "fps", "block_none")
"""Arguments that change what is asked, beside model, prompt and server."""
OF_THE_ANSWER = ("accept_version", *OF_THE_REQUEST)
"""Arguments that may change an answer."""


class Gemini(RemoteModel):
    """A Gemini model; the clip goes first and the question last, one request a question."""

    Arguments: ClassVar[type[ModelArguments]] = GeminiArguments

    def __init__(self, card: ModelCard, arguments: ModelArguments) -> None:
        super().__init__(card, arguments)
        self.options = cast("GeminiArguments", arguments)
        if self.options.base_url is not None:
            check_address(self.options.base_url)

    @property
    def model(self) -> str:
        """The id that is asked for; raises PrerequisiteError where nobody named one."""
        chosen = self.options.model or self.card.weights
        if not chosen:
            raise PrerequisiteError(
                f"'{self.card.name}' stands for any Gemini model; name one with "
                "--model-args model=ID"
            )
        return chosen

    @property
    def sampling(self) -> Sampling:
        """Every frame and the sound as it is: the service samples by itself."""
        return Sampling(FramePolicy(EveryFrame()), AudioPolicy(rate=None, channels=None))

    @cached_property
    def tokenizer(self) -> TextTokenizer | None:
        """None without one that was named: then text is measured in words (`@words`)."""
        named = self.options.tokenizer
        if named is None:
            return None
        return CheckpointTokenizer(named, lambda: weights.small_files(named, None))

    @property
    def version(self) -> str:
        return self.model

    @property
    def server(self) -> str | None:
        """The address of another server than Google's."""
        address = self.options.base_url or os.environ.get(ADDRESS)
        return None if not address else check_address(address, ADDRESS)

    def fingerprint(self) -> str:
        return f"gemini:{self._digest(OF_THE_ANSWER)}"

    def describe(self) -> dict[str, str | int | float | bool | None]:
        return {
            "model": self.model,
            "server": self.server or GOOGLE,
            "accept_version": self.options.accept_version,
            "thinking_budget": self.options.thinking_budget,
            "fps": self.options.fps,
            "block_none": self.options.block_none,
            "batch": self.options.batch,
            "system_prompt": self._system_prompt,
            "google_genai": installed_version("google-genai"),
            **super().describe(),
        }

    def load(self) -> None:
        """There is nothing to load; raises PrerequisiteError where the key is missing."""
        self._key()

    def secrets(self) -> Secrets:
        keys = (os.environ.get(name, "").strip() for name in KEYS)
        return Secrets(key for key in keys if key)

    def services(self) -> list[GeminiService]:
        from mma_eval.models.gemini.service import GeminiService

        return [GeminiService(self._connection(), self._settings())]

    def estimate(self, asked: Iterable[tuple[Media, Question]]) -> Bill:
        """Text at four characters a token (https://ai.google.dev/gemini-api/docs/tokens)."""
        from mma_eval.models.gemini.media import outlined

        settings = self._settings()
        requests, used = 0, Usage()
        for media, question in asked:
            if isinstance(question.request, Generate):
                requests += 1
                used += settings.usage(
                    outlined(media), question, question.request, bytes_a_token=BYTES_A_TOKEN
                )
        return Bill(requests, used.output, self.remote.prices.cost(used), input=used.input)

    def answer(self, groups: Iterable[Group]) -> Iterator[Answer]:
        """Raises ModelError for what no Gemini model can be asked."""
        possible = map(_possible, groups)
        return self._in_batches(possible) if self.options.batch else super().answer(possible)

    def _in_batches(self, groups: Iterator[Group]) -> Iterator[Answer]:
        first = next(groups, None)
        if first is None:
            return
        secrets = self.secrets()
        with TemporaryDirectory(prefix="mma-eval-batch-") as folder:
            try:
                for answer in self._batch(Path(folder)).answer(chain((first,), groups)):
                    yield secrets.struck_from_answer(answer)
            except (StoreError, UsageError):
                raise
            except Exception as error:
                kind = "" if isinstance(error, MmaEvalError) else f"{type(error).__name__}: "
                raise ModelError(secrets.struck_from(f"{kind}{error}")) from error

    def _batch(self, folder: Path) -> Batch:
        from mma_eval.models.gemini.batch import Batch, BatchLimits
        from mma_eval.models.gemini.draft import Drafts
        from mma_eval.models.gemini.flights import Flights
        from mma_eval.models.gemini.job_records import FOLDER, JobRecords
        from mma_eval.models.gemini.jobs import Jobs

        options, connection, settings = self.options, self._connection(), self._settings()
        asking, reading = self._calls(), self._calls()
        jobs = Jobs(connection, self.model, asking=asking, reading=reading)
        records = JobRecords(cache_folder() / FOLDER)
        flights = Flights(
            jobs,
            records,
            self.ledger,
            settings,
            poll_seconds=options.poll_seconds,
            silence_seconds=options.busy_for,
        )
        return Batch(
            jobs,
            records,
            Drafts(folder, connection, settings, asking),
            flights,
            self.ledger,
            BatchLimits(options.batch_questions, options.batch_megabytes, options.max_in_flight),
            asked_of=self._digest(OF_THE_REQUEST),
            sampling=self.sampling,
        )

    def _calls(self) -> Calls:
        return Calls(self.remote.patience, Pace(most=1), self.ledger, Event())

    def _digest(self, options: Iterable[str]) -> str:
        """Of the model, its server, and how it is asked."""
        parts = {
            "model": self.model,
            "server": self.server,
            "system_prompt": self._system_prompt,
            "options": self.options.model_dump(include=set(options)),
            "av": installed_version("av").split(".")[0],
        }
        return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def _settings(self) -> GeminiSettings:
        from mma_eval.models.gemini.request import GeminiSettings

        return GeminiSettings(
            model=self.model,
            system_prompt=self._system_prompt,
            thinking_budget=self.options.thinking_budget,
            fps=self.options.fps,
            inline_bytes=self.options.inline_bytes,
            accept_version=self.options.accept_version,
            block_none=self.options.block_none,
        )

    @property
    def _system_prompt(self) -> str | None:
        given = self.options.system_prompt
        return self.card.system_prompt if given is None else given

    def _key(self) -> str:
        key = key_from_environment(KEYS)
        if key is None:
            raise PrerequisiteError(
                "the Gemini API needs a key: set GEMINI_API_KEY (or GOOGLE_API_KEY) in the "
                "environment; one comes from https://aistudio.google.com/apikey"
            )
        return key

    def _connection(self) -> Connection:
        from google.genai import Client
        from google.genai.types import HttpOptions

        from mma_eval.models.gemini.connection import Connection

        limit = self.options.answer_timeout
        milliseconds = None if limit is None else round(1000 * limit)
        options = HttpOptions(base_url=self.server, timeout=milliseconds)
        # Said outright: the environment may point the client at Vertex AI, which takes other keys.
        client = Client(api_key=self._key(), vertexai=False, http_options=options)
        return Connection(
            client,
            self.server or GOOGLE,
            answer_timeout=limit,
            upload_timeout=self.options.upload_timeout,
        )


def _possible(group: Group) -> Group:
    from mma_eval.models.gemini.request import generation_of

    for question in group.questions:
        generation_of(question)
    return group
