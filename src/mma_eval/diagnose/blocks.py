"""What an answer loses with its view of one stream: blocks of layers, flips, and their file."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mma_eval.diagnose.measured import Skipped
from mma_eval.diagnose.origin import Origin
from mma_eval.errors import UsageError
from mma_eval.eval.log import SampleRecord
from mma_eval.eval.scorecard import Share
from mma_eval.json_file import read_json, write_json
from mma_eval.types import Ask, Attribution, Outcome

MediaStream = Literal["video", "audio"]
MEDIA_STREAMS: tuple[MediaStream, ...] = get_args(MediaStream)
Viewers = Literal["question", "everything"]
BLOCKING_FILE = "blocking.json"
LARGEST_BYTES = 256_000_000


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Block(_Part):
    """In the layers `first <= layer < stop`, `viewers` do not see the tokens of `stream`.

    `question`: the text after the media and the answer. Tokens of the other stream, where they come
    later, still see the blocked ones and pass on what they saw; what is cut is the direct way.
    `everything`: every token outside the stream. In all layers, nothing of the stream's content
    reaches the answer then; that it is there, and how long it is, still shows in the positions.
    """

    stream: MediaStream
    first: Annotated[int, Field(ge=0)]
    stop: int
    viewers: Viewers = "question"

    @model_validator(mode="after")
    def _is_a_range(self) -> Block:
        if self.stop < self.first:
            raise ValueError(f"layers {self.first} to {self.stop} are no range")
        return self

    @property
    def layers(self) -> range:
        return range(self.first, self.stop)


def quarters(layers: int, viewers: Viewers = "question") -> tuple[Block, ...]:
    """Each stream blocked in each quarter of the layers, and in all of them."""
    edges = [round(layers * quarter / 4) for quarter in range(5)]
    ranges = [pair for pair in pairwise(edges) if pair[0] < pair[1]]
    return _each_stream([*ranges, (0, layers)], viewers)


def windows(layers: int, width: int, viewers: Viewers = "question") -> tuple[Block, ...]:
    """Each stream blocked in windows of `width` layers side by side, and in all layers."""
    if not 1 <= width <= layers:
        raise UsageError(f"a window of {width} layers does not fit a model of {layers}")
    ranges = [(first, min(first + width, layers)) for first in range(0, layers, width)]
    return _each_stream([*ranges, (0, layers)], viewers)


def _each_stream(ranges: Sequence[tuple[int, int]], viewers: Viewers) -> tuple[Block, ...]:
    return tuple(
        Block(stream=stream, first=first, stop=stop, viewers=viewers)
        for stream in MEDIA_STREAMS
        for first, stop in dict.fromkeys(ranges)
    )


class BlockedAnswer(_Part):
    """What one sample was answered with and without a block; options as the scorer reads them."""

    sample: str
    clip: str
    before: str | None
    after: str | None
    right_before: bool
    right_after: bool
    other_before: bool
    """The answer named what the other modality shows."""
    other_after: bool

    @classmethod
    def of(cls, before: SampleRecord, after: SampleRecord) -> BlockedAnswer:
        other = Attribution.OTHER_MODALITY
        return cls(
            sample=before.id,
            clip=before.clip,
            before=before.option,
            after=after.option,
            right_before=before.outcome is Outcome.CORRECT,
            right_after=after.outcome is Outcome.CORRECT,
            other_before=before.attribution is other,
            other_after=after.attribution is other,
        )

    @property
    def flipped(self) -> bool:
        return self.before != self.after


class BlockedTask(_Part):
    """One task under one block; shares of all samples with 95 % Wilson intervals."""

    task: str
    ask: Ask
    condition: str
    block: Block
    flips: Share | None
    """Of samples whose answer became another one; every share is None for no sample."""
    flips_to_other: Share | None
    """Of samples whose answer became what the other modality shows."""
    accuracy_before: Share | None
    accuracy_after: Share | None
    answers: tuple[BlockedAnswer, ...]

    @classmethod
    def of(
        cls, task: str, ask: Ask, condition: str, block: Block, answers: Sequence[BlockedAnswer]
    ) -> BlockedTask:
        return cls(
            task=task,
            ask=ask,
            condition=condition,
            block=block,
            flips=Share.where(one.flipped for one in answers),
            flips_to_other=Share.where(one.flipped and one.other_after for one in answers),
            accuracy_before=Share.where(one.right_before for one in answers),
            accuracy_after=Share.where(one.right_after for one in answers),
            answers=tuple(answers),
        )


class BlockingRun(_Part):
    """Every task of a plan under every block, of one model."""

    format: Literal[1] = 1
    origin: Origin
    answer_by: Literal["generate", "likelihood"]
    layers: int
    """Of the model."""
    tasks: tuple[BlockedTask, ...]
    skipped: tuple[Skipped, ...]

    def save(self, folder: Path) -> None:
        """Write `blocking.json` whole; raises StoreError."""
        write_json(folder / BLOCKING_FILE, self)

    @classmethod
    def load(cls, folder: Path) -> BlockingRun:
        """Read what `save` wrote; raises FileError."""
        return read_json(folder / BLOCKING_FILE, cls, LARGEST_BYTES, "a record of hidden streams")
