"""The media of a recorded sample again, as the model received them, without loading the model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version

from mma_eval.errors import MmaEvalError, UsageError
from mma_eval.eval.log import AnswerRecord
from mma_eval.eval.manifest import DatasetEntry, RunManifest, TaskEntry
from mma_eval.media.policy import Sampling
from mma_eval.media.source import Media
from mma_eval.models.catalogue import create_model
from mma_eval.perturb.parse import parse_perturbation
from mma_eval.perturb.word_tokenizer import WordTokenizer
from mma_eval.registry import DATASETS
from mma_eval.task.dataset import Dataset, open_dataset, read_dataset
from mma_eval.task.load import Task, TaskCatalogue
from mma_eval.task.rows import Row
from mma_eval.task.samples import SampleBuilder
from mma_eval.types import Seeds

DECODERS = ("av", "decord")


@dataclass(frozen=True)
class Replayed:
    """What a sample's model saw and heard; without `media`, `note` says why they are not here."""

    media: Media | None
    note: str | None = None
    """With media: what could not be checked about them."""


class Replay:
    """The media of one run's samples, rebuilt from its manifest and compared with its log."""

    def __init__(self, manifest: RunManifest) -> None:
        self._manifest = manifest
        self._entries = {task.name: task for task in manifest.tasks}
        self._builders: dict[str, SampleBuilder | UsageError] = {}
        self._rows: dict[str, dict[str, Row]] = {}

    @cached_property
    def sampling(self) -> Sampling | None:
        """What the model asked of both streams; None where its backend or files are not here."""
        settings = self._manifest.settings
        try:
            return create_model(self._manifest.card, settings.arguments()).sampling
        except MmaEvalError:
            return None

    def media_of(self, record: AnswerRecord) -> Replayed:
        """The record's media, where they are still the recorded ones."""
        try:
            media = self._rebuilt(record)
        except MmaEvalError as error:
            return Replayed(None, f"The clip cannot be found again: {error}.")
        if self.sampling is None:
            return Replayed(
                media,
                "Not checked against the run's log: its sampling of clips is not known here.",
            )
        try:
            found = (
                media.video_hash(self.sampling.frames),
                media.audio_hash(self.sampling.audio),
            )
            media.edits()
        except MmaEvalError as error:
            return Replayed(None, f"The clip cannot be read: {error}.")
        return _checked(media, found, record, self._other_decoders)

    def _rebuilt(self, record: AnswerRecord) -> Media:
        """Raises UsageError where the run's task, dataset or row is gone."""
        task, entry = self._task(record.task), self._entries[record.task]
        builder = self._builder(entry)
        if record.task not in self._rows:
            self._rows[record.task] = {_sample_id(task, row): row for row in builder.rows(task)}
        row = self._rows[record.task].get(record.id)
        if row is None:
            raise UsageError(f"the dataset {entry.dataset} no longer has the row of {record.id}")
        return builder.build(task, row).media

    def _task(self, name: str) -> Task:
        if name not in self._tasks:
            raise UsageError(f"the task {name} is no longer in the catalogue")
        return self._tasks[name]

    @cached_property
    def _tasks(self) -> dict[str, Task]:
        settings = self._manifest.settings
        extra = [parse_perturbation(text) for text in settings.perturb]
        added = "".join(f"+{step.name}" for step in extra)
        catalogue = TaskCatalogue(settings.include_path)
        plain = [name.removesuffix(added) for name in self._entries]
        tasks = [catalogue.get(name).with_perturbations(extra) for name in plain]
        return {task.name: task for task in tasks}

    def _builder(self, task: TaskEntry) -> SampleBuilder:
        if task.dataset not in self._builders:
            try:
                self._builders[task.dataset] = self._new_builder(task.dataset)
            except UsageError as error:
                self._builders[task.dataset] = error
        builder = self._builders[task.dataset]
        if isinstance(builder, UsageError):
            raise builder
        return builder

    def _new_builder(self, name: str) -> SampleBuilder:
        entry = next(entry for entry in self._manifest.datasets if entry.name == name)
        dataset = _open(entry, self._manifest.settings.split)
        return SampleBuilder(dataset, Seeds(**self._manifest.seeds), None, WordTokenizer())

    @cached_property
    def _other_decoders(self) -> str | None:
        """The decoders of the run that are others here, in words; they are part of every hash."""
        recorded = self._manifest.environment.packages
        others = [
            f"{name} {recorded[name]}"
            for name in DECODERS
            if name in recorded and recorded[name] != _installed(name)
        ]
        return " and ".join(others) or None


def _open(entry: DatasetEntry, split: str | None) -> Dataset:
    """The dataset where it was, else made again under its registered name.

    Its media may be missing: one clip that is gone hides itself, and none of the others.
    """
    if entry.path.is_file():
        return read_dataset(entry.path, entry.name, split, media_needed=False)
    if entry.name.partition(":")[0] in DATASETS:
        dataset = open_dataset(entry.name, split=split, media_needed=False)
        return replace(dataset, name=entry.name)
    raise UsageError(f"the dataset {entry.name} is no longer at {entry.path}")


def _sample_id(task: Task, row: Row) -> str:
    return f"{row.id}/{row.asks or 'both'}" if task.ask == "row" else f"{row.clip}/{task.ask}"


def _checked(
    media: Media, found: tuple[str, str], record: AnswerRecord, other_decoders: str | None
) -> Replayed:
    recorded = (record.video_hash, record.audio_hash)
    if found == recorded:
        return Replayed(media)
    if not any(recorded):
        return Replayed(
            media, "Not checked: the run failed before it had noted which media these are."
        )
    if other_decoders is not None:
        return Replayed(
            media, f"Not checked: the run decoded with {other_decoders}, which is not here."
        )
    streams = [
        name
        for name, one, other in zip(("picture", "sound"), found, recorded, strict=True)
        if one != other
    ]
    return Replayed(
        None,
        f"Not shown: the {' and '.join(streams)} of this clip changed since the run, or the "
        "dataset or the settings that choose it did.",
    )


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
