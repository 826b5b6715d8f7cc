"""Every answer as it arrives, in SQLite: a killed run loses nothing that was answered."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from pydantic import TypeAdapter, ValidationError
from tenacity import retry, retry_if_exception, stop_after_delay, wait_random_exponential

from mma_eval.errors import StoreError
from mma_eval.types import Answer

_ANSWER = TypeAdapter(Answer)
NO_STORE = ("SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_ERROR")
"""Names of SQLite's errors for a file that is damaged, or that something else wrote."""
PATIENCE = 60.0
"""Seconds to wait for another process that holds the file."""


class StoredAnswerError(StoreError):
    """One stored answer cannot be read; the others can."""


class AnswerStore:
    """Answers by key, shared by all runs under one output path and by several processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        with self._explained("opened"):
            path.parent.mkdir(parents=True, exist_ok=True)
            # Backends may pull questions from a thread of their own; the lock keeps them in line.
            self._connection = sqlite3.connect(
                path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
            )
            _prepare(self._connection)

    def get(self, key: str) -> Answer | None:
        """The answer under `key`; raises StoredAnswerError where it was written by other software.

        Raises StoreError where the file cannot be read.
        """
        with self._explained("read"):
            row = self._connection.execute(
                "SELECT answer FROM answers WHERE key = ?", (key,)
            ).fetchone()
        if row is None:
            return None
        try:
            return _ANSWER.validate_json(row[0])
        except ValidationError as error:
            raise StoredAnswerError(f"{self.path}: holds an answer that cannot be read") from error

    def put(self, key: str, answer: Answer) -> None:
        """Write one answer through to the file; raises StoreError on a full or read-only disk."""
        with self._explained("written"):
            self._connection.execute(
                "INSERT OR REPLACE INTO answers VALUES (?, ?)",
                (key, _ANSWER.dump_json(answer).decode()),
            )

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def __enter__(self) -> AnswerStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def _explained(self, verb: str) -> Iterator[None]:
        try:
            with self._lock:
                yield
        except (sqlite3.Error, OSError) as error:
            if _errorname(error).startswith(NO_STORE):
                raise StoreError(
                    f"{self.path}: is damaged or is no answer store ({error}); move it away to "
                    "start a new one, or choose another --output-path"
                ) from error
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise StoreError(
                f"{self.path}: the answer store cannot be {verb} ({reason}); check space and "
                "permissions, or choose another --output-path. Answers already stored are kept, "
                "unless their folder is a temporary one"
            ) from error


@retry(
    retry=retry_if_exception(lambda error: _errorname(error).startswith("SQLITE_BUSY")),
    wait=wait_random_exponential(multiplier=0.02, max=1),
    stop=stop_after_delay(PATIENCE),
    reraise=True,
)
def _prepare(connection: sqlite3.Connection) -> None:
    """Make the file a store in WAL mode.

    SQLite does not wait by itself while another process changes the mode or closes the file.
    """
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer TEXT NOT NULL)"
    )
    connection.execute("SELECT key, answer FROM answers LIMIT 0")


def _errorname(error: BaseException) -> str:
    return str(getattr(error, "sqlite_errorname", ""))
