"""An export read back as LLaMA-Factory reads it, and its media decoded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mma_eval.errors import MediaError, StoreError, UsageError
from mma_eval.media.audio import read_audio
from mma_eval.media.policy import EveryFrame, FramePolicy
from mma_eval.media.source import Clip
from mma_eval.media.video import read_frames
from mma_eval.models.catalogue import CardCatalogue
from mma_eval.task.dataset import read_dataset
from mma_eval.train.llama_factory import INFO_FILE, Exported, export_llama_factory
from mma_eval.train.pairs import TrainingData, training_data
from mma_eval.train.recipe import Recipe, load_recipe

PITCH = {f"clip{index}": 200.0 * (index + 1) for index in range(6)}
"""Of the tone in each clip of the fixture `manifest`."""


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return load_recipe("modality_aware", ["data.swaps=2", "data.validation=0"])


@pytest.fixture(scope="module")
def data(manifest: Path, recipe: Recipe) -> TrainingData:
    return training_data(read_dataset(manifest, "clips"), recipe.data, recipe.seed)


@pytest.fixture(scope="module")
def exported(
    data: TrainingData, recipe: Recipe, tmp_path_factory: pytest.TempPathFactory
) -> Exported:
    return export_llama_factory(data, recipe, tmp_path_factory.mktemp("export"))


def loaded(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    """A data set as LLaMA-Factory converts it (its data/parser.py and data/converter.py)."""
    entry = json.loads((folder / INFO_FILE).read_text())[name]
    assert entry["formatting"] == "sharegpt"
    tags, columns = entry["tags"], entry["columns"]
    roles = {tags["user_tag"]: "user", tags["assistant_tag"]: "assistant"}
    for line in (folder / entry["file_name"]).read_text(encoding="utf-8").splitlines():
        example = json.loads(line)
        messages = example[columns["messages"]]
        system = ""
        if messages[0][tags["role_tag"]] == tags["system_tag"]:
            system, messages = messages[0][tags["content_tag"]], messages[1:]
        turns = [(roles[turn[tags["role_tag"]]], turn[tags["content_tag"]]) for turn in messages]
        assert [role for role, _ in turns] == ["user", "assistant"]
        # `media_dir` is the folder of dataset_info.json where it is not set.
        media = {
            kind: [folder / path for path in example[columns[kind]]]
            for kind in ("videos", "audios")
        }
        yield {"system": system, "prompt": turns[0][1], "response": turns[1][1], **media}


def test_every_example_is_there_with_its_placeholders_and_files(
    exported: Exported, data: TrainingData, recipe: Recipe
) -> None:
    entries = list(loaded(exported.folder, "modality_aware_train"))
    assert len(entries) == len(data.train) == exported.parts[0].examples
    system = CardCatalogue().get(recipe.base).system_prompt
    for entry, example in zip(entries, data.train, strict=True):
        assert entry["prompt"] == "<video><audio>" + example.rendered.after_media
        assert entry["response"] == example.rendered.target
        assert entry["system"] == system
        assert entry["videos"] == entry["audios"]
        assert [path.is_file() for path in entry["videos"]] == [True]


def test_a_file_is_written_once_and_its_bytes_are_reported(exported: Exported) -> None:
    named = {entry["videos"][0] for entry in loaded(exported.folder, "modality_aware_train")}
    there = {*(exported.folder / "media").iterdir()}
    assert named == there
    assert len(there) == 6 * 3 == exported.media.files == exported.media.written
    assert exported.media.bytes == sum(path.stat().st_size for path in there)


def test_a_file_holds_its_clips_picture_and_its_donors_sound(
    exported: Exported, data: TrainingData
) -> None:
    entries = list(loaded(exported.folder, "modality_aware_train"))
    for entry, example in list(zip(entries, data.train, strict=True))[::7]:
        (path,) = entry["videos"]
        sound = read_audio(Clip(path))
        spectrum = np.abs(np.fft.rfft(sound.samples[0]))
        heard = spectrum.argmax() * sound.rate / sound.samples.shape[1]
        assert heard == pytest.approx(PITCH[example.sound], abs=2)
        shade = read_frames(Clip(path), FramePolicy(EveryFrame())).pixels.mean()
        assert shade == pytest.approx(40 * int(example.clip.removeprefix("clip")), abs=3)


def test_a_stopped_export_goes_on_where_it_was(
    exported: Exported, data: TrainingData, recipe: Recipe, tmp_path: Path
) -> None:
    folder = tmp_path / "again"
    media = folder / "media"
    media.mkdir(parents=True)
    finished = sorted((exported.folder / "media").iterdir())
    for path in finished[:-1]:
        (media / path.name).write_bytes(path.read_bytes())
    cut = media / finished[0].name
    cut.write_bytes(cut.read_bytes()[:-100])
    seen: list[tuple[int, int]] = []
    again = export_llama_factory(data, recipe, folder, lambda *done: seen.append(done))
    assert (again.media.files, again.media.written) == (18, 2)
    assert cut.read_bytes() == finished[0].read_bytes()
    assert seen[-1] == (18, 18)


def test_other_data_sets_of_the_folder_stay(
    data: TrainingData, recipe: Recipe, exported: Exported
) -> None:
    info = exported.folder / INFO_FILE
    kept = json.loads(info.read_text())
    old = {"identity": {"file_name": "identity.json"}, "modality_aware_test": {"file_name": "old"}}
    info.write_text(json.dumps({**kept, **old}))
    export_llama_factory(data, recipe, exported.folder)
    assert json.loads(info.read_text()) == {"identity": old["identity"], **kept}


def test_a_file_in_the_way_is_not_overwritten(
    data: TrainingData, recipe: Recipe, tmp_path: Path
) -> None:
    (tmp_path / INFO_FILE).write_text("mine")
    with pytest.raises(UsageError, match="is not JSON"):
        export_llama_factory(data, recipe, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [INFO_FILE]


def test_a_folder_that_takes_nothing_is_one_sentence(
    data: TrainingData, recipe: Recipe, tmp_path: Path
) -> None:
    for name in ("file", "folder/media"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    with pytest.raises(StoreError, match=r"file: cannot be written \(.*the same command goes on"):
        export_llama_factory(data, recipe, tmp_path / "file")
    with pytest.raises(StoreError, match=r"media: cannot be written \(.*the same command goes on"):
        export_llama_factory(data, recipe, tmp_path / "folder")
    assert not (tmp_path / "folder" / INFO_FILE).exists()


def test_a_class_that_looks_like_a_placeholder_is_refused(
    manifest: Path, recipe: Recipe, tmp_path: Path
) -> None:
    rows = manifest.read_text().replace('"Cat"', '"<audio>"')
    there = manifest.parent / "placeholder.jsonl"
    there.write_text(rows)
    labels = manifest.with_name("labels.txt")
    before = labels.read_text()
    labels.write_text(before + "<audio>\n")
    try:
        examples = training_data(read_dataset(there, "clips"), recipe.data, 0)
        with pytest.raises(UsageError, match="rename that class"):
            export_llama_factory(examples, recipe, tmp_path)
    finally:
        labels.write_text(before)
        there.unlink()


def test_a_damaged_clip_is_named(recipe: Recipe, tmp_path: Path) -> None:
    rows = []
    for index, label in enumerate(("Bird", "Cat", "Door")):
        (tmp_path / f"{index}.mp4").write_text(f"no clip {index}")
        row = {"id": str(index), "video": f"{index}.mp4"}
        rows.append(json.dumps({**row, "visual_label": label, "audio_label": label}))
    (tmp_path / "manifest.jsonl").write_text("\n".join(rows))
    dataset = read_dataset(tmp_path / "manifest.jsonl", "clips")
    examples = training_data(dataset, recipe.data, 0)
    with pytest.raises(MediaError, match=r"0\.mp4"):
        export_llama_factory(examples, recipe, tmp_path / "out")
