"""What a check of the doctor found, in one form for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mma_eval.eval.doctor.interview import Contrast
from mma_eval.models.base import Model
from mma_eval.types import Stream

NAMES: dict[Stream, str] = {"visual": "picture", "audio": "sound"}


class Verdict(StrEnum):
    OK = "ok"
    FAIL = "FAIL"
    CANNOT_TELL = "cannot tell"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at, what was found, and what to do about it."""

    name: str
    verdict: Verdict
    finding: str
    advice: str | None = None
    contrasts: tuple[Contrast, ...] = ()
    """The evidence, clip by clip, where answers were compared."""


def takes(model: Model, stream: Stream) -> bool:
    """Whether the model's card lists the stream among its inputs."""
    return {"visual": "video", "audio": "audio"}[stream] in model.card.inputs


def not_taken(name: str, stream: Stream) -> Check:
    return Check(name, Verdict.NOT_APPLICABLE, f"the card says that it takes no {NAMES[stream]}")
