"""Making a registered dataset version: the catalogue's tasks rendered on a dataset."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from mma_eval import __version__
from mma_eval.errors import UsageError
from mma_eval.leaderboard.registered import (
    SEEDS_OF_SAMPLES,
    RegisteredDataset,
    RegisteredSample,
    RegisteredTask,
)
from mma_eval.perturb.word_tokenizer import WordTokenizer
from mma_eval.task.dataset import Dataset
from mma_eval.task.load import Task, TaskCatalogue
from mma_eval.task.samples import RenderedSample, SampleBuilder
from mma_eval.types import Seeds, Stream

H = TypeVar("H", bound=Hashable)


@dataclass(frozen=True)
class _Listed(Generic[H]):
    """Equal values once, by their place."""

    places: dict[H, int] = field(default_factory=dict)

    def place(self, value: H) -> int:
        return self.places.setdefault(value, len(self.places))


def register(dataset: Dataset, *, seed: int = 0, split: str | None = None) -> RegisteredDataset:
    """Every task of the catalogue, variants and controls too, that the dataset has samples for.

    Fillers are logged by their recipe, so no model's tokenizer takes part. Raises UsageError where
    no task finds a sample.
    """
    seeds = Seeds.all(seed)
    # No file of a clip is opened, so whoever lacks some can register the version all the same.
    builder = SampleBuilder(replace(dataset, vanished=frozenset()), seeds, None, WordTokenizer())
    prompts, options = _Listed[str](), _Listed[tuple[str, ...]]()
    tasks = []
    catalogue = TaskCatalogue()
    for task in catalogue.select([*catalogue.names(), "*@*"]):
        if _has_rows(builder, task):
            samples = tuple(_sample(item, prompts, options) for item in builder.all(task))
            tasks.append(_registered(task, samples))
    if not tasks:
        raise UsageError(f"the dataset {dataset.name} has no rows that a task could ask about")
    return RegisteredDataset(
        name=dataset.name,
        version=dataset.version,
        split=split,
        seeds={name: getattr(seeds, name) for name in SEEDS_OF_SAMPLES},
        mma_eval=__version__,
        rows=len(dataset.rows),
        classes=dataset.classes,
        donors=dataset.sound_donors(seeds.pairing),
        prompts=tuple(prompts.places),
        options=tuple(options.places),
        tasks=tuple(tasks),
    )


def _has_rows(builder: SampleBuilder, task: Task) -> bool:
    try:
        return bool(builder.rows(task))
    except UsageError:
        return False


def _registered(task: Task, samples: tuple[RegisteredSample, ...]) -> RegisteredTask:
    return RegisteredTask(
        name=task.name,
        version=task.spec.version,
        hash=task.content_hash,
        ask=task.ask,
        answer=task.answer,
        metrics=task.spec.metrics,
        control_of=task.control_of,
        samples=samples,
    )


def _sample(
    item: RenderedSample, prompts: _Listed[str], options: _Listed[tuple[str, ...]]
) -> RegisteredSample:
    sample = item.sample
    present: dict[Stream, bool] = {
        "visual": sample.media.has_video,
        "audio": sample.media.has_audio,
    }
    return RegisteredSample(
        id=sample.id,
        clip=sample.clip,
        ask=sample.ask,
        target=item.target,
        visual_label=sample.labels.visual,
        audio_label=sample.labels.audio,
        caption=sample.caption,
        removed=tuple(sorted(sample.removed)),
        absent=tuple(stream for stream, there in present.items() if not there),
        video_source=sample.video_source,
        audio_source=sample.audio_source,
        filler=None if sample.filler is None else sample.filler.recipe,
        prompt=prompts.place(item.logged_prompt),
        options=options.place(sample.options),
    )
