"""One account at the Gemini API: its client, whose errors mean something, and its files."""

from __future__ import annotations

import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mma_eval.models.gemini.errors import call_error
from mma_eval.models.gemini.media import Encoded
from mma_eval.models.remote.calls import CallError, Calls
from mma_eval.types import Status

if TYPE_CHECKING:
    from google.genai import Client
    from google.genai.types import File

T = TypeVar("T")

POLL_SECONDS = (0.2, 5.0)
"""The first pause before asking whether an upload is ready, and the longest."""


class Connection:
    """The Gemini API, or a server that speaks its protocol; used from several threads."""

    def __init__(
        self,
        client: Client,
        server: str,
        *,
        answer_timeout: float | None,
        upload_timeout: float,
    ) -> None:
        self.client = client
        self.server = server
        self._answer_timeout = answer_timeout
        self._upload_timeout = upload_timeout

    def spoken(self, call: Callable[[], T]) -> T:
        """What the client returns; its errors as CallError."""
        try:
            return call()
        except CallError:
            raise
        except Exception as error:
            meaning = call_error(error, self.server, self._answer_timeout)
            if meaning is None:
                raise
            raise meaning from error

    def uploaded_clip(self, clip: Encoded, calls: Calls) -> File:
        """A file that is ready; raises CallError."""
        return self._uploaded(lambda: BytesIO(clip.content), clip.mime_type, calls)

    def uploaded_file(self, path: Path, mime_type: str, calls: Calls) -> File:
        """A file that is ready; raises CallError."""
        return self._uploaded(lambda: path, mime_type, calls)

    def forget(self, name: str | None) -> None:
        """Delete a file; the service deletes what stays behind after two days by itself."""
        if name is None:
            return
        try:
            self.client.files.delete(name=name)
        except Exception:
            return

    def _uploaded(self, source: Callable[[], BytesIO | Path], mime_type: str, calls: Calls) -> File:
        from google.genai.types import UploadFileConfig

        config = UploadFileConfig(mime_type=mime_type)

        def upload() -> File:
            try:
                return self.client.files.upload(file=source(), config=config)
            except KeyError as error:
                raise CallError(f"{self.server} did not take an upload", again=True) from error

        return self._ready(calls.do(lambda: self.spoken(upload)), calls)

    def _ready(self, file: File, calls: Calls) -> File:
        """The file once the service has processed it; raises CallError."""
        deadline = time.monotonic() + self._upload_timeout
        pause, longest = POLL_SECONDS
        while (state := _state(file)) != "ACTIVE":
            if state == "FAILED":
                raise CallError(f"{self.server} could not process the uploaded file")
            if time.monotonic() + pause > deadline:
                raise CallError(
                    f"the upload was not ready within {self._upload_timeout:g} s "
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
        return calls.do(lambda: self.spoken(lambda: self.client.files.get(name=name)))


def _state(file: File) -> str:
    return "ACTIVE" if file.state is None else str(file.state.value)
