"""transformers' Trainer on our prompts: loss by answer token, checkpoints of what is trained."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from mma_eval.errors import StoreError, UsageError
from mma_eval.train.collate import Collator
from mma_eval.train.course import Course, not_a_number
from mma_eval.train.feed import Prompts
from mma_eval.train.folder import COMPLETE, TrainingFolder
from mma_eval.train.lora import put_back, reason, trained_weights
from mma_eval.train.loss import AnswerModel
from mma_eval.train.recipe import Recipe

WEIGHTS = "trained.safetensors"
STATE = "trainer_state.json"


class AnswerTrainer(transformers.Trainer):  # type: ignore[misc]
    """Trains an `AnswerModel`; what is checkpointed is what is trained, not the base model."""

    def __init__(
        self,
        model: AnswerModel,
        prompts: Prompts,
        collator: Collator,
        arguments: transformers.TrainingArguments,
        folder: TrainingFolder,
        course: Course,
    ) -> None:
        super().__init__(
            model=model,
            args=arguments,
            train_dataset=prompts,
            data_collator=collator,
            callbacks=[course],
        )
        self.folder, self.course = folder, course
        self.remove_callback(transformers.PrinterCallback)

    def go_on(self, checkpoint: Path | None) -> int:
        """Train to the end, from `checkpoint` where there is one; how many steps that makes."""
        if checkpoint is None:
            self.train()
            return int(self.state.global_step)
        state = transformers.TrainerState.load_from_json(str(checkpoint / STATE))
        if state.global_step < state.max_steps:
            self.train(resume_from_checkpoint=str(checkpoint))
            return int(self.state.global_step)
        # Stopped after its last step: the trainer would take one step more.
        self._load_from_checkpoint(str(checkpoint))
        return int(state.global_step)

    def compute_loss(
        self,
        model: Any,
        inputs: Mapping[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> torch.Tensor:
        """Mean over all answer tokens of the optimizer step; raises ModelError where it is none."""
        loss: torch.Tensor = model(**inputs) / num_items_in_batch
        if not bool(loss.isfinite()):
            raise not_a_number("loss", float(loss.detach()), self.state.global_step + 1)
        # Gradients are averaged over processes, and the tokens counted are those of all of them.
        scaled: torch.Tensor = loss * self.accelerator.num_processes
        return scaled

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        if self.args.should_save:
            assert output_dir is not None
            Path(output_dir).mkdir(parents=True, exist_ok=True)
            save_file(trained_weights(self.model), Path(output_dir) / WEIGHTS)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        put_back(model or self.model, load_file(Path(resume_from_checkpoint) / WEIGHTS))

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        made = self.folder.checkpoints / f"checkpoint-{self.state.global_step}"
        try:
            super()._save_checkpoint(model, trial)
            self.accelerator.wait_for_everyone()
            if self.args.should_save:
                self.course.keep_in(made)
                (made / COMPLETE).touch()
                self.folder.keep_only(made)
        except (OSError, RuntimeError, SafetensorError) as error:
            shutil.rmtree(made, ignore_errors=True)
            raise StoreError(
                f"{made}: the checkpoint cannot be written ({reason(error)}); make room, and the "
                "same command continues from the checkpoint before it"
            ) from error


def training_arguments(
    recipe: Recipe, folder: TrainingFolder, *, device: str, precision: str
) -> transformers.TrainingArguments:
    """What transformers is told of a recipe; raises UsageError for a precision it cannot have."""
    training = recipe.training
    try:
        return transformers.TrainingArguments(
            output_dir=str(folder.checkpoints),
            per_device_train_batch_size=training.batch_size,
            gradient_accumulation_steps=training.accumulation,
            num_train_epochs=training.epochs,
            max_steps=-1 if training.max_steps is None else training.max_steps,
            learning_rate=training.learning_rate,
            lr_scheduler_type=training.schedule,
            warmup_steps=training.warmup,
            weight_decay=training.weight_decay,
            max_grad_norm=training.max_gradient_norm,
            optim="adamw_torch",
            seed=recipe.seed,
            data_seed=recipe.seed,
            bf16=precision == "bf16",
            fp16=precision == "fp16",
            use_cpu=device == "cpu",
            logging_strategy="steps",
            logging_steps=1,
            # A loss that is no number stops the training; it is not averaged away.
            logging_nan_inf_filter=False,
            save_strategy="no",
            eval_strategy="no",
            report_to="none",
            log_level="error",
            disable_tqdm=True,
            remove_unused_columns=False,
            label_names=["labels"],
            dataloader_num_workers=0,
            dataloader_pin_memory=False,
            ddp_find_unused_parameters=False,
        )
    except ValueError as error:
        raise UsageError(f"training.precision={precision}: {error}") from error
