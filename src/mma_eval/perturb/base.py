"""What a perturbation is: a small seeded class that changes a sample's media or text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from mma_eval.media.source import Clip
from mma_eval.types import Sample, Seeds, Stream, TextTokenizer

Part = Literal["visual", "audio", "caption", "filler", "options"]


@dataclass(frozen=True)
class Donor:
    """The clip whose sound replaces another's."""

    clip: str
    """Id of the donor clip."""
    audio: Clip
    label: str


@dataclass(frozen=True)
class PerturbContext:
    """Everything a perturbation may draw on besides the sample itself."""

    seeds: Seeds = Seeds()
    donors: Mapping[str, Donor] = field(default_factory=dict)
    """Receiving clip id to donor: the derangement over the whole manifest."""
    classes: tuple[str, ...] = ()
    """Every class of the dataset, whatever a filter or limit left."""
    tokenizer: TextTokenizer | None = None


class Perturbation(BaseModel, ABC):
    """Parameters are fields, validated where they are read; `apply` is pure and seeded.

    The same sample, context and parameters give an equal result on any machine, in any order.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    touches: ClassVar[Part]
    """The one part it changes; all others stay bit-identical."""
    removes: ClassVar[Stream | None] = None
    """The stream whose content it takes away."""

    @abstractmethod
    def apply(self, sample: Sample, context: PerturbContext) -> Sample:
        """A changed copy of `sample`; raises UsageError where it cannot apply."""
