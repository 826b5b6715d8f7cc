"""Model cards: what a model is, how it is loaded, and what others reported of it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Scalar = str | int | float | bool


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Decoding(_Part):
    """Decoding defaults; greedy, whatever the checkpoint's own file says."""

    temperature: float = 0.0
    top_p: float = 1.0
    repetition_penalty: float = 1.0


class Limits(_Part):
    """What the model declares it cannot do; tasks beyond it are not applicable."""

    max_text_tokens: int | None = None
    streams: tuple[Literal["visual", "audio"], ...] = ("visual", "audio")
    empty_for_missing: tuple[Literal["visual", "audio"], ...] = ()
    """Streams in whose place it is fed black frames or silence where the track is missing."""


class Exposure(_Part):
    """What the model may have seen of the benchmark before."""

    judged_clip_selection: bool | None = None
    tuned_on_training_split: bool | None = None
    trained_on_audioset_labels: bool | None = None


class Reported(_Part):
    """A result published elsewhere, with its source."""

    task: str
    metric: str
    value: float
    source: str = Field(min_length=1)
    note: str | None = None


class ModelCard(_Part):
    """One model of a known family: a card and no code."""

    name: str
    backend: str
    family: str
    summary: str
    license: str = Field(min_length=1)
    parameters: int | None = None
    links: dict[str, str] = {}
    weights: str | None = None
    """Hub repository, a path, or `package:NAME` for a checkpoint that ships with mma-eval."""
    revision: str | None = None
    released: date | None = None
    inputs: tuple[Literal["text", "video", "audio"], ...] = ("text", "video", "audio")
    context_length: int | None = None
    system_prompt: str | None = None
    arguments: dict[str, Scalar] = {}
    decoding: Decoding = Decoding()
    limits: Limits = Limits()
    exposure: Exposure = Exposure()
    reported: tuple[Reported, ...] = ()
    notes: str | None = None
    path: Path | None = None
    """Where the card was read from."""
