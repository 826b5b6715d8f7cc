"""Attention by modality as it was measured: what every later table and picture is made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from mma_eval.diagnose.array_file import read_arrays, write_arrays
from mma_eval.diagnose.origin import Origin
from mma_eval.errors import FileError
from mma_eval.json_file import read_json, write_json
from mma_eval.types import Ask

QueryKind = Literal["answer", "generated", "question"]
"""Whose attention: of the last prompt token, which predicts the answer's first; of every token that
predicted one of the greedy answer, its end included; of the question, from its first token on."""
QUERY_KINDS: tuple[QueryKind, ...] = get_args(QueryKind)
Stream = Literal["text", "video", "audio"]
STREAMS: tuple[Stream, ...] = get_args(Stream)
"""The order of the last axis of every measured array."""

ARRAYS_FILE = "attention.npz"
DESCRIPTION_FILE = "attention.json"
LARGEST_DESCRIPTION = 64_000_000


@dataclass(frozen=True, eq=False)
class StreamAttention:
    """One query's attention; arrays as in `Measured`, without the samples' axis."""

    mass: NDArray[np.float64]
    """`[L, H, 3]`"""
    squares: NDArray[np.float64]
    """`[L, H, 3]`"""
    tokens: NDArray[np.int64]
    """`[3]`"""


@dataclass(frozen=True, eq=False)
class Measured:
    """Attention under one task, reduced to streams; n samples of a model of L layers, H heads."""

    task: str
    ask: Ask
    condition: str
    """The task's name without the asked modality: the same for a question and its twin."""
    samples: tuple[str, ...]
    clips: tuple[str, ...]
    """The clip of each sample: the same media for the visual and for the audio question."""
    sources: tuple[str, ...]
    """The clip that the asked stream comes from: the same stream, whatever it is shown with."""
    mass: NDArray[np.float64]
    """`[n, L, H, 3]`: attention to text, video and audio tokens, mean over query tokens; sums
    to 1."""
    squares: NDArray[np.float64]
    """`[n, L, H, 3]`: squared attention (of the mean over query tokens), summed over a stream's
    tokens."""
    tokens: NDArray[np.int64]
    """`[n, 3]`: tokens of each stream that the query may see."""

    def __post_init__(self) -> None:
        n, shape = len(self.samples), self.mass.shape
        if len(self.clips) != n or len(self.sources) != n:
            raise ValueError(f"{self.task}: clips and sources must name each of {n} samples")
        if len(shape) != 4 or shape[0] != n or shape[3] != len(STREAMS):
            raise ValueError(f"{self.task}: mass of shape {shape} is not [{n}, L, H, 3]")
        if self.squares.shape != shape or self.tokens.shape != (n, len(STREAMS)):
            raise ValueError(f"{self.task}: squares or tokens have another shape than mass")
        arrays = (self.mass, self.squares, self.tokens)
        if not all(np.isfinite(array).all() and (array >= 0).all() for array in arrays):
            raise ValueError(f"{self.task}: attention holds negative numbers or no numbers")

    @property
    def layers(self) -> int:
        return int(self.mass.shape[1])

    @property
    def heads(self) -> int:
        return int(self.mass.shape[2])


class Skipped(BaseModel):
    """A sample that could not be measured, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    sample: str
    reason: str


@dataclass(frozen=True, eq=False)
class AttentionRun:
    """Attention by modality of one model on one dataset, task by task."""

    origin: Origin
    query: QueryKind
    measured: tuple[Measured, ...]
    skipped: tuple[Skipped, ...] = ()
    """Samples that are missing from `measured`."""

    def task(self, name: str) -> Measured:
        """What was measured under a task; raises KeyError."""
        for one in self.measured:
            if one.task == name:
                return one
        raise KeyError(name)

    def save(self, folder: Path) -> None:
        """Write `attention.npz` and `attention.json`, each whole; raises StoreError."""
        arrays: dict[str, Any] = {}
        for place, one in enumerate(self.measured):
            for name in _DTYPES:
                arrays[_key(place, name)] = getattr(one, name)
        write_arrays(folder / ARRAYS_FILE, arrays)
        write_json(folder / DESCRIPTION_FILE, _described(self))

    @classmethod
    def load(cls, folder: Path) -> AttentionRun:
        """Read what `save` wrote; raises FileError that says which file is wrong and how."""
        described = _read_description(folder / DESCRIPTION_FILE)
        arrays = _read_arrays(folder / ARRAYS_FILE, described.measured)
        measured = []
        for one, made in zip(described.measured, arrays, strict=True):
            try:
                measured.append(
                    Measured(
                        one.task,
                        one.ask,
                        one.condition,
                        one.samples,
                        one.clips,
                        one.sources,
                        made["mass"],
                        made["squares"],
                        made["tokens"],
                    )
                )
            except ValueError as error:
                raise FileError(folder / ARRAYS_FILE, str(error)) from error
        return cls(
            origin=described.origin,
            query=described.query,
            measured=tuple(measured),
            skipped=described.skipped,
        )


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class _MeasuredEntry(_Part):
    """A `Measured` without its arrays."""

    task: str
    ask: Ask
    condition: str
    samples: tuple[str, ...]
    clips: tuple[str, ...]
    sources: tuple[str, ...]
    layers: Annotated[int, Field(ge=0, le=1_000)]
    heads: Annotated[int, Field(ge=0, le=1_000)]

    def shape(self, array: str) -> tuple[int, ...]:
        n = len(self.samples)
        return (n, 3) if array == "tokens" else (n, self.layers, self.heads, 3)


class _Description(_Part):
    """`attention.json`."""

    format: Literal[1] = 1
    origin: Origin
    query: QueryKind
    streams: tuple[Stream, ...]
    measured: tuple[_MeasuredEntry, ...]
    skipped: tuple[Skipped, ...]


_DTYPES: dict[str, type[np.generic]] = {
    "mass": np.float64,
    "squares": np.float64,
    "tokens": np.int64,
}


def _key(place: int, array: str) -> str:
    return f"{place}_{array}"


def _described(run: AttentionRun) -> _Description:
    return _Description(
        origin=run.origin,
        query=run.query,
        streams=STREAMS,
        measured=tuple(
            _MeasuredEntry(
                task=one.task,
                ask=one.ask,
                condition=one.condition,
                samples=one.samples,
                clips=one.clips,
                sources=one.sources,
                layers=one.layers,
                heads=one.heads,
            )
            for one in run.measured
        ),
        skipped=run.skipped,
    )


def _read_description(path: Path) -> _Description:
    described = read_json(path, _Description, LARGEST_DESCRIPTION, "measured attention")
    if described.streams != STREAMS:
        raise FileError(path, f"has the streams {described.streams}, not {STREAMS}")
    return described


def _read_arrays(path: Path, entries: tuple[_MeasuredEntry, ...]) -> list[dict[str, NDArray[Any]]]:
    """The arrays of each entry."""
    expected = {
        _key(place, name): (entry.shape(name), dtype)
        for place, entry in enumerate(entries)
        for name, dtype in _DTYPES.items()
    }
    arrays = read_arrays(path, expected)
    return [{name: arrays[_key(place, name)] for name in _DTYPES} for place in range(len(entries))]
