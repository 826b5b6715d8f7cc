"""Trains tiny-omni from nothing: pool, stages, checkpoints on the way, export at the end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mma_eval.demo.clips import CLASSES
from mma_eval.models.qwen.thinker_parts import language_model, towers
from mma_eval.train.specimen.batches import (
    Packer,
    answer_loss,
    picture_features,
    sound_features,
)
from mma_eval.train.specimen.config import SpecimenShape, thinker_config
from mma_eval.train.specimen.pool import Pool
from mma_eval.train.specimen.scenes import draw_pictures, draw_scenes, draw_sounds
from mma_eval.train.specimen.schedule import Recipe, Stage
from mma_eval.whole_file import replacing

CHECKPOINT_EVERY = 100
_CLIP_NORM = 1.0
_FLOOR = 0.05
"""The learning rate's last value as a share of its highest."""

OnStep = Callable[["Progress"], None]


@dataclass(frozen=True)
class Progress:
    """Where a training stands after a step; `step` counts over all stages."""

    stage: str
    step: int
    steps: int
    loss: float


class Specimen(nn.Module):
    """The thinker and the two throw-away classifiers that its towers are first trained under."""

    def __init__(self, thinker: nn.Module, width: int) -> None:
        super().__init__()
        self.thinker = thinker
        self.see = nn.Linear(width, len(CLASSES))
        self.hear = nn.Linear(width, len(CLASSES))

    def towers(self) -> list[nn.Parameter]:
        vision, audio = towers(self.thinker)
        return [*vision.parameters(), *audio.parameters()]

    def rest(self) -> list[nn.Parameter]:
        head: Any = self.thinker.lm_head
        return [*language_model(self.thinker).parameters(), *head.parameters()]

    def classifiers(self) -> list[nn.Parameter]:
        return [*self.see.parameters(), *self.hear.parameters()]


def new_specimen(shape: SpecimenShape, tokenizer: Any, ids: dict[str, int], seed: int) -> Specimen:
    """Random weights, scaled by fan-in: the stock initialisation learns far more slowly."""
    from transformers import Qwen2_5OmniThinkerForConditionalGeneration

    torch.manual_seed(seed)
    thinker = Qwen2_5OmniThinkerForConditionalGeneration(thinker_config(shape, len(tokenizer), ids))
    generator = torch.Generator().manual_seed(seed)
    for name, weights in thinker.named_parameters():
        if "embed_tokens" in name:
            nn.init.normal_(weights, std=0.3, generator=generator)
        elif weights.ndim >= 2:
            std = 0.7 / math.sqrt(weights[0].numel())
            nn.init.normal_(weights, std=std, generator=generator)
    return Specimen(thinker, shape.text_width)


def run_recipe(
    specimen: Specimen,
    packer: Packer,
    pool: Pool,
    recipe: Recipe,
    *,
    seed: int,
    state_file: Path | None = None,
    on_step: OnStep | None = None,
) -> None:
    """Train through all stages, continuing from `state_file` where it exists.

    Every step draws from its own generator, so a continued run equals an uninterrupted one.
    """
    done, kept = _load_state(state_file, specimen)
    begin = 0
    for number, stage in enumerate(recipe.stages):
        end = begin + stage.steps
        optimiser = _optimiser(specimen, stage)
        if kept is not None and begin < done < end:
            optimiser.load_state_dict(kept)
        for step in range(max(0, done - begin), stage.steps):
            rng = np.random.default_rng([seed, number, step])
            loss = _train_step(specimen, packer, pool, stage, optimiser, step, rng)
            reached = begin + step + 1
            if on_step is not None:
                on_step(Progress(stage.name, reached, recipe.steps, loss))
            if state_file is not None and (reached % CHECKPOINT_EVERY == 0 or reached == end):
                _save_state(state_file, specimen, optimiser, reached)
        begin = end


def senses_loss(specimen: Specimen, pool: Pool, stage: Stage, rng: np.random.Generator) -> Tensor:
    """Both towers under their classifiers: mean of the tokens, then one linear layer."""
    labels = rng.integers(0, len(CLASSES), stage.batch)
    seen = picture_features(specimen.thinker, draw_pictures(pool, labels, rng)).mean(1)
    heard = sound_features(specimen.thinker, draw_sounds(pool, labels, rng)).mean(1)
    due = torch.from_numpy(labels)
    return F.cross_entropy(specimen.see(seen), due) + F.cross_entropy(specimen.hear(heard), due)


@contextmanager
def one_thread() -> Iterator[None]:
    """Work on one thread: layers this small gain nothing from more, and sums keep their order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _train_step(
    specimen: Specimen,
    packer: Packer,
    pool: Pool,
    stage: Stage,
    optimiser: torch.optim.Optimizer,
    step: int,
    rng: np.random.Generator,
) -> float:
    for group in optimiser.param_groups:
        group["lr"] = group["share"] * _rate(stage, step)
    if stage.senses:
        loss = senses_loss(specimen, pool, stage, rng)
    else:
        loss = answer_loss(specimen.thinker, packer, draw_scenes(pool, stage, rng))
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    trained = [weights for group in optimiser.param_groups for weights in group["params"]]
    nn.utils.clip_grad_norm_(trained, _CLIP_NORM)
    optimiser.step()
    return float(loss.detach())


def _optimiser(specimen: Specimen, stage: Stage) -> torch.optim.Optimizer:
    if stage.senses:
        groups = [{"params": [*specimen.towers(), *specimen.classifiers()], "share": 1.0}]
    else:
        groups = [{"params": specimen.rest(), "share": 1.0}]
        if stage.towers > 0:
            groups.append({"params": specimen.towers(), "share": stage.towers})
    return torch.optim.AdamW(groups, lr=stage.rate, betas=(0.9, 0.98), weight_decay=0.02)


def _rate(stage: Stage, step: int) -> float:
    """Linear warm-up, then half a cosine."""
    rise = min(1.0, (step + 1) / stage.warmup)
    fall = 0.5 * (1 + math.cos(math.pi * step / stage.steps))
    return stage.rate * rise * (_FLOOR + (1 - _FLOOR) * fall)


def _load_state(path: Path | None, specimen: Specimen) -> tuple[int, dict[str, Any] | None]:
    """Steps done and the optimiser's state; (0, None) and `specimen` as it is for a new start."""
    if path is None or not path.exists():
        return 0, None
    saved = torch.load(path, weights_only=True)
    specimen.load_state_dict(saved["specimen"])
    return int(saved["step"]), saved["optimiser"]


def _save_state(
    path: Path, specimen: Specimen, optimiser: torch.optim.Optimizer, step: int
) -> None:
    """Write beside the file and rename, so that a kill leaves the last whole state."""
    state = {
        "step": step,
        "specimen": specimen.state_dict(),
        "optimiser": optimiser.state_dict(),
    }
    with replacing(path) as partial:
        torch.save(state, partial)
