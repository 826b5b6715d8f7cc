"""Whether a file has all the bytes that its own headers announce."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

from mma_eval.media.boxes import boxes_end
from mma_eval.media.identity import open_media

EBML, SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
RIFF_UNKNOWN = frozenset({0, 0xFFFFFFFF})
"""Sizes that a program writes which does not know the length before it ends."""


def is_cut_short(path: Path) -> bool:
    """Whether an mp4, wav, avi, mkv or webm goes on after its last byte, as its headers say.

    What is left of such a file often decodes without a word. Other containers announce nothing.
    """
    with open_media(path) as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(12)
        announced: int | None
        if head[4:8] == b"ftyp":
            announced = boxes_end(file, size)
        elif head[:4] == b"RIFF":
            announced = _riff_end(head)
        elif head[:4] == EBML:
            announced = _matroska_end(file)
        else:
            return False
        return announced is not None and announced > size


def _riff_end(head: bytes) -> int | None:
    if len(head) < 8:
        return None
    (length,) = struct.unpack_from("<I", head, 4)
    return None if length in RIFF_UNKNOWN else 8 + int(length)


def _matroska_end(file: BinaryIO) -> int | None:
    """End of the segment that follows the EBML header, None where it is not stated."""
    file.seek(len(EBML))
    header = _variable_length(file)
    if header is None:
        return None
    file.seek(header, os.SEEK_CUR)
    if file.read(4) != SEGMENT:
        return None
    length = _variable_length(file)
    return None if length is None else file.tell() + length


def _variable_length(file: BinaryIO) -> int | None:
    """An EBML length (RFC 8794, section 4); None for the value that means unknown, or for none."""
    first = file.read(1)
    width = 9 - first[0].bit_length() if first else 9
    rest = file.read(width - 1)
    if width > 8 or len(rest) < width - 1:
        return None
    value = int.from_bytes(first + rest, "big") & ((1 << 7 * width) - 1)
    return None if value == (1 << 7 * width) - 1 else value
