"""From a task and a dataset to samples, and from samples to questions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from mma_eval.errors import UsageError
from mma_eval.media.source import AudioFile, Media, VideoFile
from mma_eval.perturb.base import Donor, PerturbContext
from mma_eval.perturb.word_tokenizer import WordTokenizer
from mma_eval.task.dataset import Dataset, draw
from mma_eval.task.load import Task
from mma_eval.task.prompt import prompt_context, target_context
from mma_eval.task.rows import VANISHED_FILE, Row
from mma_eval.types import Ask, Sample, Seeds, TextTokenizer


@dataclass(frozen=True)
class RenderedSample:
    """A perturbed sample with its texts."""

    sample: Sample
    before_media: str
    after_media: str
    shown: str
    """The question as it is logged: filler text replaced by its recipe."""
    target: str

    @property
    def logged_prompt(self) -> str:
        """Everything around the media as a run's log holds it."""
        return "\n".join(part for part in (self.before_media, self.shown) if part)


@dataclass(frozen=True)
class SampleBuilder:
    """Makes the samples of any task on one dataset, always the same ones for the same seeds."""

    dataset: Dataset
    seeds: Seeds
    limit: int | None = None
    tokenizer: TextTokenizer | None = None
    chosen_donors: Mapping[str, str] | None = None
    """Receiving clip to donor clip where they are chosen; else one derangement of the dataset."""

    @cached_property
    def pair_table(self) -> Mapping[str, str]:
        if self.chosen_donors is not None:
            return self.chosen_donors
        return self.dataset.pair_table(self.seeds.pairing)

    @cached_property
    def _sound_donors(self) -> dict[str, str]:
        return self.dataset.sound_donors(self.seeds.pairing)

    def rows(self, task: Task) -> tuple[Row, ...]:
        """The rows a task asks about, drawn by seed, less what needs a vanished clip.

        A task with a question of its own asks it once a clip. Raises UsageError when there are
        none, and for rows of one clip that disagree.
        """
        arrives_swapped = task.swaps and self.dataset.conflicting
        chosen = self.dataset.conflicting if arrives_swapped else self.dataset.aligned
        if task.ask == "row":
            chosen = tuple(row for row in chosen if row.question is not None)
        else:
            labelled = [row for row in chosen if row.labels.visual is not None]
            chosen = _one_of_each_clip(task, labelled)
        if not chosen:
            raise UsageError(f"{task.name}: {self._nothing_to_ask(task)}")
        donors = {} if self.limit is None else self._sound_donors
        return self._left(task, draw(chosen, self.limit, self.seeds.draw, donors))

    def _left(self, task: Task, rows: tuple[Row, ...]) -> tuple[Row, ...]:
        """Those of which every clip can still be had."""
        gone = self.dataset.vanished
        if not gone:
            return rows
        left = tuple(row for row in rows if gone.isdisjoint(self.build(task, row).clips))
        if not left:
            raise UsageError(
                f"{task.name}: none of its {len(rows)} questions about {self.dataset.name} is left:"
                f" {VANISHED_FILE} names their clips, or those whose sound they get"
            )
        return left

    def _nothing_to_ask(self, task: Task) -> str:
        if task.ask == "row":
            return f"the dataset {self.dataset.name} has no rows with question, options and answer"
        if self.dataset.conflicting:
            return (
                f"the dataset {self.dataset.name} has no aligned rows (visual_label equal to "
                "audio_label), and only tasks that swap the sound can use the others"
            )
        return (
            f"the dataset {self.dataset.name} has no rows with labels; for a question set use "
            "--tasks qa"
        )

    def build(self, task: Task, row: Row) -> Sample:
        """One sample after the task's perturbations."""
        sample = self._plain(task, row)
        context = self._context(task)
        for step in task.perturbations:
            sample = step.apply(sample, context)
        if task.ask == "row" and task.swaps:
            # A question set's answer belongs to the sound that was there: naming it is now leak.
            sample = replace(sample, removed=sample.removed | {"audio"})
        return sample

    def render(self, task: Task, row: Row) -> RenderedSample:
        """One sample with its question and target."""
        sample = self.build(task, row)
        return RenderedSample(
            sample,
            task.before_media.render(prompt_context(sample)),
            task.prompt.render(sample),
            task.prompt.render_shown(sample),
            task.target.render(target_context(sample)),
        )

    def all(self, task: Task) -> Iterator[RenderedSample]:
        for row in self.rows(task):
            yield self.render(task, row)

    def _plain(self, task: Task, row: Row) -> Sample:
        ask: Ask = (row.asks or "both") if task.ask == "row" else task.ask
        question_set = task.ask == "row"
        options = row.options if question_set and row.options else self.dataset.classes
        extra = tuple(name for name in task.spec.extra_options if name not in options)
        swapped_sound = row.audio_clip if row.labels.conflict else row.audio_clip or row.clip
        return Sample(
            clip=row.clip,
            ask=ask,
            media=Media(VideoFile(row.video), AudioFile(row.audio)),
            labels=row.labels,
            options=(*options, *extra),
            video_source=row.clip,
            audio_source=swapped_sound,
            row=row.id if question_set else "",
            question=row.question,
            answer=row.answer,
        )

    def _context(self, task: Task) -> PerturbContext:
        needs_donors = task.swaps and not self.dataset.conflicting
        return PerturbContext(
            seeds=self.seeds,
            donors=self._donors if needs_donors else {},
            classes=self.dataset.classes,
            tokenizer=self.tokenizer,
        )

    @cached_property
    def _donors(self) -> dict[str, Donor]:
        rows = self.dataset.by_clip
        return {
            clip: Donor(donor, rows[donor].audio, rows[donor].labels.audio or "")
            for clip, donor in self.pair_table.items()
        }


def _one_of_each_clip(task: Task, rows: Sequence[Row]) -> tuple[Row, ...]:
    """The first row of every clip: what others ask about the same clip is not asked here.

    Raises UsageError for rows of one clip that show or say different things.
    """
    first: dict[str, Row] = {}
    for row in rows:
        known = first.setdefault(row.clip, row)
        if _shown(known) != _shown(row):
            raise UsageError(
                f"{task.name}: the rows '{known.id}' and '{row.id}' are both of the clip "
                f"'{row.clip}', but of other media or labels; give each a `clip` of its own"
            )
    return tuple(first.values())


def _shown(row: Row) -> object:
    """All of a row but its question."""
    stretch = (row.video_file, row.audio_file, row.start, row.end)
    return (stretch, row.labels, row.audio_clip)


def example_sample(task: Task) -> Sample:
    """A made-up sample of three classes, to show a task's prompt without a dataset."""
    from pathlib import Path

    from mma_eval.media.source import Clip
    from mma_eval.types import Labels

    clip = Clip(Path("clip.mp4"))
    other = Donor("other", Clip(Path("other.mp4")), "Cat")
    sample = Sample(
        clip="example",
        ask="both" if task.ask == "row" else task.ask,
        media=Media(VideoFile(clip), AudioFile(clip)),
        labels=Labels("Bird", "Bird"),
        options=("Bird", "Cat", "Door", *task.spec.extra_options),
        video_source="example",
        audio_source="example",
        question="What makes the sound?",
        answer="Bird",
    )
    context = PerturbContext(
        donors={"example": other}, classes=("Bird", "Cat", "Door"), tokenizer=WordTokenizer()
    )
    for step in task.perturbations:
        sample = step.apply(sample, context)
    return sample
