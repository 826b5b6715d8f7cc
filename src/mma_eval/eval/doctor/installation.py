"""This machine and this installation, as far as they may decide what a run gives."""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from mma_eval import __version__
from mma_eval.eval.doctor.checks import Check, Verdict
from mma_eval.eval.manifest import package_versions
from mma_eval.media.readers import decoder_of, decoder_version
from mma_eval.models.local.weights import available_memory
from mma_eval.paths import cache_folder, user_data_folder

CODECS = (
    ("H.264", "h264", "h264"),
    ("HEVC", "hevc", "hevc"),
    # libav's own av1 decoder only drives hardware.
    ("AV1", "av1", "libdav1d"),
    ("VP9", "vp9", "vp9"),
)
"""Codecs of common clips: their name, libav's, and that of libav's software decoder."""
SCARCE_BYTES = 2**30
"""Less free disk than this is too little for clips and results."""


@dataclass(frozen=True)
class Cache:
    """The cache folder; sizes in bytes."""

    folder: Path
    size: int
    disk_free: int


@dataclass(frozen=True)
class Installation:
    """Software, device, decoders and folders."""

    mma_eval: str
    python: str
    platform: str
    packages: dict[str, str]
    device: str
    memory_free: int
    """Bytes, of the GPU where there is one."""
    cache: Cache
    data_folder: Path | None
    """MMA_EVAL_DATA."""
    checks: tuple[Check, ...]


def look_at_installation() -> Installation:
    """Everything but the model; loads torch and PyAV, no weights."""
    memory, where = available_memory()
    cache = _cache()
    return Installation(
        mma_eval=__version__,
        python=platform.python_version(),
        platform=platform.platform(),
        packages=package_versions(),
        device=f"CPU, {os.cpu_count()} cores" if where == "main memory" else f"GPU, {where}",
        memory_free=memory,
        cache=cache,
        data_folder=user_data_folder(),
        checks=(*(_decoder_check(*codec) for codec in CODECS), _cache_check(cache)),
    )


def _decoder_check(name: str, codec: str, software: str) -> Check:
    """Which library opens files of this codec, by the rule that reading follows."""
    label = f"{name} decoder"
    decoder = decoder_of(codec)
    if decoder == "decord":
        return Check(label, Verdict.OK, decoder_version(decoder))
    import av

    if software not in av.codecs_available:
        return Check(
            label,
            Verdict.FAIL,
            f"{decoder_version(decoder)} was built without {software}",
            f"clips in {name} would fail as decode_error: install PyAV from its wheels "
            "(pip install --force-reinstall av), or encode the clips anew",
        )
    return Check(label, Verdict.OK, f"{decoder_version(decoder)} ({software})")


def _cache() -> Cache:
    folder = cache_folder()
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return Cache(folder, size, shutil.disk_usage(existing).free)


def _cache_check(cache: Cache) -> Check:
    name = "cache folder"
    try:
        cache.folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=cache.folder):
            pass
    except OSError as error:
        return Check(
            name,
            Verdict.FAIL,
            f"{cache.folder} cannot be written ({error.strerror})",
            "set MMA_EVAL_CACHE to a folder of yours",
        )
    shown = f"{cache.folder}, {cache.size / 1e9:.1f} GB used, {cache.disk_free / 1e9:.1f} GB free"
    if cache.disk_free < SCARCE_BYTES:
        return Check(
            name,
            Verdict.FAIL,
            shown,
            "free some disk space, or set MMA_EVAL_CACHE to a larger disk",
        )
    return Check(name, Verdict.OK, shown)
