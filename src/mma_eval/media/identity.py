"""What a file is, by its bytes: the same content has the same hash under any name."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from mma_eval.errors import MediaError
from mma_eval.media.bounded import Recent
from mma_eval.paths import cache_folder

Key = tuple[int, int, int, int]

BLOCK_BYTES = 1 << 20
SETTLED_NS = 2_000_000_000
"""A file that changed less than this ago may change again within one tick of its ctime."""

_known: Recent[Key, str] = Recent(1024)


def content_hash(path: Path) -> str:
    """SHA-256 of the bytes of `path`, remembered by device, inode, size and ctime.

    Raises MediaError for a file that cannot be read.
    """
    with open_media(path) as file:
        before = os.fstat(file.fileno())
        key = (before.st_dev, before.st_ino, before.st_size, before.st_ctime_ns)
        remembered = _known.find(key) or _recall(key)
        if remembered is None:
            remembered = _hash_bytes(file)
            after = os.fstat(file.fileno())
            if not _settled(before, after):
                return remembered
            _remember(key, remembered)
        _known.keep(key, remembered)
        return remembered


@contextmanager
def open_media(path: Path) -> Iterator[BinaryIO]:
    """`path` opened for reading; raises MediaError where there is nothing to read."""
    try:
        # Opening a pipe would wait for a writer, for ever where there is none.
        if not stat.S_ISREG(path.stat().st_mode):
            raise MediaError(f"{path}: is not a file; check the path in the manifest")
        file = path.open("rb")
    except FileNotFoundError as error:
        raise MediaError(
            f"{path}: there is no such file; check the path in the manifest"
        ) from error
    except OSError as error:
        raise MediaError(f"{path}: cannot be opened: {error.strerror or error}") from error
    with file:
        if os.fstat(file.fileno()).st_size == 0:
            raise MediaError(f"{path}: is empty (0 bytes); download or copy it again")
        yield file


def _hash_bytes(file: BinaryIO) -> str:
    digest = sha256()
    try:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    except OSError as error:
        raise MediaError(f"{file.name}: cannot be read: {error.strerror or error}") from error
    return digest.hexdigest()


def _settled(before: os.stat_result, after: os.stat_result) -> bool:
    """Whether the file's ctime is sure to move with the next change to its bytes."""
    if os.name != "posix":  # elsewhere ctime is the time of creation
        return False
    unchanged = (before.st_size, before.st_ctime_ns) == (after.st_size, after.st_ctime_ns)
    return unchanged and time.time_ns() - after.st_ctime_ns > SETTLED_NS


def _recall(key: Key) -> str | None:
    if not _database().is_file():
        return None
    # A lost cache costs time, never an answer.
    with suppress(sqlite3.Error, OSError), closing(_connect()) as connection:
        row = connection.execute(
            "SELECT hash FROM hashes WHERE device=? AND inode=? AND size=? AND ctime=?", key
        ).fetchone()
        return None if row is None else str(row[0])
    return None


def _remember(key: Key, value: str) -> None:
    with suppress(sqlite3.Error, OSError):
        _database().parent.mkdir(parents=True, exist_ok=True)
        with closing(_connect()) as connection, connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS hashes (device INTEGER, inode INTEGER, size INTEGER,"
                " ctime INTEGER, hash TEXT, PRIMARY KEY (device, inode))"
            )
            connection.execute("REPLACE INTO hashes VALUES (?, ?, ?, ?, ?)", (*key, value))


def _database() -> Path:
    return cache_folder() / "media_hashes.sqlite"


def _connect() -> sqlite3.Connection:
    connection = sqlite3.connect(_database(), timeout=1.0)
    # A cache need not survive a power cut, and waiting for the disk costs more than hashing.
    connection.execute("PRAGMA synchronous=OFF")
    return connection
