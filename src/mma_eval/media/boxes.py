"""The boxes of an mp4 or mov: where they end, and which way up the picture is."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from mma_eval.media.identity import open_media

HEADER = 8
MATRIX_AT = {0: 40, 1: 52}
"""Where the display matrix begins in a track header, by the header's version."""
MATRIX_BYTES = 72
"""As much of a track header as holds the matrix."""
UPRIGHT = (0, 0)


class Box(NamedTuple):
    """`start` and `end` are the bounds of its content in the file."""

    kind: bytes
    start: int
    end: int


def is_mp4(path: Path) -> bool:
    with open_media(path) as file:
        file.seek(4)
        return file.read(4) == b"ftyp"


def boxes_end(file: BinaryIO, size: int) -> int:
    """Where the last of the boxes ends, as they say themselves; `size` is where the file does."""
    return max((box.end for box in _boxes(file, 0, size)), default=0)


def is_turned(path: Path) -> bool:
    """Whether a track of an mp4 is to be shown turned or flipped; False for other files."""
    if not is_mp4(path):
        return False
    with open_media(path) as file:
        size = os.fstat(file.fileno()).st_size
        headers = [
            header
            for movie in _boxes(file, 0, size, b"moov")
            for track in _boxes(file, movie.start, min(movie.end, size), b"trak")
            for header in _boxes(file, track.start, min(track.end, size), b"tkhd")
        ]
        return any(_turns(file, header) for header in headers)


def _turns(file: BinaryIO, header: Box) -> bool:
    file.seek(header.start)
    content = file.read(min(MATRIX_BYTES, header.end - header.start))
    at = MATRIX_AT.get(content[0] if content else -1)
    if at is None or len(content) < at + 20:
        return False
    a, b, _, c, d = struct.unpack_from(">5i", content, at)
    return (b, c) != UPRIGHT or a < 0 or d < 0


def _boxes(file: BinaryIO, start: int, end: int, kind: bytes | None = None) -> Iterator[Box]:
    """The boxes between two places, those of one `kind` where it is given."""
    while start + HEADER <= end:
        file.seek(start)
        header = file.read(HEADER)
        if len(header) < HEADER:
            return
        length, found = struct.unpack(">I4s", header)
        content = start + HEADER
        if length == 1:
            wide = file.read(8)
            length = struct.unpack(">Q", wide)[0] if len(wide) == 8 else end - start + 1
            content += 8
        if length < HEADER or not found.isalnum():  # up to the end, or padding behind the boxes
            return
        if kind in (None, found):
            yield Box(found, content, start + length)
        start += length
