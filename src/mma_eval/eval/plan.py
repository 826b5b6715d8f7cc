"""Who is asked what: tasks, datasets and one model, resolved before anything is loaded."""

from __future__ import annotations

import json
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import accumulate, groupby

from mma_eval.errors import UsageError
from mma_eval.eval.settings import RunSettings
from mma_eval.metrics.extract import check_options
from mma_eval.models.base import Model
from mma_eval.models.card import ModelCard
from mma_eval.models.catalogue import CardCatalogue, create_model
from mma_eval.perturb.parse import parse_perturbation
from mma_eval.task.dataset import Dataset, Progress, open_dataset
from mma_eval.task.load import Task, TaskCatalogue
from mma_eval.task.rows import Row
from mma_eval.task.samples import RenderedSample, SampleBuilder
from mma_eval.types import Generate, Request, ScoreOptions, Seeds


@dataclass(frozen=True)
class PlannedTask:
    """One task with the rows it asks about."""

    task: Task
    builder: SampleBuilder
    rows: tuple[Row, ...]

    @property
    def dataset(self) -> Dataset:
        return self.builder.dataset


@dataclass(frozen=True)
class PlannedSample:
    """One sample of one task, rendered, with what is wanted of the model."""

    id: str
    """`<task>:<clip>/<ask>`, unique in the run."""
    task: Task
    rendered: RenderedSample
    request: Request


@dataclass(frozen=True)
class Plan:
    """Everything a run will do, computed without weights and without decoding."""

    settings: RunSettings
    model: Model
    tasks: tuple[PlannedTask, ...]

    @property
    def seeds(self) -> Seeds:
        return self.settings.seeds

    @cached_property
    def size(self) -> int:
        return sum(len(planned.rows) for planned in self.tasks)

    @property
    def datasets(self) -> list[Dataset]:
        return list({id(planned.dataset): planned.dataset for planned in self.tasks}.values())

    @cached_property
    def identity(self) -> str:
        versions = "+".join(f"{dataset.name}:{dataset.what_is_left}" for dataset in self.datasets)
        hashes = {planned.task.name: planned.task.content_hash for planned in self.tasks}
        return self.settings.identity(versions, hashes)

    def places(self) -> Iterator[Sequence[int]]:
        """Every place of the plan, clip by clip, so that shared media stay together."""
        number_of = self._clip_numbers().__getitem__
        order = array("q", sorted(range(self.size), key=number_of))
        for _, places in groupby(order, key=number_of):
            yield tuple(places)

    def _clip_numbers(self) -> array[int]:
        """For each place the number of its clip, in the order of first appearance."""
        numbers: dict[tuple[int, str], int] = {}
        return array(
            "q",
            (
                numbers.setdefault((id(planned.dataset), row.clip), len(numbers))
                for planned in self.tasks
                for row in planned.rows
            ),
        )

    def at(self, place: int) -> tuple[PlannedTask, Row]:
        """Task and row of a place: places go through the tasks in order, and through their rows."""
        task = bisect_right(self._ends, place)
        first = self._ends[task - 1] if task else 0
        return self.tasks[task], self.tasks[task].rows[place - first]

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(len(planned.rows) for planned in self.tasks))

    def clips(self) -> Iterator[list[tuple[PlannedTask, Row]]]:
        """Task and row for every sample, clip by clip."""
        for places in self.places():
            yield [self.at(place) for place in places]

    def sample(self, planned: PlannedTask, row: Row) -> PlannedSample:
        """Render one sample; pure, so it may be done again at any time."""
        rendered = planned.builder.render(planned.task, row)
        return PlannedSample(
            f"{planned.task.name}:{rendered.sample.id}",
            planned.task,
            rendered,
            self._request(planned.task, rendered),
        )

    def _request(self, task: Task, rendered: RenderedSample) -> Request:
        if self.settings.answer_by == "likelihood":
            return ScoreOptions(rendered.sample.options)
        return generation(task, self.model.card, self.settings)


def make_plan(
    settings: RunSettings, *, model: Model | None = None, progress: Progress | None = None
) -> Plan:
    """Resolve names, read datasets and check everything that can be checked; raises UsageError."""
    catalogue = TaskCatalogue(settings.include_path)
    extra = [parse_perturbation(text) for text in settings.perturb]
    tasks = [task.with_perturbations(extra) for task in catalogue.select(settings.tasks)]
    if settings.answer_by == "likelihood":
        _refuse_reasoning(tasks)
    if model is None:
        cards = CardCatalogue(settings.include_path)
        model = create_model(cards.get(settings.model), settings.arguments())
    builders: dict[str, SampleBuilder] = {}
    planned = []
    for task in tasks:
        name = settings.dataset or task.spec.dataset
        if name not in builders:
            dataset = open_dataset(name, split=settings.split, progress=progress)
            builders[name] = SampleBuilder(dataset, settings.seeds, settings.limit, model.tokenizer)
        builder = builders[name]
        _check_options(task, builder)
        planned.append(PlannedTask(task, builder, builder.rows(task)))
        if task.swaps and not builder.dataset.conflicting:
            _ = builder.pair_table
    return Plan(settings, model, tuple(planned))


def generation(task: Task, card: ModelCard, settings: RunSettings) -> Generate:
    """Decoding settings: the command's, else the task's, else the card's."""
    override, own, default = settings.gen_kwargs, task.spec.generation, card.decoding

    def first(*values: float | None) -> float:
        return next(value for value in values if value is not None)

    temperature = first(override.temperature, own.temperature, default.temperature)
    return Generate(
        max_new_tokens=override.max_new_tokens or own.max_new_tokens,
        temperature=temperature,
        top_p=first(override.top_p, own.top_p, default.top_p),
        repetition_penalty=first(
            override.repetition_penalty, own.repetition_penalty, default.repetition_penalty
        ),
        seed=settings.seeds.sampling if temperature > 0 else 0,
    )


def answer_key(fingerprint: str, sample: PlannedSample, video_hash: str, audio_hash: str) -> str:
    """The key of an answer: everything that may change it, and nothing else."""
    request = sample.request
    parts = {
        "model": fingerprint,
        "request": [type(request).__name__, vars(request)],
        "before": sample.rendered.before_media,
        "after": sample.rendered.after_media,
        "video": video_hash,
        "audio": audio_hash,
    }
    return sha256(json.dumps(parts, sort_keys=True, default=list).encode()).hexdigest()


def _check_options(task: Task, builder: SampleBuilder) -> None:
    """Options that read alike could not be told apart in an answer; better known before asking."""
    dataset = builder.dataset
    offered = {row.options or dataset.classes for row in builder.rows(task)}
    for options in offered if task.ask == "row" else {dataset.classes}:
        try:
            check_options((*options, *task.spec.extra_options))
        except UsageError as error:
            raise UsageError(f"{dataset.path}: {error}") from error


def _refuse_reasoning(tasks: list[Task]) -> None:
    for task in tasks:
        if task.answer == "final_answer":
            raise UsageError(
                f"{task.name} asks for reasoning before the answer, which has no likelihood; "
                "leave such tasks out (--tasks mma_bench,-cot_*) or use --answer-by generate"
            )
