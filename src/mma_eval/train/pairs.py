"""Examples of modality-aware tuning: aligned and swapped clips, asked what is seen and heard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Literal, overload

from mma_eval.errors import PrerequisiteError, UsageError
from mma_eval.task.dataset import Dataset, Progress, open_dataset
from mma_eval.task.load import Task, TaskCatalogue
from mma_eval.task.rows import Row
from mma_eval.task.samples import RenderedSample, SampleBuilder
from mma_eval.train.donors import donor_rounds, sounds_at_most
from mma_eval.train.recipe import DataSettings, Recipe
from mma_eval.train.split import Split, label_of, split_clips, usable_rows
from mma_eval.types import Seeds, Stream, TextTokenizer

ASKS: tuple[Stream, ...] = ("visual", "audio")
SWAPPED = 1
"""The place of the swapped condition; the aligned one comes first."""


@dataclass(frozen=True)
class Example:
    """One question with its answer, on a clip with its own or another clip's sound."""

    id: str
    clip: str
    sound: str
    """The clip whose sound is heard."""
    ask: Literal["visual", "audio"]
    condition: str
    """Name of the task without its question: `aligned`, `misalign`."""
    rendered: RenderedSample
    """Media, texts and target, as the evaluation's task renders them."""


@dataclass(frozen=True)
class Condition:
    """One task's two questions, and the builder of each round's samples."""

    name: str
    tasks: Mapping[Stream, Task]
    builders: tuple[SampleBuilder, ...]


