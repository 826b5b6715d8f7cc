"""Which batch jobs are under way, in files: a killed process finds them again, and pays once."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from mma_eval.errors import StoreError
from mma_eval.media.policy import Sampling
from mma_eval.types import Question
from mma_eval.whole_file import replacing

if TYPE_CHECKING:
    from mma_eval.media.source import Media

FOLDER = "gemini-batch-jobs"


class JobRecord(BaseModel):
    """One job, from just before it is created until all of its answers were handed on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    display_name: str
    """Ours, and in no other job: it finds a job whose creation nobody lived to see."""
    name: str | None = None
    """The service's."""
    questions: tuple[str, ...]
    """Keys of the questions whose answers are still to be handed on."""
    uploads: tuple[str, ...] = ()
    """Files at the service that are of no use once the job has ended."""


class JobRecords:
    """One file a job; raises StoreError where the folder cannot be read or written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self) -> list[JobRecord]:
        found = []
        for path in sorted(self.folder.glob("*.json")):
            try:
                found.append(JobRecord.model_validate_json(path.read_bytes()))
            except FileNotFoundError:
                continue
            except (OSError, ValidationError) as error:
                raise StoreError(
                    f"{path}: the record of a batch job cannot be read; move it away to ask the "
                    "job's questions anew"
                ) from error
        return found

    def keep(self, record: JobRecord) -> None:
        path = self.path(record)
        try:
            with replacing(path) as partial:
                partial.write_text(record.model_dump_json(), encoding="utf-8")
        except OSError as error:
            raise StoreError(
                f"{path}: the record of a batch job cannot be written ({error.strerror})"
            ) from error

    def handed_on(self, record: JobRecord, questions: Collection[str]) -> JobRecord:
        """The record without these questions; one without any is forgotten."""
        left = tuple(key for key in record.questions if key not in questions)
        record = record.model_copy(update={"questions": left})
        if left:
            self.keep(record)
        else:
            self.forget(record)
        return record

    def forget(self, record: JobRecord) -> None:
        path = self.path(record)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(
                f"{path}: the record of a batch job cannot be deleted ({error.strerror})"
            ) from error

    def path(self, record: JobRecord) -> Path:
        return self.folder / f"{record.display_name}.json"


def question_key(asked_of: str, sampling: Sampling, media: Media, question: Question) -> str:
    """The same for the same request, known without decoding; raises MediaError.

    `asked_of` stands for the model, the server and how they are asked.
    """
    parts = {
        "asked_of": asked_of,
        "before": question.before_media,
        "after": question.after_media,
        "request": [type(question.request).__name__, asdict(question.request)],
        "video": media.video_hash(sampling.frames),
        "audio": media.audio_hash(sampling.audio),
    }
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
