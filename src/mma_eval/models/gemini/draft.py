"""A batch job in the making: requests written to a file until there are enough of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from mma_eval.errors import StoreError
from mma_eval.models.gemini.connection import Connection
from mma_eval.models.gemini.media import Encoded, encode
from mma_eval.models.gemini.request import (
    GeminiSettings,
    SentClip,
    generation_of,
    request_line,
)
from mma_eval.models.remote.calls import Calls
from mma_eval.models.remote.cost import Usage
from mma_eval.types import Group, Question


@dataclass(eq=False)
class Draft:
    """Requests in a file of their own, and who waits for their answers."""

    display_name: str
    path: Path
    file: BinaryIO
    waiting: dict[str, list[str]] = field(default_factory=dict)
    """Question ids by key."""
    reserved: dict[str, float] = field(default_factory=dict)
    """US dollars by key."""
    uploads: tuple[str, ...] = ()
    """Clips that the requests name."""
    bytes_written: int = 0

    @contextmanager
    def closed(self) -> Iterator[Path]:
        """The finished file, deleted at the end."""
        self.file.close()
        try:
            yield self.path
        finally:
            self.path.unlink(missing_ok=True)


class Drafts:
    """Drafts of one run, in one folder."""

    def __init__(
        self, folder: Path, connection: Connection, settings: GeminiSettings, calls: Calls
    ) -> None:
        self._folder = folder
        self._connection = connection
        self._settings = settings
        self._calls = calls

    def open(self) -> Draft:
        """Raises StoreError."""
        name = f"mma-eval-{uuid4().hex}"
        path = self._folder / f"{name}.jsonl"
        try:
            return Draft(name, path, path.open("wb"))
        except OSError as error:
            raise _unwritable(path, error) from error

    def prepare(self, group: Group) -> Encoded:
        """Raises MediaError."""
        return encode(group.media)

    def most(self, clip: Encoded, question: Question) -> Usage:
        """The most that a question can use: no token is shorter than a byte."""
        request = generation_of(question)
        return self._settings.usage(clip, question, request, bytes_a_token=1)

    def write(
        self,
        draft: Draft,
        clip: Encoded,
        questions: Mapping[str, Question],
        reserved: Mapping[str, float],
    ) -> None:
        """Add the questions on one clip, by their keys.

        The clip is uploaded where the requests would hold too much of it. Raises CallError where
        that fails; then nothing was added. Raises StoreError on a full disk.
        """
        sent = SentClip(clip)
        if len(clip.content) * len(questions) > self._settings.inline_bytes:
            sent = SentClip(clip, self._connection.uploaded_clip(clip, self._calls))
        if sent.uploaded is not None and sent.uploaded.name is not None:
            draft.uploads += (sent.uploaded.name,)
        for key, question in questions.items():
            line = request_line(key, self._settings, sent, question, generation_of(question))
            try:
                draft.bytes_written += draft.file.write(line)
            except OSError as error:
                raise _unwritable(draft.path, error) from error
            draft.waiting[key] = [question.id]
            draft.reserved[key] = reserved[key]


def _unwritable(path: Path, error: OSError) -> StoreError:
    return StoreError(f"{path}: the requests of a batch job cannot be written ({error.strerror})")