@dataclass(frozen=True)
class Examples(Sequence[Example]):
    """One part's examples, rendered when they are asked for.

    In order: clip, round, condition, question. A round gives every clip one donor; its aligned copy
    is in every round again, so that both conditions weigh the same.
    """

    part: str
    clips: tuple[str, ...]
    rows: Mapping[str, Row]
    rounds: tuple[Mapping[str, str], ...]
    conditions: tuple[Condition, ...]

    def __len__(self) -> int:
        return len(self.clips) * len(self.rounds) * len(self.conditions) * len(ASKS)

    @overload
    def __getitem__(self, place: int) -> Example: ...

    @overload
    def __getitem__(self, place: slice) -> list[Example]: ...

    def __getitem__(self, place: int | slice) -> Example | list[Example]:
        if isinstance(place, slice):
            return [self._example(index) for index in range(*place.indices(len(self)))]
        if not -len(self) <= place < len(self):
            raise IndexError(f"the {self.part} part has {len(self)} examples, not {place + 1}")
        return self._example(place % len(self))

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Every distinct clip and sound, in the order in which examples first show them."""
        for clip in self.clips:
            yield clip, clip
            for donors in self.rounds:
                yield clip, donors[clip]

    def distinct_media(self) -> Iterator[Example]:
        """The first example of every pair of clip and sound."""
        each_round = len(self.conditions) * len(ASKS)
        for clip_number in range(len(self.clips)):
            first = clip_number * len(self.rounds) * each_round
            yield self[first]
            for round_number in range(len(self.rounds)):
                yield self[first + round_number * each_round + SWAPPED * len(ASKS)]

    def label(self, clip: str) -> str:
        """The class of a clip of this part."""
        return label_of(self.rows[clip])

    def _example(self, index: int) -> Example:
        index, asked = divmod(index, len(ASKS))
        index, condition_number = divmod(index, len(self.conditions))
        clip_number, round_number = divmod(index, len(self.rounds))
        clip, ask = self.clips[clip_number], ASKS[asked]
        condition = self.conditions[condition_number]
        rendered = condition.builders[round_number].render(condition.tasks[ask], self.rows[clip])
        return Example(
            id=f"{clip}/{condition.name}/{round_number}/{ask}",
            clip=clip,
            sound=rendered.sample.audio_source or clip,
            ask=ask,
            condition=condition.name,
            rendered=rendered,
        )


@dataclass(frozen=True)
class TrainingData:
    """The examples of every part, and the split that they come from."""

    train: Examples
    validation: Examples
    test: Examples
    held_out: Examples
    """Clips of held-out classes, swapped among themselves; empty where none are held out."""
    split: Split
    dataset: Dataset

    @property
    def parts(self) -> tuple[Examples, ...]:
        return (self.train, self.validation, self.test, self.held_out)


def open_clips(recipe: Recipe, progress: Progress | None = None) -> Dataset:
    """The dataset that a recipe names; raises PrerequisiteError where it names none."""
    if recipe.data.dataset is None:
        raise PrerequisiteError(
            f"the recipe '{recipe.name}' names no clips, because its own are not published: set"
            " data.dataset to a manifest of aligned clips that no test set holds"
        )
    return open_dataset(recipe.data.dataset, progress=progress)


def training_data(
    dataset: Dataset, settings: DataSettings, seed: int, tokenizer: TextTokenizer | None = None
) -> TrainingData:
    """Aligned and swapped examples of every part, asked as the evaluation asks them.

    A clip of the training part gets `settings.swaps` sounds; one of another part as many of them as
    that part has other classes. A part's sounds come from its own clips only. The order of the
    manifest makes no difference. Raises UsageError where clips or classes are too few.

    arXiv 2511.22826, section 5.1 and appendix D: 10 swaps a clip, aligned copies ten times.
    """
    split = split_clips(dataset, settings, seed)
    make = _PartMaker(dataset, settings, seed, tokenizer)
    return TrainingData(
        train=make.part("train", split.train),
        validation=make.part("validation", split.validation),
        test=make.part("test", split.test),
        held_out=make.part("held out", split.held_out),
        split=split,
        dataset=dataset,
    )


@dataclass(frozen=True)
class _PartMaker:
    dataset: Dataset
    settings: DataSettings
    seed: int
    tokenizer: TextTokenizer | None

    def part(self, name: str, clips: tuple[str, ...]) -> Examples:
        rows = {clip: self._rows[clip] for clip in clips}
        rounds = self._rounds(name, rows)
        return Examples(
            name, clips, rows, rounds, tuple(self._condition(task, rounds) for task in self._tasks)
        )

    def _rounds(self, part: str, rows: Mapping[str, Row]) -> tuple[dict[str, str], ...]:
        labels = {clip: label_of(row) for clip, row in rows.items()}
        if not labels:
            return ()
        swaps = self.settings.swaps
        if part != "train":
            swaps = max(1, min(swaps, sounds_at_most(labels)))
        return donor_rounds(labels, swaps, self.seed, part)

    def _condition(
        self, tasks: tuple[str, Mapping[Stream, Task]], rounds: Sequence[Mapping[str, str]]
    ) -> Condition:
        name, by_ask = tasks
        builders = tuple(
            SampleBuilder(
                self._clips,
                Seeds.all(self.seed),
                tokenizer=self.tokenizer,
                chosen_donors=donors,
            )
            for donors in rounds
        )
        return Condition(name, by_ask, builders)

    @cached_property
    def _rows(self) -> dict[str, Row]:
        return usable_rows(self.dataset)

    @cached_property
    def _clips(self) -> Dataset:
        """The dataset without rows that arrive swapped: tuning chooses its own sounds."""
        return replace(self.dataset, rows=tuple(self._rows.values()))

    @cached_property
    def _tasks(self) -> tuple[tuple[str, Mapping[Stream, Task]], ...]:
        found = [(name, _both_questions(name)) for name in self.settings.tasks]
        for (name, tasks), swaps in zip(found, (False, True), strict=True):
            if any(task.swaps != swaps for task in tasks.values()):
                wanted = "swaps the sound" if swaps else "leaves the sound as it is"
                raise UsageError(f"data.tasks: '{name}' is not a task that {wanted}")
        return tuple(found)


@cache
def _both_questions(name: str) -> dict[Stream, Task]:
    """The visual and the audio task that `name` stands for; reading every task takes a while."""
    tasks = [task for task in TaskCatalogue().select(name) if task.control_of is None]
    found: dict[Stream, Task] = {}
    for ask in ASKS:
        matching = [task for task in tasks if task.ask == ask]
        if len(matching) != 1:
            raise UsageError(
                f"data.tasks: '{name}' names {len(matching)} tasks with a question about the"
                f" {ask} stream; name one with both questions, such as aligned or misalign"
            )
        found[ask] = matching[0]
    return found
