"""Arrays in a file: written whole, and read back only where they are what they are said to be."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mma_eval.errors import FileError, StoreError
from mma_eval.whole_file import replacing

Expected = Mapping[str, tuple[tuple[int, ...], type[np.generic]]]
"""Shape and kind of each array by name."""

_HEADER = 1_000
"""More bytes than the header of one array takes."""
_UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    SyntaxError,
    NotImplementedError,
    RuntimeError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
)


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a `.npz` whole; raises StoreError."""
    named: dict[str, Any] = dict(arrays)
    try:
        with replacing(path) as partial, partial.open("wb") as file:
            np.savez(file, **named)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror})") from error


def read_arrays(path: Path, expected: Expected) -> dict[str, NDArray[Any]]:
    """Exactly the arrays that are expected; a file that holds others or more is not opened.

    Raises FileError with the first fault.
    """
    try:
        _check_sizes(path, expected)
        with np.load(path, allow_pickle=False) as kept:
            arrays = {name: kept[name] for name in expected}
    except _UNREADABLE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise FileError(path, f"cannot be read as arrays ({reason})") from error
    for name, (shape, kind) in expected.items():
        found = arrays[name]
        if found.shape != shape or found.dtype != kind:
            raise FileError(
                path, f"{name} is {found.dtype} {found.shape}, not {np.dtype(kind)} {shape}"
            )
    return arrays


def _check_sizes(path: Path, expected: Expected) -> None:
    with zipfile.ZipFile(path) as archive:
        sizes = {entry.filename.removesuffix(".npy"): entry.file_size for entry in archive.filelist}
    if astray := sorted(sizes.keys() ^ expected.keys()):
        raise ValueError(f"{astray[0]} is missing or not expected")
    for name, (shape, kind) in expected.items():
        whole = math.prod(shape) * np.dtype(kind).itemsize
        if not whole < sizes[name] < whole + _HEADER:
            raise ValueError(f"{name} is not of the size that is expected")
