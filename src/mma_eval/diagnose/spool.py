"""What was measured of each sample so far, one small file a sample, so that work can go on."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from mma_eval.diagnose.array_file import Expected, read_arrays, write_arrays
from mma_eval.diagnose.measured import STREAMS, StreamAttention
from mma_eval.errors import FileError


@dataclass(frozen=True)
class Spool:
    """Measurements of a model of so many layers and heads in `folder`, by key."""

    folder: Path
    layers: int
    heads: int

    def get(self, key: str) -> StreamAttention | None:
        """What is kept under `key`; None where there is nothing, or nothing that can be read."""
        try:
            kept = read_arrays(self._file(key), self._expected)
        except FileError:
            return None
        return StreamAttention(kept["mass"], kept["squares"], kept["tokens"])

    def put(self, key: str, found: StreamAttention) -> None:
        """Raises StoreError."""
        write_arrays(self._file(key), vars(found))

    @property
    def _expected(self) -> Expected:
        shape = (self.layers, self.heads, len(STREAMS))
        return {
            "mass": (shape, np.float64),
            "squares": (shape, np.float64),
            "tokens": ((len(STREAMS),), np.int64),
        }

    def _file(self, key: str) -> Path:
        return self.folder / f"{sha256(key.encode()).hexdigest()[:32]}.npz"
