"""One manifest row: what the columns mean and what is wrong with a bad one."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from mma_eval.errors import ManifestError
from mma_eval.media.source import Clip
from mma_eval.types import Labels
from mma_eval.yaml_file import describe_fault

VANISHED_FILE = "vanished.txt"
"""Beside a manifest: clips whose media are gone, one a line."""

FREE_PREFIX = "meta_"
"""Columns with this prefix are the user's own and are passed over."""


class RowModel(BaseModel):
    """The columns of a manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    id: str = Field(min_length=1)
    video: str = Field(min_length=1)
    audio: str | None = None
    visual_label: str | None = None
    audio_label: str | None = None
    clip: str | None = None
    audio_clip: str | None = None
    split: str | None = None
    start: float | None = Field(None, ge=0)
    end: float | None = Field(None, gt=0)
    question: str | None = None
    options: tuple[str, ...] | None = None
    answer: str | None = None
    asks: Literal["visual", "audio", "both"] | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_absent(cls, value: Any) -> Any:
        return None if isinstance(value, str) and not value.strip() else value

    @field_validator("options", mode="before")
    @classmethod
    def _options_from_text(cls, value: Any) -> Any:
        """CSV has no lists: options are separated by '|' there."""
        if isinstance(value, str):
            return [part.strip() for part in value.split("|") if part.strip()]
        return value


@dataclass(frozen=True, slots=True)
class Row:
    """A checked manifest row; a large manifest has many, so what takes room is made on use."""

    id: str
    clip: str
    video_file: str
    audio_file: str
    """Both with the manifest's folder before them."""
    start: float | None
    end: float | None
    labels: Labels
    audio_clip: str | None
    split: str | None
    question: str | None
    options: tuple[str, ...] | None
    answer: str | None
    asks: Literal["visual", "audio", "both"] | None

    @property
    def video(self) -> Clip:
        return Clip(Path(self.video_file), self.start, self.end)

    @property
    def audio(self) -> Clip:
        return Clip(Path(self.audio_file), self.start, self.end)


def check_row(
    values: dict[str, Any],
    manifest: Path,
    folder: Path,
    line: int,
    gone: Container[str] = (),
    media_needed: bool = True,
) -> Row:
    """A row from its columns; the media of a clip that is `gone` need not be there.

    Nor need any without `media_needed`. Raises ManifestError with the line for whatever is wrong.
    """
    given = {
        key: value
        for key, value in values.items()
        if not (isinstance(key, str) and key.startswith(FREE_PREFIX))
    }
    try:
        row = RowModel.model_validate(given)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        raise ManifestError(
            manifest,
            _explain(fault, describe_fault(RowModel, tuple(fault["loc"]), fault)),
            line=line,
        ) from error
    if row.start is not None and row.end is not None and row.end <= row.start:
        raise ManifestError(manifest, f"end {row.end} is not after start {row.start}", line=line)
    _check_question(row, manifest, line)
    clip = row.clip or row.id
    video = audio = str(folder / row.video)
    if row.audio is not None:
        audio = str(folder / row.audio)
    if media_needed and clip not in gone:
        _check_media(clip, {"video": Path(video), "audio": Path(audio)}, manifest, line)
    return Row(
        id=row.id,
        clip=clip,
        video_file=video,
        audio_file=audio,
        start=row.start,
        end=row.end,
        labels=_labels(row.visual_label, row.audio_label),
        audio_clip=row.audio_clip,
        split=row.split,
        question=row.question,
        options=row.options,
        answer=row.answer,
        asks=row.asks,
    )


@lru_cache(maxsize=4096)
def _labels(visual: str | None, audio: str | None) -> Labels:
    """One object for all rows of a class."""
    return Labels(visual, audio)


def _check_question(row: RowModel, manifest: Path, line: int) -> None:
    if row.question is None and (row.visual_label is None or row.audio_label is None):
        missing = "visual_label" if row.visual_label is None else "audio_label"
        raise ManifestError(
            manifest, f"row '{row.id}' has no {missing} (and no question of its own)", line=line
        )
    if row.question is not None:
        for name in ("options", "answer"):
            if not getattr(row, name):
                raise ManifestError(
                    manifest, f"row '{row.id}' has a question but no {name}", line=line
                )


def _check_media(clip: str, files: Mapping[str, Path], manifest: Path, line: int) -> None:
    for column, path in files.items():
        if not path.is_file():
            raise ManifestError(
                manifest,
                f"the {column} file {path} is missing (paths are relative to the manifest); a clip "
                f"that cannot be had any more is named in {VANISHED_FILE} beside it: {clip}",
                line=line,
            )


def _explain(fault: Any, sentence: str) -> str:
    if fault["type"] == "extra_forbidden":
        return sentence.replace("unknown key", "unknown column") + (
            f" (columns of your own start with '{FREE_PREFIX}')"
        )
    if fault["type"] == "missing":
        return sentence.replace("the key", "the column")
    return sentence
