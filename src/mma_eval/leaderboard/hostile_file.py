"""Lines of a gzip file from anybody: opened as nothing but a small plain file, within bounds.

Nothing is unpacked to disk, no name inside the file is used, and no more than the bounds say is
ever held, whatever the file says of itself.
"""

from __future__ import annotations

import json
import os
import re
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mma_eval.errors import FileError

_AT_ONCE = 1 << 16
_GZIP = b"\x1f\x8b\x08\x00"
"""A gzip member without a file name, comment, extra field or checksum in its header."""
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"')


@dataclass(frozen=True)
class Bounds:
    """What a file may be."""

    packed: int = 8_000_000
    """Bytes of the file."""
    unpacked: int = 32_000_000
    """Bytes of its content."""
    header: int = 1_000_000
    """Bytes of the first line."""
    line: int = 400_000
    """Bytes of any other line."""
    depth: int = 12
    """Of brackets within brackets."""


def lines_of(path: Path, bounds: Bounds) -> Iterator[bytes]:
    """Every line without its end; raises FileError that says what is wrong with the file."""
    packed = _plain_file(path, bounds)
    unpacked = zlib.decompressobj(wbits=31)
    rest, total, number = b"", 0, 0
    for piece in _unpacked(path, packed, unpacked):
        total += len(piece)
        if total > bounds.unpacked:
            size = f"{bounds.unpacked / 1e6:.0f} MB"
            raise FileError(path, f"unpacks to more than {size}; no submission is that large")
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            number += 1
            _check_length(path, number, len(line), bounds)
            yield line
        _check_length(path, number + 1, len(rest), bounds)
    if not unpacked.eof:
        raise FileError(path, "is cut off: its gzip stream has no end")
    if unpacked.unused_data:
        raise FileError(path, "holds more behind the end of its gzip stream; it must be one member")
    if rest:
        raise FileError(path, "is cut off: its last line has no end", line=number + 1)


def json_object(path: Path, number: int, line: bytes, bounds: Bounds) -> str:
    """The line's text, once it is one JSON object without tricks; raises FileError."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileError(path, "is not UTF-8 text", line=number) from error
    if _depth(line) > bounds.depth:
        raise FileError(path, f"holds brackets nested deeper than {bounds.depth}", line=number)
    try:
        value = json.loads(text, object_pairs_hook=_without_repeats, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        said = str(error) if isinstance(error, _TrickError) else "is not a JSON object"
        raise FileError(path, said, line=number) from error
    if not isinstance(value, dict):
        raise FileError(path, "is not a JSON object", line=number)
    return text


class _TrickError(ValueError):
    """JSON that two readers could read in two ways."""


def _plain_file(path: Path, bounds: Bounds) -> bytes:
    """The bytes of a regular file of its own; links, pipes, devices and folders are not opened."""
    if path.is_symlink():
        raise FileError(path, "is a symbolic link; send the file itself")
    # A pipe that nobody writes to must not keep the reader waiting.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        handle = os.open(path, flags | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror})") from error
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise FileError(path, "is no regular file (a folder, a pipe or a device)")
        with os.fdopen(handle, "rb", closefd=False) as file:
            content = file.read(bounds.packed + 1)
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror})") from error
    finally:
        os.close(handle)
    if len(content) > bounds.packed:
        raise FileError(path, f"is larger than {bounds.packed / 1e6:.0f} MB")
    if not content:
        raise FileError(path, "is empty")
    if content[:2] != _GZIP[:2]:
        raise FileError(path, "is not a gzip file")
    if content[:4] != _GZIP:
        raise FileError(path, "has a gzip header with names or other extras; submit writes none")
    return content


def _unpacked(path: Path, packed: bytes, unpacking: zlib._Decompress) -> Iterator[bytes]:
    waiting = packed
    try:
        while waiting and not unpacking.eof:
            yield unpacking.decompress(waiting, _AT_ONCE)
            waiting = unpacking.unconsumed_tail
        while not unpacking.eof and (piece := unpacking.decompress(b"", _AT_ONCE)):
            yield piece
    except zlib.error as error:
        raise FileError(path, "is damaged: its gzip stream cannot be unpacked") from error


def _check_length(path: Path, number: int, length: int, bounds: Bounds) -> None:
    longest = bounds.header if number == 1 else bounds.line
    if length > longest:
        raise FileError(path, f"is a line of more than {longest:,} bytes", line=number)


def _depth(line: bytes) -> int:
    """Of brackets outside of strings; counted only where there are many."""
    if line.count(b"[") + line.count(b"{") <= 8:
        return 0
    deepest = depth = 0
    for letter in _STRINGS.sub(b"", line):
        if letter in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif letter in b"]}":
            depth -= 1
    return deepest


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _TrickError("holds a key twice")
    return found


def _no_constant(name: str) -> object:
    raise _TrickError(f"holds {name}, which is no number")
