"""Modality-aware tuning from a recipe to an adapter; importing this loads no torch.

Source: arXiv 2511.22826, section 5.1 and appendix D.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mma_eval.errors import MediaError, MmaEvalError, ModelError, UsageError
from mma_eval.eval.manifest import package_versions
from mma_eval.models.base import is_out_of_memory
from mma_eval.models.catalogue import CardCatalogue, create_model
from mma_eval.models.local.model import LocalModel
from mma_eval.paths import cache_folder
from mma_eval.train.pairs import TrainingData, open_clips, training_data
from mma_eval.train.recipe import Recipe

if TYPE_CHECKING:
    from mma_eval.train.course import Course, TuningProgress
    from mma_eval.train.curves import CurvePoint
    from mma_eval.train.folder import TrainingFolder
    from mma_eval.train.record import TrainingRecord
    from mma_eval.train.trainer import AnswerTrainer

MEGABYTE = 2**20
SMALL_MODEL = 10_000_000
"""Parameters below which more than one thread only costs."""


@dataclass(frozen=True)
class Tuned:
    """A finished tuning: the adapter's folder, what it says of itself, and its curves."""

    folder: Path
    record: TrainingRecord
    curves: tuple[CurvePoint, ...]


@dataclass(frozen=True)
class Processes:
    """This process among those that `accelerate launch` started; alone without it."""

    rank: int
    local_rank: int
    number: int

    @classmethod
    def here(cls) -> Processes:
        names = ("RANK", "LOCAL_RANK", "WORLD_SIZE")
        rank, local_rank, number = (int(os.environ.get(name, "0")) for name in names)
        return cls(rank, local_rank, max(1, number))

    @property
    def first(self) -> bool:
        """Whether this is the one that writes and prints."""
        return self.rank == 0


def tuning_model(recipe: Recipe) -> LocalModel:
    """The base model without its weights, as training will load it.

    Raises UsageError for one that cannot be tuned, or not in the recipe's precision.
    """
    card = CardCatalogue().get(recipe.base)
    arguments = dict(recipe.model_args)
    if arguments.get("adapter") is not None:
        raise UsageError("model_args.adapter: tuning starts from the base model; leave it out")
    wanted = recipe.training.precision
    if wanted != "auto":
        if arguments.get("dtype", wanted) != wanted:
            raise UsageError(
                f"model_args.dtype={arguments['dtype']} contradicts training.precision={wanted}"
            )
        arguments["dtype"] = wanted
    processes = Processes.here()
    device = str({**card.arguments, **arguments}.get("device", "auto"))
    if processes.number > 1 and device == "auto" and _has_gpus():
        arguments["device"] = f"cuda:{processes.local_rank}"
    model = create_model(card, arguments)
    if not isinstance(model, LocalModel) or "adapter" not in model.Arguments.model_fields:
        raise UsageError(
            f"the backend of '{recipe.base}' ({card.backend}) takes no adapter to tune"
        )
    if model.device == "cpu" and model.dtype == "fp16":
        raise UsageError("training.precision=fp16 needs a GPU; take bf16, fp32 or auto")
    if processes.number == 1 and model.device not in ("cpu", "cuda:0"):
        raise UsageError(
            f"model_args.device={model.device}: choose the GPU of a training by "
            "CUDA_VISIBLE_DEVICES, where it is the first one"
        )
    return model


def tune(
    recipe: Recipe,
    out: Path,
    *,
    progress: TuningProgress | None = None,
    fresh: bool = False,
    model: LocalModel | None = None,
) -> Tuned:
    """Train an adapter into `out`, going on where an earlier call with the same recipe stopped.

    `model` is `tuning_model(recipe)` where the caller has it already. Raises MmaEvalError in one
    sentence; the last checkpoint and the best adapter so far are kept.
    """
    from mma_eval.train.course import NoTuningProgress
    from mma_eval.train.curves import read_curves
    from mma_eval.train.folder import TrainingFolder
    from mma_eval.train.media_check import check_media

    model = model or tuning_model(recipe)
    data = training_data(open_clips(recipe), recipe.data, recipe.seed, model.tokenizer)
    check_media((data.train, data.validation), model.sampling)
    planned = _planned(recipe, model, data)
    folder = TrainingFolder(out)
    first = Processes.here().first
    if fresh and first:
        folder.refuse_foreign_files()
        folder.clear()
    kept = None if fresh else folder.kept(planned)
    if kept is not None and kept.status == "finished":
        return Tuned(out, kept, read_curves(out))
    with _one_thread_for(model), _told_apart(recipe):
        follows = progress if progress is not None and first else NoTuningProgress()
        course, trainer = _prepared(recipe, model, data, folder, follows, planned)
        return _trained(course, trainer, folder)


