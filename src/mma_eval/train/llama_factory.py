"""The same examples as a dataset of LLaMA-Factory: multimodal supervised fine-tuning.

Its format is `dataset_info.json` beside one JSONL file a part (github.com/hiyouga/LLaMA-Factory,
data/README.md). For `use_audio_in_video` each `<video>` is followed by an `<audio>`, and both name
the same mp4.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mma_eval.errors import StoreError, UsageError
from mma_eval.media.source import Media
from mma_eval.models.catalogue import CardCatalogue
from mma_eval.train.media_files import Progress, WrittenMedia, media_name, write_media
from mma_eval.train.pairs import Example, Examples, TrainingData
from mma_eval.train.recipe import Recipe
from mma_eval.whole_file import replacing

INFO_FILE = "dataset_info.json"
MEDIA_FOLDER = "media"
VIDEO, AUDIO = "<video>", "<audio>"
PLACEHOLDERS = (VIDEO, AUDIO, "<image>")

COLUMNS = {"messages": "messages", "videos": "videos", "audios": "audios"}
TAGS = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "system_tag": "system",
}

MediaNames = Mapping[tuple[str, str], str]
"""Clip and sound to the name of their file."""


@dataclass(frozen=True)
class ExportedPart:
    """One part as LLaMA-Factory knows it."""

    name: str
    """What its `dataset:` takes."""
    path: Path
    examples: int
    bytes: int


@dataclass(frozen=True)
class Exported:
    """What was written."""

    folder: Path
    parts: tuple[ExportedPart, ...]
    media: WrittenMedia


def export_llama_factory(
    data: TrainingData, recipe: Recipe, folder: Path, progress: Progress | None = None
) -> Exported:
    """Write media, a JSONL file a part, and last `dataset_info.json`, whose others stay.

    Prompt, options, target and media are those of the evaluation, with the system prompt of the
    recipe's model card. `progress` is told the media files done and in all. Raises MediaError,
    StoreError, or UsageError for a text that holds one of LLaMA-Factory's placeholders.
    """
    parts = [part for part in data.parts if len(part)]
    media: dict[str, Media] = {}
    names: dict[tuple[str, str], str] = {}
    for part in parts:
        for example in part.distinct_media():
            one = example.rendered.sample.media
            name = media_name(example.clip, example.sound, one)
            names[example.clip, example.sound] = name
            media[name] = one
    info = _read_info(folder / INFO_FILE)
    for part in data.parts:
        # A part that an earlier export had and this one has not must not be trained on.
        info.pop(_part_name(part, recipe), None)
    try:
        # Before the media, which take long: a text that cannot be exported is found at once.
        exported = tuple(_write_part(part, recipe, folder, names) for part in parts)
        written = write_media(folder / MEDIA_FOLDER, media, progress)
        _write_info(folder / INFO_FILE, info, exported)
    except OSError as error:
        raise StoreError(
            f"{folder}: cannot be written ({error.strerror or error}); files that are there are"
            " kept, and the same command goes on"
        ) from error
    return Exported(folder, exported, written)


def _part_name(part: Examples, recipe: Recipe) -> str:
    return f"{recipe.name}_{part.part.replace(' ', '_')}"


def _write_part(part: Examples, recipe: Recipe, folder: Path, names: MediaNames) -> ExportedPart:
    name = _part_name(part, recipe)
    system = _system_prompt(recipe)
    path = folder / f"{name}.jsonl"
    with replacing(path) as partial, partial.open("w", encoding="utf-8") as file:
        for example in part:
            file.write(json.dumps(_entry(example, system, names), ensure_ascii=False) + "\n")
    return ExportedPart(name, path, len(part), path.stat().st_size)


def _entry(example: Example, system: str | None, names: MediaNames) -> dict[str, Any]:
    rendered = example.rendered
    for text in (rendered.before_media, rendered.after_media, rendered.target, system or ""):
        for placeholder in PLACEHOLDERS:
            if placeholder in text:
                raise UsageError(
                    f"the example '{example.id}' has '{placeholder}' in its text, which"
                    " LLaMA-Factory would take for media; rename that class"
                )
    asked = f"{rendered.before_media}{VIDEO}{AUDIO}{rendered.after_media}"
    messages = [
        {"role": "user", "content": asked},
        {"role": "assistant", "content": rendered.target},
    ]
    if system is not None:
        messages.insert(0, {"role": "system", "content": system})
    file = f"{MEDIA_FOLDER}/{names[example.clip, example.sound]}"
    return {"messages": messages, "videos": [file], "audios": [file]}


def _system_prompt(recipe: Recipe) -> str | None:
    """What the evaluation tells the model first; without it LLaMA-Factory would say its own."""
    given = recipe.model_args.get("system_prompt")
    return str(given) if given is not None else CardCatalogue().get(recipe.base).system_prompt


def _read_info(path: Path) -> dict[str, Any]:
    """Data sets that the folder has already; LLaMA-Factory's own folder has many."""
    if not path.is_file():
        return {}
    try:
        info = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: is not JSON, and this export belongs in it; {error}") from error
    if not isinstance(info, dict):
        raise UsageError(f"{path}: is no object of data sets, and this export belongs in it")
    return info


def _write_info(path: Path, others: Mapping[str, Any], parts: tuple[ExportedPart, ...]) -> None:
    info = {
        part.name: {
            "file_name": part.path.name,
            "formatting": "sharegpt",
            "columns": COLUMNS,
            "tags": TAGS,
        }
        for part in parts
    }
    with replacing(path) as partial:
        partial.write_text(json.dumps({**others, **info}, indent=2) + "\n", encoding="utf-8")
