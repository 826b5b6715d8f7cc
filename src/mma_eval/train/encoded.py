"""Encoded streams kept through a training, in memory and on disk, both with a bound.

Encoders are frozen, so what they make of a stream is made once however many examples show it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from hashlib import sha256
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, TypeVar, cast

import torch

from mma_eval.errors import StoreError
from mma_eval.media.bounded import Sized
from mma_eval.models.local.embedded_answers import Embedded
from mma_eval.models.local.features import FeatureCache
from mma_eval.models.nn.qwen_vision_input import Grid
from mma_eval.models.qwen.thinker import Heard, Seen
from mma_eval.train.projectors import Unprojected
from mma_eval.whole_file import replacing

S = TypeVar("S", bound=Sized)

KINDS: tuple[type, ...] = (Seen, Heard, Embedded, Unprojected, Grid)
"""What files may hold; anything else stays in memory."""
SUFFIX = ".pt"
UNREADABLE = (OSError, RuntimeError, EOFError, ValueError, KeyError, UnpicklingError)


class StoredFeatures(FeatureCache):
    """Features of one set of encoders, in main memory and in one file a stream below `root`.

    `encoders` names them with everything that may change what they make. The least recently used
    files of all encoders go first, and at least half of the free disk is left to others.
    """

    def __init__(self, root: Path, encoders: str, *, memory_bytes: int, disk_bytes: int) -> None:
        super().__init__(memory_bytes)
        self.root, self.folder = root, root / sha256(encoders.encode()).hexdigest()[:16]
        self._on_disk = sum(size for _, size, _ in self._files())
        self.disk_bytes = min(disk_bytes, self._on_disk + _free_bytes(root) // 2)

    def get(self, key: tuple[str, ...], make: Callable[[], S]) -> S:
        """What is kept under `key`, made and kept now if need be; raises StoreError."""
        return super().get(key, lambda: self._read_or_make(key, make))

    def file(self, key: tuple[str, ...]) -> Path:
        """Where the stream of `key` lies if it is on disk."""
        return self.folder / f"{sha256('/'.join(key).encode()).hexdigest()}{SUFFIX}"

    def _read_or_make(self, key: tuple[str, ...], make: Callable[[], S]) -> S:
        file = self.file(key)
        if file.is_file():
            try:
                with torch.serialization.safe_globals(list(KINDS)):
                    stored = torch.load(file, map_location="cpu", weights_only=True)
                os.utime(file)
            except UNREADABLE:
                # Half a file of an earlier crash; encoding again gives the same.
                file.unlink(missing_ok=True)
            else:
                return cast("S", stored)
        made = cast("S", _in_main_memory(make()))
        if isinstance(made, KINDS):
            self._write(file, made)
        return made

    def _write(self, file: Path, made: Sized) -> None:
        if made.nbytes > self.disk_bytes:
            return
        try:
            with replacing(file) as partial:
                torch.save(made, partial)
            self._on_disk += file.stat().st_size
        except (OSError, RuntimeError) as error:
            raise StoreError(
                f"encoded media cannot be kept in {self.root} ({_reason(error)}); make room, set "
                "MMA_EVAL_CACHE to another disk, or give them less with training.encoded_disk_mb="
            ) from error
        if self._on_disk > self.disk_bytes:
            self._make_room()

    def _make_room(self) -> None:
        """Remove files until a tenth of the bound is free."""
        files = sorted(self._files())
        self._on_disk = sum(size for _, size, _ in files)
        most = self.disk_bytes * 9 // 10
        for _, size, path in files:
            if self._on_disk <= most:
                return
            path.unlink(missing_ok=True)
            self._on_disk -= size

    def _files(self) -> list[tuple[float, int, Path]]:
        """Last use, size and path of every file; others may remove some meanwhile."""
        found = []
        for path in self.root.glob(f"*/*{SUFFIX}"):
            with suppress(FileNotFoundError):
                facts = path.stat()
                found.append((facts.st_mtime, facts.st_size, path))
        return found


def _free_bytes(folder: Path) -> int:
    """Of the disk on which `folder` is, or will be."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    return shutil.disk_usage(there).free


def _in_main_memory(value: Any) -> Any:
    """`value` with every tensor in it moved off the GPU, whose memory training needs."""
    if isinstance(value, torch.Tensor):
        return value.cpu()
    if isinstance(value, tuple):
        return tuple(_in_main_memory(part) for part in value)
    if is_dataclass(value) and not isinstance(value, type):
        moved = {one.name: _in_main_memory(getattr(value, one.name)) for one in fields(value)}
        return replace(value, **moved)
    return value


def _reason(error: Exception) -> str:
    said = error.strerror if isinstance(error, OSError) else None
    return said or next(iter(str(error).splitlines()), type(error).__name__)