def _prepared(
    recipe: Recipe,
    model: LocalModel,
    data: TrainingData,
    folder: TrainingFolder,
    progress: TuningProgress,
    planned: TrainingRecord,
) -> tuple[Course, AnswerTrainer]:
    from mma_eval.models.local.text_tokenizer import quiet_transformers
    from mma_eval.train.collate import Collator
    from mma_eval.train.course import Course
    from mma_eval.train.encoded import StoredFeatures
    from mma_eval.train.feed import Prompts
    from mma_eval.train.lora import put_adapters, target_pattern
    from mma_eval.train.loss import AnswerModel
    from mma_eval.train.projectors import project_late
    from mma_eval.train.trainer import AnswerTrainer, training_arguments
    from mma_eval.train.validation import Validation, draw_samples

    processes, training = Processes.here(), recipe.training
    answerer = model.answerer
    late = project_late(answerer) if recipe.lora.projectors else None
    answerer.features = StoredFeatures(
        cache_folder() / "encoded",
        f"{model.fingerprint()}{' before projectors' if late else ''}",
        memory_bytes=training.encoded_cache_mb * MEGABYTE,
        disk_bytes=training.encoded_disk_mb * MEGABYTE,
    )
    targets = target_pattern(answerer, recipe.lora)
    wrapped = put_adapters(
        answerer,
        recipe.lora,
        seed=recipe.seed,
        base=planned.base.weights,
        revision=planned.base.revision,
    )
    answers = AnswerModel(answerer, late)
    if training.gradient_checkpointing:
        answers.checkpoint_activations()
    samples = draw_samples(data.validation, training.validation_samples, recipe.seed, model.card)
    trained = sum(weights.numel() for weights in answers.parameters() if weights.requires_grad)
    course = Course(
        recipe=recipe,
        model=answers,
        wrapped=wrapped,
        validation=Validation(
            answerer, samples, processes.rank, processes.number, _gathered(processes)
        ),
        folder=folder.path,
        record=planned.model_copy(update={"targets": targets, "trained_parameters": trained}),
        progress=progress,
        writes=processes.first,
    )
    with quiet_transformers():
        arguments = training_arguments(
            recipe, folder, device=model.device, precision=planned.precision
        )
        trainer = AnswerTrainer(
            answers,
            Prompts(answerer, data.train, late),
            Collator(answerer.engine.embed),
            arguments,
            folder,
            course,
        )
    return course, trainer


def _trained(course: Course, trainer: AnswerTrainer, folder: TrainingFolder) -> Tuned:
    from mma_eval.models.local.text_tokenizer import quiet_transformers
    from mma_eval.train.adapter_card import write_card, write_recipe
    from mma_eval.train.record import write_record

    checkpoint = folder.last_checkpoint()
    trainer.accelerator.wait_for_everyone()
    if course.writes:
        folder.make()
        folder.keep_only(checkpoint)
    if checkpoint is not None:
        course.resume(checkpoint)
    if course.writes:
        write_record(folder.path, course.record)
        write_recipe(folder.path, course.recipe)
    course.start()
    with quiet_transformers():
        course.finish(trainer.go_on(checkpoint))
    if course.writes:
        write_card(folder.path, course.record)
        write_record(folder.path, course.record)
        folder.keep_only(None)
    return Tuned(folder.path, course.record, tuple(course.course))


def _planned(recipe: Recipe, model: LocalModel, data: TrainingData) -> TrainingRecord:
    from mma_eval.train.record import BaseRecord, DataRecord, TrainingRecord

    card = model.card
    return TrainingRecord(
        recipe=recipe,
        base=BaseRecord(
            card=card.name,
            weights=card.weights or Path(model.pretrained).name,
            revision=model.revision,
            license=card.license,
            fingerprint=model.fingerprint(),
        ),
        data=DataRecord(
            dataset=data.dataset.name,
            version=data.dataset.version,
            clips={part.part: len(part.clips) for part in data.parts},
            examples={part.part: len(part) for part in data.parts},
            seen_classes=data.split.seen,
            unseen_classes=data.split.unseen,
        ),
        processes=Processes.here().number,
        precision=model.dtype,
        device=model.device.partition(":")[0],
        packages={"mma-eval": version("mma-eval"), **package_versions()},
    )


def _gathered(processes: Processes) -> Any:
    """Joins the records of all processes, in each of them."""
    if processes.number == 1:
        return list
    from accelerate.utils import gather_object

    return gather_object


@contextmanager
def _told_apart(recipe: Recipe) -> Iterator[None]:
    """What went wrong as one sentence that says what is kept."""
    try:
        yield
    except MediaError as error:
        raise MediaError(f"{error} (training stopped; its last checkpoint is kept)") from error
    except MmaEvalError:
        raise
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        training = recipe.training
        advice = [] if training.gradient_checkpointing else ["training.gradient_checkpointing=true"]
        if training.batch_size > 1:
            smaller = f"training.batch_size={training.batch_size // 2}"
            advice.append(f"{smaller} training.accumulation={training.accumulation * 2}")
        advice.append("a smaller model_args.max_pixels")
        raise ModelError(
            f"memory ran out in training: try {', or '.join(advice)}; the last checkpoint is kept"
        ) from error


def _one_thread_for(model: LocalModel) -> Any:
    if model.device != "cpu" or (model.card.parameters or SMALL_MODEL) >= SMALL_MODEL:
        return nullcontext()
    from mma_eval.train.specimen.train import one_thread

    return one_thread()


def _has_gpus() -> bool:
    import torch

    return torch.cuda.is_available()
