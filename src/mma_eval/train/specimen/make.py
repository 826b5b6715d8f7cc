"""The whole making of tiny-omni, from a seed to a folder that any Qwen2.5-Omni loader reads."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch

from mma_eval.demo.clips import CLASSES, GENERATOR_VERSION
from mma_eval.errors import UsageError
from mma_eval.train.specimen.batches import Packer
from mma_eval.train.specimen.config import SpecimenShape
from mma_eval.train.specimen.evaluate import Finding, examine, validation_pool
from mma_eval.train.specimen.export import export
from mma_eval.train.specimen.pool import Pool, RoundTrip, build_pool
from mma_eval.train.specimen.schedule import PUBLISHED, Recipe
from mma_eval.train.specimen.tokenizer import build_tokenizer, token_ids
from mma_eval.train.specimen.train import Progress, new_specimen, one_thread, run_recipe

WORK_FOLDER = ".training"
"""Inside the output folder while a training is under way; removed when it is done."""


@dataclass(frozen=True)
class Report:
    """What was made: the folder, the number of weights, and how it answers new clips."""

    folder: Path
    parameters: int
    findings: tuple[Finding, ...]


OnClip = Callable[[int, int], None]
OnStep = Callable[[Progress], None]


def train_specimen(
    out: Path,
    *,
    seed: int = 0,
    resume: bool = True,
    recipe: Recipe = PUBLISHED,
    shape: SpecimenShape | None = None,
    dtype: torch.dtype = torch.float32,
    on_clip: OnClip | None = None,
    on_step: OnStep | None = None,
    round_trip: RoundTrip | None = None,
) -> Report:
    """Train a specimen from nothing into `out`; a killed call continues where it was.

    The result depends on `seed`, `recipe` and `shape` only, whether or not it was interrupted.
    It is then examined on clips of the validation seed.
    Raises UsageError where `out` holds an unfinished training with other settings.
    """
    shape = shape or SpecimenShape()
    work = out / WORK_FOLDER
    _open_work(work, _fingerprint(seed, recipe, shape), resume=resume)
    with one_thread():
        pool = _kept_pool(work, seed, recipe.pool, on_clip, round_trip)
        tokenizer = build_tokenizer(CLASSES)
        specimen = new_specimen(shape, tokenizer, token_ids(tokenizer), seed)
        packer = Packer(tokenizer, specimen.thinker.config)
        run_recipe(
            specimen,
            packer,
            pool,
            recipe,
            seed=seed,
            state_file=work / "state.pt",
            on_step=on_step,
        )
        export(specimen.thinker, tokenizer, out, dtype=dtype)
        shutil.rmtree(work)
        unseen = validation_pool(recipe.examined, round_trip)
        findings = examine(specimen.thinker, tokenizer, unseen)
    parameters = sum(weights.numel() for weights in specimen.thinker.parameters())
    return Report(out, parameters, tuple(findings))


def _fingerprint(seed: int, recipe: Recipe, shape: SpecimenShape) -> str:
    """What a training's result depends on."""
    settings = {
        "generator": GENERATOR_VERSION,
        "seed": seed,
        "recipe": asdict(recipe),
        "shape": asdict(shape),
    }
    return sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def _open_work(work: Path, fingerprint: str, *, resume: bool) -> None:
    mark = work / "settings"
    if not resume:
        shutil.rmtree(work, ignore_errors=True)
    if mark.exists() and mark.read_text(encoding="utf-8") != fingerprint:
        raise UsageError(
            f"{work} holds an unfinished training with other settings; start anew with --fresh"
        )
    try:
        work.mkdir(parents=True, exist_ok=True)
        mark.write_text(fingerprint, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write to {work}: {error.strerror or error}") from error


def _kept_pool(
    work: Path, seed: int, count: int, on_clip: OnClip | None, round_trip: RoundTrip | None
) -> Pool:
    """The training clips, from the work folder where an earlier call left them."""
    file = work / "pool.npz"
    if file.exists():
        if on_clip is not None:
            on_clip(count, count)
        with np.load(file) as kept:
            return Pool(kept["frames"], kept["mels"], kept["labels"], kept["silence"])
    pool = build_pool(seed=seed, count=count, round_trip=round_trip, on_progress=on_clip)
    partial = work / "pool.partial.npz"
    np.savez(partial, frames=pool.frames, mels=pool.mels, labels=pool.labels, silence=pool.silence)
    partial.replace(file)
    return pool
