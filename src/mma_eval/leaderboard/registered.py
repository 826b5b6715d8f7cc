"""A registered dataset version: every sample of every task, as a maintainer's machine renders it.

Targets and labels for re-scoring come from here and never from a submission. A changed task file,
template or manifest has other hashes, and so needs a new registration.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from mma_eval.errors import FileError, StoreError
from mma_eval.eval.log import AnswerRecord
from mma_eval.eval.manifest import TaskEntry
from mma_eval.leaderboard.submission import SubmittedAnswer, prompt_digest, stem_of
from mma_eval.task.dataset import drawn_clips
from mma_eval.task.spec import AnswerForm
from mma_eval.types import Ask, OptionScore, Stream, TokenCounts
from mma_eval.whole_file import replacing

SUFFIX = ".json.gz"
SEEDS_OF_SAMPLES = ("pairing", "options", "text")
"""The seeds that decide what is asked; the others decide how much of it, and how."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RegisteredSample(_Part):
    """One sample after its task's perturbations; prompt and options by their place in the lists."""

    id: str
    clip: str
    ask: Ask
    target: str
    visual_label: str | None = None
    audio_label: str | None = None
    caption: str | None = None
    removed: tuple[str, ...] = ()
    absent: tuple[Stream, ...] = ()
    """Streams without any content, not even black frames or silence."""
    video_source: str | None
    audio_source: str | None
    filler: str | None = None
    prompt: int
    options: int

    @property
    def clips(self) -> frozenset[str]:
        """Every clip whose file it takes to ask this."""
        return frozenset(filter(None, (self.clip, self.video_source, self.audio_source)))


class RegisteredTask(_Part):
    """One task by name, version and hash, with its samples."""

    name: str
    version: int
    hash: str
    ask: str
    answer: AnswerForm
    metrics: tuple[str, ...]
    control_of: str | None
    samples: tuple[RegisteredSample, ...]

    @cached_property
    def by_id(self) -> dict[str, RegisteredSample]:
        return {sample.id: sample for sample in self.samples}

    def ids_of(self, clips: Iterable[str]) -> set[str]:
        """The samples of some clips."""
        wanted = set(clips)
        return {sample.id for sample in self.samples if sample.clip in wanted}


class RegisteredDataset(_Part):
    """Everything in the file."""

    format: Literal[1] = 1
    name: str
    version: str
    split: str | None
    seeds: dict[str, int]
    mma_eval: str
    rows: int
    classes: tuple[str, ...]
    donors: dict[str, str]
    """Clip to the clip whose sound it gets in a swap."""
    prompts: tuple[str, ...]
    """As logged: filler text replaced by its recipe."""
    options: tuple[tuple[str, ...], ...]
    tasks: tuple[RegisteredTask, ...]

    @property
    def stem(self) -> str:
        return stem_of(self.name, self.version)

    @cached_property
    def by_task(self) -> dict[str, RegisteredTask]:
        return {task.name: task for task in self.tasks}

    @cached_property
    def prompt_digests(self) -> tuple[str, ...]:
        return tuple(prompt_digest(prompt) for prompt in self.prompts)

    @cached_property
    def clips(self) -> frozenset[str]:
        """Every clip that a sample needs."""
        return frozenset().union(*(sample.clips for task in self.tasks for sample in task.samples))

    def drawn(
        self, task: RegisteredTask, limit: int | None, seed: int, vanished: Iterable[str]
    ) -> set[str]:
        """The ids that a run of `task` asks about: all, or what `limit` draws by `seed`.

        Without those that need a vanished clip.
        """
        clips = {sample.clip for sample in task.samples}
        ids = task.ids_of(drawn_clips(clips, limit, seed, self.donors if limit else {}))
        gone = frozenset(vanished)
        return {name for name in ids if gone.isdisjoint(task.by_id[name].clips)} if gone else ids

    def entry(self, task: RegisteredTask, samples: int) -> TaskEntry:
        """The task as a run's manifest lists it."""
        return TaskEntry(
            name=task.name,
            ask=task.ask,
            version=task.version,
            hash=task.hash,
            dataset=self.name,
            answer=task.answer,
            metrics=task.metrics,
            perturbations=(),
            control_of=task.control_of,
            samples=samples,
        )

    def record(self, task: RegisteredTask, answer: SubmittedAnswer) -> AnswerRecord:
        """The log line of a submitted answer, with everything else as registered here."""
        sample, tokens = task.by_id[answer.id], answer.tokens
        return AnswerRecord(
            id=sample.id,
            task=task.name,
            clip=sample.clip,
            ask=sample.ask,
            prompt=self.prompts[sample.prompt],
            options=self.options[sample.options],
            target=sample.target,
            visual_label=sample.visual_label,
            audio_label=sample.audio_label,
            caption=sample.caption,
            removed=sample.removed,
            video_source=sample.video_source,
            audio_source=sample.audio_source,
            video_hash="",
            audio_hash="",
            edits=(),
            filler=sample.filler,
            status=answer.status,
            answer=answer.answer,
            option_scores=tuple(
                OptionScore(score.option, score.log_likelihood, score.tokens)
                for score in answer.scores
            ),
            tokens=None
            if tokens is None
            else TokenCounts(tokens.text, tokens.video, tokens.audio, tokens.evidence),
            seconds=None,
            finish_reason=None,
            model_version=None,
            error=None,
        )


@dataclass(frozen=True)
class RegisteredDatasets(Mapping[str, RegisteredDataset]):
    """The registered versions of a folder by version; each file is read when it is asked for."""

    folder: Path

    def __getitem__(self, version: str) -> RegisteredDataset:
        for stem in self._stems:
            # Names of files are compared with the stranger's version, never made from it.
            if stem.endswith(f"-{stem_of('', version).removeprefix('unnamed-')}"):
                found = self._read(stem)
                if found.version == version:
                    return found
        raise KeyError(version)

    def __iter__(self) -> Iterator[str]:
        return iter(self._read(stem).version for stem in self._stems)

    def __len__(self) -> int:
        return len(self._stems)

    @cached_property
    def _kept(self) -> dict[str, RegisteredDataset]:
        return {}

    @cached_property
    def _stems(self) -> tuple[str, ...]:
        files = sorted(self.folder.glob(f"*{SUFFIX}"))
        return tuple(path.name.removesuffix(SUFFIX) for path in files)

    def _read(self, stem: str) -> RegisteredDataset:
        if stem not in self._kept:
            self._kept[stem] = read_registered(self.folder / f"{stem}{SUFFIX}")
        return self._kept[stem]


def read_registered(path: Path) -> RegisteredDataset:
    """A maintainer's file; raises FileError."""
    try:
        return RegisteredDataset.model_validate_json(gzip.decompress(path.read_bytes()))
    except (OSError, EOFError) as error:
        raise FileError(path, f"cannot be read ({error})") from error
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(map(str, fault["loc"]))
        raise FileError(path, f"is no registered dataset ({where}: {fault['msg']})") from error


def write_registered(folder: Path, dataset: RegisteredDataset) -> Path:
    """Write `<name>-<version>.json.gz` whole; the same dataset gives the same bytes."""
    path = folder / f"{dataset.stem}{SUFFIX}"
    packed = BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as file:
        file.write(dataset.model_dump_json(exclude_defaults=True).encode() + b"\n")
    try:
        with replacing(path) as partial:
            partial.write_bytes(packed.getvalue())
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror})") from error
    return path
