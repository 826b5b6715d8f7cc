"""How well a model answers the validation part: asked, read and scored as in an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from pydantic import BaseModel, ConfigDict

from mma_eval.errors import MediaError, ModelError
from mma_eval.eval.ask import Asked, make_record
from mma_eval.eval.log import SampleRecord
from mma_eval.eval.plan import PlannedSample, generation
from mma_eval.eval.receive import prove_modalities, received
from mma_eval.eval.score import accuracy_of, score_answer
from mma_eval.eval.scorecard import Share
from mma_eval.eval.settings import RunSettings
from mma_eval.media.source import Media
from mma_eval.models.card import ModelCard
from mma_eval.models.local.group_answers import GroupAnswerer
from mma_eval.seeded import SeededStream
from mma_eval.train.pairs import Example, Examples
from mma_eval.types import FAILURES, Answer, Group, Question, Status

Gather = Callable[[list[SampleRecord]], list[SampleRecord]]
"""Joins what every process has answered."""


class Accuracy(BaseModel):
    """Accuracy of each task of the validation part, by its name, such as `misalign_audio`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tasks: dict[str, Share]

    @property
    def mean(self) -> float:
        """Over the tasks, so that swapped clips, of which there are more, do not outweigh."""
        return sum(share.rate for share in self.tasks.values()) / len(self.tasks)


@dataclass(frozen=True)
class Validation:
    """A fixed draw of the validation part; `part` of `parts` processes asks its share."""

    answerer: GroupAnswerer[Any]
    samples: tuple[PlannedSample, ...]
    part: int = 0
    parts: int = 1
    gather: Gather = list

    @property
    def size(self) -> int:
        return len(self.samples)

    def __call__(self) -> Accuracy | None:
        """Ask everything; None without samples.

        Raises MediaError, MemoryError or ModelError for a question that failed.
        """
        if not self.samples:
            return None
        groups = list(self._groups())[self.part :: self.parts]
        records = self.gather([record for group in groups for record in self._answered(group)])
        by_task: dict[str, list[SampleRecord]] = {}
        for record in records:
            by_task.setdefault(record.task, []).append(record)
        scores = {name: accuracy_of(by_task[name]) for name in sorted(by_task)}
        return Accuracy(tasks={name: share for name, share in scores.items() if share is not None})

    def _groups(self) -> Iterator[list[PlannedSample]]:
        """Samples that share their media and the text before it."""
        together: dict[tuple[Media, str], list[PlannedSample]] = {}
        for sample in self.samples:
            place = (sample.rendered.sample.media, sample.rendered.before_media)
            together.setdefault(place, []).append(sample)
        yield from together.values()

    def _answered(self, samples: Sequence[PlannedSample]) -> Iterator[SampleRecord]:
        planned = {sample.id: sample for sample in samples}
        rendered = samples[0].rendered
        media = rendered.sample.media
        questions = (
            Question(s.id, s.rendered.before_media, s.rendered.after_media, s.request)
            for s in samples
        )
        group = Group(media, rendered.before_media, tuple(questions))
        for answer in self.answerer.answer(group):
            sample = planned[answer.question_id]
            checked = prove_modalities(media, received(sample.request, answer))
            if checked.status in FAILURES:
                raise _failure(sample.id, checked)
            yield score_answer(make_record(Asked(sample), checked), sample.task.answer)


def _failure(name: str, answer: Answer) -> Exception:
    """The exception that a failed answer stands for."""
    if answer.status is Status.DECODE_ERROR:
        return MediaError(answer.error or name)
    if answer.status is Status.OUT_OF_MEMORY:
        return MemoryError(answer.error)
    return ModelError(f"the validation sample {name} failed: {answer.status}: {answer.error}")


def draw_samples(
    examples: Examples, most: int, seed: int, card: ModelCard
) -> tuple[PlannedSample, ...]:
    """At most `most` distinct examples, drawn by seed, of both conditions as far as they reach.

    Both questions of a clip are drawn together.
    """
    settings = RunSettings(model=card.name, tasks=("validation",))
    tasks = {condition.name: condition.tasks for condition in examples.conditions}
    drawn: list[PlannedSample] = []
    conditions = range(len(examples.conditions))
    for example in _in_turns([_distinct(examples, number, seed) for number in conditions]):
        if len(drawn) == most:
            break
        task = tasks[example.condition][example.ask]
        request = generation(task, card, settings)
        drawn.append(PlannedSample(example.id, task, example.rendered, request))
    return tuple(drawn)


def _distinct(examples: Examples, condition: int, seed: int) -> Iterator[tuple[Example, Example]]:
    """The two questions on every distinct clip and sound of one condition, in random order."""
    pairs = range(condition, len(examples) // 2, len(examples.conditions))
    seen = set()
    for pair in SeededStream(seed, "validation", str(condition)).shuffled(pairs):
        first, second = examples[2 * pair], examples[2 * pair + 1]
        if (first.clip, first.sound) not in seen:
            seen.add((first.clip, first.sound))
            yield first, second


def _in_turns(streams: Sequence[Iterator[tuple[Example, Example]]]) -> Iterator[Example]:
    for turn in zip_longest(*streams):
        for pair in turn:
            yield from pair or ()
