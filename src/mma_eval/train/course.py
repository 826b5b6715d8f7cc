"""What happens between the steps of a training: validation, best adapter, curves, checkpoints."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import transformers

from mma_eval.errors import ModelError
from mma_eval.train.curves import CurvePoint, read_curves, write_curves
from mma_eval.train.lora import copy_adapter, save_adapter
from mma_eval.train.loss import AnswerModel
from mma_eval.train.recipe import Recipe
from mma_eval.train.record import TrainingRecord, Validated, read_record, write_record
from mma_eval.train.validation import Accuracy, Validation

MOST_POINTS = 1000
"""Points of the loss curve in a training of any length."""


class TuningProgress(Protocol):
    """What a training reports while it works."""

    def begin(self, steps: int, done: int) -> None:
        """Training is about to start, or to go on after `done` of `steps` steps."""

    def step(self, point: CurvePoint) -> None:
        """A step is done."""

    def validated(self, step: int, accuracy: Accuracy) -> None:
        """The validation part has been asked; step 0 is the base model."""


class NoTuningProgress:
    """Reports nothing."""

    def begin(self, steps: int, done: int) -> None:
        return

    def step(self, point: CurvePoint) -> None:
        return

    def validated(self, step: int, accuracy: Accuracy) -> None:
        return


@dataclass
class Course(transformers.TrainerCallback):  # type: ignore[misc]
    """Follows a training. Every step that is validated is also checkpointed, so that a training
    that goes on from a checkpoint knows the same best adapter as one that was never stopped."""

    recipe: Recipe
    model: AnswerModel
    wrapped: Any
    """The PEFT model, which knows how to write its adapter."""
    validation: Validation
    folder: Path
    record: TrainingRecord
    progress: TuningProgress
    writes: bool
    """Whether this process is the one that writes."""
    points: dict[int, CurvePoint] = field(default_factory=dict)
    _latest: CurvePoint | None = None
    _started: float = 0.0
    _before: float = 0.0

    def resume(self, checkpoint: Path) -> None:
        """Take up curves, record and best adapter as they were when the checkpoint was made."""
        self.points = {point.step: point for point in read_curves(checkpoint)}
        self._before = max((point.seconds for point in self.points.values()), default=0.0)
        self.record = read_record(checkpoint) or self.record
        if self.writes:
            copy_adapter(checkpoint, self.folder)

    def start(self) -> None:
        """Ask the base model, where that was not done before the training was stopped."""
        self._started = time.monotonic()
        if self.record.before is None and (accuracy := self._validated()) is not None:
            self.record = self.record.model_copy(update={"before": accuracy})
            self._note(0, 0.0, accuracy)
            self.progress.validated(0, accuracy)
            self._write()

    def finish(self, steps: int) -> None:
        """Keep what was trained last where no validation chose; the record is yet to be written."""
        if self.writes and self.record.best is None:
            save_adapter(self.wrapped, self.folder)
        update = {"status": "finished", "steps": steps, "seconds": round(self._seconds(), 3)}
        self.record = self.record.model_copy(update=update)
        if self.writes:
            write_curves(self.folder, self.course)

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.progress.begin(state.max_steps, state.global_step)

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        # In fp16 the scaler looks for infinite gradients, leaves that step out and scales down.
        if args.fp16:
            return
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        if not all(bool(gradient.isfinite().all()) for gradient in gradients):
            raise not_a_number("gradient", float("nan"), state.global_step + 1)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        step, every = state.global_step, self.recipe.training.evaluate_every
        last_of_epoch = float(state.epoch).is_integer()
        if last_of_epoch or step >= state.max_steps:
            # The end of the epoch, which follows, validates and checkpoints by itself.
            return
        if every != "epoch" and step % every == 0:
            self._validate(state)
            control.should_save = True
        elif step % self.recipe.training.save_every == 0:
            control.should_save = True

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        step, every = state.global_step, self.recipe.training.evaluate_every
        if every == "epoch" or step % every == 0 or step >= state.max_steps:
            self._validate(state)
        control.should_save = True

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float], **_: Any) -> None:
        # The curves hold what is logged; the trainer's own list would only grow.
        state.log_history.clear()
        if "loss" not in logs:
            return
        point = CurvePoint(
            step=state.global_step,
            epoch=round(float(state.epoch), 6),
            learning_rate=logs["learning_rate"],
            loss=logs["loss"],
            seconds=round(self._seconds(), 3),
        )
        self._latest = point
        shown = max(1, -(-state.max_steps // MOST_POINTS))
        if point.step % shown == 0 or point.step in self.points or control.should_save:
            self._add(point)
        self.progress.step(point)

    def keep_in(self, checkpoint: Path) -> None:
        """Write what a training that goes on from this checkpoint has to know."""
        if self._latest is not None:
            self._add(self._latest)
        self._write()
        write_curves(checkpoint, self.course)
        write_record(checkpoint, self.record)
        copy_adapter(self.folder, checkpoint)

    def _validate(self, state: Any) -> None:
        accuracy = self._validated()
        if accuracy is None:
            return
        step = int(state.global_step)
        self._note(step, float(state.epoch), accuracy)
        best = self.record.best
        if best is None or accuracy.mean > best.accuracy.mean:
            found = Validated(step=step, accuracy=accuracy)
            if self.writes:
                save_adapter(self.wrapped, self.folder)
            self.record = self.record.model_copy(update={"best": found})
        self.progress.validated(step, accuracy)

    def _validated(self) -> Accuracy | None:
        self.model.eval()
        return self.validation()

    def _note(self, step: int, epoch: float, accuracy: Accuracy) -> None:
        names = self.recipe.data.tasks
        columns = {
            f"{column}_{ask}": accuracy.tasks[f"{name}_{ask}"].rate
            for column, name in zip(("aligned", "swapped"), names, strict=True)
            for ask in ("visual", "audio")
            if f"{name}_{ask}" in accuracy.tasks
        }
        seconds = round(self._seconds(), 3)
        point = self.points.get(step) or CurvePoint(step=step, epoch=epoch, seconds=seconds)
        self.points[step] = point.model_copy(update=columns)

    def _add(self, point: CurvePoint) -> None:
        """Join a step's loss with the accuracies that are known of it."""
        known = self.points.get(point.step)
        measured = {} if known is None else known.model_dump(exclude_none=True)
        stated = point.model_dump(exclude_none=True)
        self.points[point.step] = CurvePoint.model_validate({**measured, **stated})

    @property
    def course(self) -> list[CurvePoint]:
        return [self.points[step] for step in sorted(self.points)]

    def _seconds(self) -> float:
        return self._before + time.monotonic() - self._started

    def _write(self) -> None:
        if self.writes:
            write_curves(self.folder, self.course)
            write_record(self.folder, self.record)


def not_a_number(what: str, value: float, step: int) -> ModelError:
    """The error where a loss or gradient is infinite or not a number."""
    return ModelError(
        f"the {what} became {value} at step {step}, and training stopped: lower "
        "training.learning_rate or take precision bf16 or fp32; the adapter and the checkpoint "
        "from before are kept"
    )
