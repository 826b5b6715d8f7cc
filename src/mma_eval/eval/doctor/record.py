"""A record of a model as it ran on one machine: what was asked, what came back, and where.

Small, readable line by line, and safe to send: no media, keys, paths or names of people. What is
read back may come from anybody, so it is bounded and checked.
"""

from __future__ import annotations

import json
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from mma_eval.errors import StoreError, UsageError
from mma_eval.eval.doctor.checks import NAMES, Verdict
from mma_eval.eval.doctor.stimuli import Form, Variant
from mma_eval.eval.manifest import Environment
from mma_eval.json_file import read_json
from mma_eval.paths import data_folder
from mma_eval.types import Status, Stream, TokenCounts
from mma_eval.whole_file import check_writable, replacing

RECORDS = "records"
"""The folder beside the cards; in it one for each card, with a file for each machine."""
LARGEST_BYTES = 8_000_000
"""A record of ten clips takes about a hundredth of it."""
LONGEST_TEXT = 40_000
MOST_CLIPS = 1_000
MOST_PER_CLIP = 100

RE_MADE = r"(?:demo(?::(?:count|seed)=\d{1,3}(?:,(?:count|seed)=\d{1,3})?)?)"
"""Datasets that any machine makes or has under one name; a record names no others."""


def _finite(value: float) -> float:
    if not abs(value) < float("inf"):
        raise ValueError("is not a finite number")
    return value


Name = Annotated[str, Field(min_length=1, max_length=300)]
Digest = Annotated[str, Field(pattern=r"^([0-9a-f]{16}|[0-9a-f]{64})?$")]
"""SHA-256, of what is only compared its first 64 bits; '' for a stream that is not there."""
Finite = Annotated[float, AfterValidator(_finite)]
Score = tuple[Name, Finite | None, int]
"""An option, its log-likelihood in nats (None: not finite), and its length in tokens."""


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", protected_namespaces=(), str_max_length=LONGEST_TEXT
    )


class RecordedModel(_Part):
    """Which model it was, as far as it can be told from afar."""

    name: Name
    backend: Name
    weights: str | None
    """What the card names, and its revision."""
    revision: str | None
    version: str
    """What answered: the card's weights, or others in their place."""
    fingerprint: Annotated[str, Field(max_length=300)]
    """Of weights, settings, device, precision and kernels; differs between kinds of machines."""
    identity: Annotated[dict[Name, Name], Field(max_length=50)]
    """Of weights, adapter and settings, part by part; the same on every machine."""
    arguments: Annotated[dict[Name, str], Field(max_length=100)]
    """`--model-args` that differ from the backend's defaults."""


class RecordedClips(_Part):
    """Where the clips came from."""

    dataset: Annotated[str, Field(pattern=rf"^{RE_MADE}$")] | None
    """None for a manifest of one's own, which is not named."""
    version: Name
    files: Annotated[dict[Name, tuple[Digest, ...]], Field(min_length=1, max_length=MOST_CLIPS)]
    """Digests of the files behind each clip: its picture and sound, and those of its exchange."""


class RecordedPrompt(_Part):
    """One rendered question."""

    ask: Stream
    before_media: str
    after_media: str
    options: Annotated[tuple[Name, ...], Field(max_length=2_000)]
    sha256: Digest
    """Of both texts."""

    @model_validator(mode="after")
    def _is_its_digest(self) -> RecordedPrompt:
        if self.sha256 != prompt_digest(self.before_media, self.after_media):
            raise ValueError("the digest of a prompt is not that of its text")
        return self


class Shown(_Part):
    """One variant of a clip; the policy of the model decides which frames and samples it gets."""

    clip: Name
    variant: Variant
    video_hash: Digest
    audio_hash: Digest
    """Names of the streams, as a run's samples have them: bytes, policy, decoder and edits."""
    frames: Digest
    samples: Digest
    """Digests of what was decoded."""
    edits: tuple[str, ...] = ()


class RecordedAnswer(_Part):
    """One raw answer."""

    shown: Annotated[int, Field(ge=0)]
    """Place in the list of what was shown."""
    prompt: Annotated[int, Field(ge=0)]
    form: Form
    status: Status
    text: str | None = None
    scores: Annotated[tuple[Score, ...], Field(max_length=2_000)] = ()
    tokens: TokenCounts | None = None
    finish_reason: str | None = None
    model_version: str | None = None
    """Where the answer names another than the record's."""
    error: str | None = None
    notes: tuple[str, ...] = ()


