"""A submission: one model on one dataset version, as a stranger may send it.

The file `<model>@<dataset>-<version>.submission.gz` is one gzip member of JSON lines: a `Header`,
then one `SubmittedAnswer` a line. It holds no media, prompts, machine paths, user names or keys.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from mma_eval.errors import StoreError
from mma_eval.eval.settings import AnswerBy
from mma_eval.leaderboard.claims import Claim
from mma_eval.leaderboard.plain_text import (
    Address,
    Digest,
    Line,
    Name,
    Prose,
    Said,
    ShortDigest,
    TaskName,
)
from mma_eval.models.card import Decoding, Exposure, Limits, ModelCard, Scalar
from mma_eval.types import Evidence, Status
from mma_eval.whole_file import replacing

SUFFIX = ".submission.gz"
SHORT = 16
"""Hexadecimal digits of a prompt's digest."""
LONGEST_ANSWER = 20_000
"""Characters; reasoning of a few thousand tokens."""
LONGEST_TEXT = 12_000_000
"""Characters of all answers together; reading a million of them takes some seconds."""
LARGEST_COUNT = 10_000_000
MOST_ANSWERS = 200_000
MOST_OPTIONS = 2_000

ClipName = Annotated[str, Field(min_length=1, max_length=300)]
Count = Annotated[int, Field(ge=0, le=LARGEST_COUNT)]
Value = Annotated[int, Field(ge=-(2**53), le=2**53)] | float | bool | Line


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", protected_namespaces=(), strict=True, allow_inf_nan=False
    )


class SubmittedDecoding(_Part):
    """Decoding defaults of a card."""

    temperature: Annotated[float, Field(ge=0, le=100)]
    top_p: Annotated[float, Field(ge=0, le=1)]
    repetition_penalty: Annotated[float, Field(gt=0, le=100)]


class SubmittedLimits(_Part):
    """What a card declares that the model cannot do."""

    max_text_tokens: Count | None
    streams: Annotated[tuple[Literal["visual", "audio"], ...], Field(max_length=2)]
    empty_for_missing: Annotated[tuple[Literal["visual", "audio"], ...], Field(max_length=2)]


class SubmittedExposure(_Part):
    """What the model may have seen of the benchmark before."""

    judged_clip_selection: bool | None
    tuned_on_training_split: bool | None
    trained_on_audioset_labels: bool | None


class SubmittedCard(_Part):
    """A model card with every text bounded; results reported elsewhere are left out of it."""

    name: Name
    backend: Name
    family: Said
    summary: Line
    license: Said
    parameters: Annotated[int, Field(ge=0, le=10**15)] | None
    links: Annotated[dict[Name, Address], Field(max_length=20)]
    weights: Line | None
    revision: Line | None
    released: date | None
    inputs: Annotated[tuple[Literal["text", "video", "audio"], ...], Field(max_length=3)]
    context_length: Annotated[int, Field(ge=0, le=10**9)] | None
    system_prompt: Prose | None
    arguments: Annotated[dict[Name, Value], Field(max_length=50)]
    decoding: SubmittedDecoding
    limits: SubmittedLimits
    exposure: SubmittedExposure
    notes: Prose | None

    def as_card(self) -> ModelCard:
        """The card as every other card is held."""
        arguments: dict[str, Scalar] = dict(self.arguments)
        return ModelCard(
            name=self.name,
            backend=self.backend,
            family=self.family,
            summary=self.summary,
            license=self.license,
            parameters=self.parameters,
            links=dict(self.links),
            weights=self.weights,
            revision=self.revision,
            released=self.released,
            inputs=self.inputs,
            context_length=self.context_length,
            system_prompt=self.system_prompt,
            arguments=arguments,
            decoding=Decoding(**self.decoding.model_dump()),
            limits=Limits(**self.limits.model_dump()),
            exposure=Exposure(**self.exposure.model_dump()),
            notes=self.notes,
        )


class SubmittedAdapter(_Part):
    """The adapter that the model was run with; `digest` is that of its files."""

    name: Name
    digest: Digest
    facts: Annotated[dict[Name, Line], Field(max_length=30)]


class SubmittedDataset(_Part):
    """Which clips were asked about."""

    name: Line
    version: Said
    rows: Annotated[int, Field(ge=1, le=MOST_ANSWERS)]
    vanished: Annotated[tuple[ClipName, ...], Field(max_length=MOST_ANSWERS)] = ()
    """Clips that could not be had."""


class SubmittedTask(_Part):
    """One task of a run, by the hash of its file and template."""

    name: TaskName
    version: Annotated[int, Field(ge=0, le=10_000)]
    hash: ShortDigest
    samples: Annotated[int, Field(ge=1, le=MOST_ANSWERS)]
    temperature: Annotated[float, Field(ge=0, le=100)] | None


class SubmittedGeneration(_Part):
    """Decoding settings that the command gave in place of the task's and the card's."""

    max_new_tokens: Annotated[int, Field(ge=1, le=LARGEST_COUNT)] | None
    temperature: Annotated[float, Field(ge=0, le=100)] | None
    top_p: Annotated[float, Field(gt=0, le=1)] | None
    repetition_penalty: Annotated[float, Field(gt=0, le=100)] | None


