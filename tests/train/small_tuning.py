"""A tuning of the specimen that takes a second: six short clips, a handful of steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mma_eval.train.curves import CurvePoint
from mma_eval.train.recipe import Recipe
from mma_eval.train.validation import Accuracy


def small_recipe(manifest: Path, **changes: Any) -> Recipe:
    """Two clips a class, one of them for validation; `changes` are of `lora` and `training`."""
    lora = {"r": 4, "alpha": 8, "dropout": 0.1, **changes.pop("lora", {})}
    training = {
        "epochs": 2,
        "batch_size": 3,
        "accumulation": 2,
        "learning_rate": 1e-2,
        "evaluate_every": 2,
        "validation_samples": 4,
        "save_every": 1,
        **changes.pop("training", {}),
    }
    stated = {
        "recipe": "small",
        "description": "A test's own.",
        "base": "tiny-omni",
        "model_args": {"max_frames": 2},
        "data": {"dataset": str(manifest), "swaps": 1, "validation": 0.5, "test": 0},
        "lora": lora,
        "training": training,
    }
    return Recipe.model_validate({**stated, **changes})


@dataclass
class Watch:
    """Keeps what is reported, and does something after every step."""

    after_step: Callable[[CurvePoint], None] = lambda point: None
    begun: list[tuple[int, int]] = field(default_factory=list)
    points: list[CurvePoint] = field(default_factory=list)
    accuracies: list[tuple[int, Accuracy]] = field(default_factory=list)

    def begin(self, steps: int, done: int) -> None:
        self.begun.append((steps, done))

    def step(self, point: CurvePoint) -> None:
        self.points.append(point)
        self.after_step(point)

    def validated(self, step: int, accuracy: Accuracy) -> None:
        self.accuracies.append((step, accuracy))