class RecordedCheck(_Part):
    """What a check of the doctor found."""

    name: Name
    verdict: Verdict
    finding: str


class DoctorRecord(_Part):
    """Everything in the file, in its order."""

    format: Literal[1] = 1
    made: datetime
    model: RecordedModel
    environment: Environment
    machine: Annotated[dict[Name, str], Field(max_length=50)]
    clips: RecordedClips
    prompts: Annotated[tuple[RecordedPrompt, ...], Field(min_length=1, max_length=2 * MOST_CLIPS)]
    checks: Annotated[tuple[RecordedCheck, ...], Field(max_length=100)]
    shown: Annotated[tuple[Shown, ...], Field(max_length=MOST_CLIPS * MOST_PER_CLIP)]
    answers: Annotated[tuple[RecordedAnswer, ...], Field(min_length=1)]

    @property
    def shows_the_model(self) -> bool:
        """Whether every question was answered and neither stream was lost on its way."""
        verdicts = {check.name: check.verdict for check in self.checks}
        streams = [name for stream in NAMES.values() for name in (stream, f"{stream} tokens")]
        return verdicts.get("answers") is Verdict.OK and not any(
            verdicts.get(name, Verdict.FAIL) is Verdict.FAIL for name in streams
        )

    @model_validator(mode="after")
    def _refers_to_itself(self) -> DoctorRecord:
        unknown = {shown.clip for shown in self.shown} - self.clips.files.keys()
        if unknown:
            raise ValueError(f"shows a clip that it does not list: {sorted(unknown)[0]}")
        seen = set()
        for answer in self.answers:
            if answer.shown >= len(self.shown) or answer.prompt >= len(self.prompts):
                raise ValueError("an answer is to something that the record does not hold")
            seen.add((answer.shown, answer.prompt, answer.form))
        if len(seen) < len(self.answers):
            raise ValueError("holds two answers to one question")
        return self


def prompt_digest(before_media: str, after_media: str) -> str:
    """SHA-256 of the text around the media."""
    return sha256(f"{before_media}\x1f{after_media}".encode()).hexdigest()


def to_text(record: DoctorRecord) -> str:
    """The record as JSON with one prompt, check, stimulus or answer a line."""
    parts = []
    for name in DoctorRecord.model_fields:
        value = getattr(record, name)
        if isinstance(value, tuple):
            lines = ",\n".join(f"  {part.model_dump_json(exclude_defaults=True)}" for part in value)
            parts.append(f' "{name}": [\n{lines}\n ]')
        else:
            dumped = record.model_dump(mode="json", include={name})[name]
            text = json.dumps(dumped, indent=1, ensure_ascii=False).replace("\n", "\n ")
            parts.append(f' "{name}": {text}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def check_place(path: Path) -> None:
    """Raise UsageError or StoreError for a place where no record can go, before anything is asked.

    Leaves nothing there.
    """
    try:
        if path.is_dir():
            raise UsageError(f"--save {path}: is a folder; name a file in it")
        if path.exists() and not _may_be_record(path):
            raise UsageError(
                f"--save {path}: holds something else than a record; choose another name"
            )
        check_writable(path)
    except OSError as error:
        raise StoreError(
            f"--save {path}: no record can be written there ({error.strerror}); choose another "
            "place"
        ) from error


def write_record(path: Path, record: DoctorRecord) -> int:
    """Write the file whole and return its size in bytes; raises StoreError."""
    content = to_text(record).encode()
    try:
        with replacing(path) as partial:
            partial.write_bytes(content)
    except OSError as error:
        raise StoreError(f"{path}: the record cannot be written ({error.strerror})") from error
    return len(content)


def read_record(path: Path) -> DoctorRecord:
    """A record from anybody; raises FileError that says what is wrong with it."""
    return read_json(path, DoctorRecord, LARGEST_BYTES, "a record of the doctor")


def records_of(card: str) -> list[Path]:
    """Records of a card's model that came in, of other people's machines."""
    return sorted((data_folder("model_cards") / RECORDS / card).glob("*.json"))


def _may_be_record(path: Path) -> bool:
    """Whether overwriting loses nothing else: an empty file, or one that begins as records do."""
    try:
        with path.open("rb") as file:
            begin = file.read(64)
    except OSError:
        return False
    return not begin or begin.startswith(b'{\n "format": ')