class SubmittedRun(_Part):
    """What a stranger may know of a run's manifest."""

    started: datetime
    ended: datetime
    asked: Count
    fingerprint: Digest
    """Stands for weights, settings, precision and kernels."""
    seeds: Annotated[dict[Name, Annotated[int, Field(ge=0, le=2**63)]], Field(max_length=10)]
    limit: Annotated[int, Field(ge=1, le=MOST_ANSWERS)] | None
    split: Line | None
    answer_by: AnswerBy
    generation: SubmittedGeneration
    arguments: Annotated[dict[Name, Line], Field(max_length=50)]
    """`--model-args`."""
    mma_eval: Line
    git_commit: Line | None
    python: Line
    platform: Line
    packages: Annotated[dict[Name, Line], Field(max_length=50)]
    described: Annotated[dict[Name, Value | Prose | None], Field(max_length=60)]
    """What the backend says of itself: device, precision, kernels."""
    tasks: Annotated[tuple[SubmittedTask, ...], Field(min_length=1, max_length=200)]


class Header(_Part):
    """The first line: everything but the answers."""

    format: Literal[1] = 1
    made: datetime
    card: SubmittedCard
    adapter: SubmittedAdapter | None
    dataset: SubmittedDataset
    runs: Annotated[tuple[SubmittedRun, ...], Field(min_length=1, max_length=50)]
    claimed: Annotated[tuple[Claim, ...], Field(min_length=1, max_length=400)]
    answers: Annotated[int, Field(ge=1, le=MOST_ANSWERS)]
    """Lines that follow."""
    submitter: Line | None
    contact: Address | None

    @property
    def answer_by(self) -> AnswerBy:
        return self.runs[0].answer_by

    @property
    def file_name(self) -> str:
        """The name of the file: model, adapter, dataset and version."""
        adapter = f"+{self.adapter.name}" if self.adapter else ""
        return f"{self.card.name}{adapter}@{registered_name(self.dataset)}{SUFFIX}".replace(
            ":", "-"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmittedTokens:
    """Tokens that reached the model, by modality."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)

    text: Count | None
    video: Count | None
    audio: Count | None
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmittedScore:
    """Log-likelihood of one option, in nats."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    option: Annotated[str, Field(max_length=LONGEST_ANSWER)]
    log_likelihood: Annotated[float, Field(le=1e-6, ge=-1e9)]
    tokens: Annotated[int, Field(ge=0, le=100_000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmittedAnswer:
    """One question and what came back; answers are any text, to be shown as text."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    task: Annotated[str, Field(min_length=1, max_length=200)]
    id: Annotated[str, Field(min_length=1, max_length=300)]
    prompt: ShortDigest
    """Of the rendered question, filler text replaced by its recipe."""
    status: Status
    answer: Annotated[str, Field(max_length=LONGEST_ANSWER)] | None = None
    scores: Annotated[tuple[SubmittedScore, ...], Field(max_length=MOST_OPTIONS)] = ()
    tokens: SubmittedTokens | None = None


@dataclass(frozen=True)
class Submission:
    """A submission as it was read; `digest` is the SHA-256 of its lines."""

    header: Header
    answers: tuple[SubmittedAnswer, ...]
    digest: str


def prompt_digest(prompt: str) -> str:
    """What stands for a rendered question."""
    return sha256(prompt.encode("utf-8", "backslashreplace")).hexdigest()[:SHORT]


def registered_name(dataset: SubmittedDataset) -> str:
    """`<dataset>-<version>`: the stem of a dataset version's files."""
    return stem_of(dataset.name, dataset.version)


def stem_of(name: str, version: str) -> str:
    """Name without parameters, and the version's hash (what stands behind its last colon)."""
    parts = (name.partition(":")[0], version.rpartition(":")[2])
    plain = (re.sub(r"[^A-Za-z0-9._]+", "-", part).strip("-.")[:60] for part in parts)
    return "-".join(part or "unnamed" for part in plain)


def to_bytes(header: Header, answers: Iterable[SubmittedAnswer]) -> bytes:
    """The file's content; the same submission gives the same bytes."""
    packed = BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as file:
        file.write(header.model_dump_json().encode() + b"\n")
        for answer in answers:
            file.write(_answers().dump_json(answer, exclude_defaults=True) + b"\n")
    return packed.getvalue()


def write_submission(folder: Path, header: Header, answers: Iterable[SubmittedAnswer]) -> Path:
    """Write the file whole under its own name; raises StoreError."""
    path = folder / header.file_name
    try:
        with replacing(path) as partial:
            partial.write_bytes(to_bytes(header, answers))
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror})") from error
    return path


def answer_from_line(line: bytes) -> SubmittedAnswer:
    """One answer from its line; raises pydantic's ValidationError."""
    return _answers().validate_json(line, strict=True)


@cache
def _answers() -> TypeAdapter[SubmittedAnswer]:
    return TypeAdapter(SubmittedAnswer)
