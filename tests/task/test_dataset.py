"""Manifests: formats, labels, swapped rows, and draws that do not depend on order."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from huggingface_hub import constants
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mma_eval.errors import ManifestError, PrerequisiteError, UnknownNameError, UsageError
from mma_eval.media.source import AudioFile, VideoFile
from mma_eval.task.dataset import Dataset, draw, open_dataset, read_dataset
from mma_eval.task.load import TaskCatalogue
from mma_eval.task.samples import SampleBuilder
from mma_eval.types import Seeds


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def rows(tmp_path: Path) -> list[dict[str, Any]]:
    (tmp_path / "a.mp4").write_bytes(b"never decoded here")
    return [
        {"id": "007", "video": "a.mp4", "visual_label": "Bird", "audio_label": "Bird"},
        {"id": "1e3", "video": "a.mp4", "visual_label": "Cat", "audio_label": "Cat"},
    ]


def test_every_format_reads_the_same(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    jsonl = write(tmp_path / "m.jsonl", rows)
    table = tmp_path / "m.csv"
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    parquet = tmp_path / "m.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), parquet)

    datasets = [read_dataset(path, "m") for path in (jsonl, table, parquet)]

    assert [row.id for row in datasets[0].rows] == ["007", "1e3"], "ids stay text"
    assert datasets[0].rows == datasets[1].rows == datasets[2].rows


def test_a_csv_row_of_the_wrong_length_names_its_line(
    tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    path = tmp_path / "m.csv"
    path.write_text("id,video,visual_label,audio_label\na,a.mp4,Bird\n")
    with pytest.raises(ManifestError, match=r"m.csv:2: the row does not have 4 columns"):
        read_dataset(path, "m")


def test_options_come_from_the_whole_manifest(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    rows[0]["split"], rows[1]["split"] = "test", "train"
    dataset = read_dataset(write(tmp_path / "m.jsonl", rows), "m", split="test")
    assert [row.id for row in dataset.rows] == ["007"]
    assert dataset.classes == ("Bird", "Cat"), "a filter does not shorten the option list"
    with pytest.raises(UnknownNameError, match="unknown split 'tset'; did you mean 'test'"):
        read_dataset(tmp_path / "m.jsonl", "m", split="tset")


def test_a_labels_file_orders_the_options(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    path = write(tmp_path / "m.jsonl", rows)
    (tmp_path / "labels.txt").write_text("Cat\nDog\nBird\n")
    assert read_dataset(path, "m").classes == ("Cat", "Dog", "Bird")
    (tmp_path / "labels.txt").write_text("Cat\n")
    with pytest.raises(ManifestError, match="the class 'Bird' of m.jsonl is not listed"):
        read_dataset(path, "m")


def test_a_hub_dataset_that_cannot_be_reached_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    said = r"hf:nobody/nothing cannot be loaded: .*no answer from http://127\.0\.0\.1:9.*OFFLINE=1"
    with pytest.raises(PrerequisiteError, match=said):
        open_dataset("hf:nobody/nothing")


def test_a_dataset_that_was_never_downloaded_cannot_be_had_offline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import datasets

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    with pytest.raises(PrerequisiteError, match="hf:nobody/nothing cannot be loaded"):
        open_dataset("hf:nobody/nothing")


def test_a_hub_dataset_becomes_a_local_manifest(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    folder = tmp_path / "hub"
    folder.mkdir()
    for row in rows:
        row["video"] = str(tmp_path / "a.mp4")
    write(folder / "test.jsonl", rows)
    dataset = open_dataset(f"hf:{folder}")
    assert [row.id for row in dataset.rows] == ["007", "1e3"]


def test_media_inside_a_hub_dataset_are_written_beside_its_manifest(
    tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    import datasets

    content = [f"the bytes of clip {row['id']}".encode() for row in rows]
    columns = {
        "id": [row["id"] for row in rows],
        "video": [{"bytes": data, "path": "clip.mp4"} for data in content],
        "visual_label": [row["visual_label"] for row in rows],
        "audio_label": [row["audio_label"] for row in rows],
    }
    table = datasets.Dataset.from_dict(columns)
    table = table.cast_column("video", datasets.Video(decode=False))
    (tmp_path / "hub").mkdir()
    table.to_parquet(str(tmp_path / "hub" / "test.parquet"))
    dataset = open_dataset(f"hf:{tmp_path / 'hub'}")
    assert [row.video.path.read_bytes() for row in dataset.rows] == content


def test_rows_that_arrive_swapped_are_used_as_they_are(clips_folder: Path) -> None:
    dataset = read_dataset(clips_folder / "manifest.jsonl", "clips")
    builder = SampleBuilder(dataset, Seeds())
    catalogue = TaskCatalogue()
    swapped, aligned = catalogue.get("misalign_audio"), catalogue.get("aligned_audio")

    assert len(builder.rows(swapped)) == 8
    assert len(builder.rows(aligned)) == 2
    for row in builder.rows(swapped):
        sample = builder.build(swapped, row)
        assert sample.media.video == VideoFile(row.video)
        assert sample.media.audio == AudioFile(row.audio)
        assert sample.labels == row.labels


def test_both_questions_of_a_clip_hear_the_same_donor(manifest: Path) -> None:
    builder = SampleBuilder(read_dataset(manifest, "small"), Seeds())
    catalogue = TaskCatalogue()
    donors = [
        [
            builder.build(task, row).audio_source
            for row in builder.rows(task)
        ]
        for task in catalogue.select("misalign")
    ]  # fmt: skip
    assert donors[0] == donors[1]


def test_a_question_set_keeps_its_own_options(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    for row, asks in zip(rows, ("visual", "both"), strict=True):
        row |= {
            "question": "What moves?",
            "options": ["A dog", "A cat"],
            "answer": "A cat",
            "asks": asks,
            "clip": "same clip",
        }
    dataset = read_dataset(write(tmp_path / "m.jsonl", rows), "m")
    task = TaskCatalogue().get("qa")
    samples = list(SampleBuilder(dataset, Seeds()).all(task))
    assert [rendered.sample.id for rendered in samples] == ["007/visual", "1e3/both"]
    assert samples[0].target == "A cat"
    assert samples[0].after_media.startswith("What moves? Options: {A dog, A cat}.")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.permutations(range(6)), st.integers(1, 6), st.integers(0, 3))
def test_a_draw_depends_on_seed_alone(
    manifest: Path, order: list[int], limit: int, seed: int
) -> None:
    dataset = read_dataset(manifest, "small")
    shuffled = Dataset(
        "small", dataset.path, "", tuple(dataset.rows[i] for i in order), dataset.classes
    )
    donors = dataset.sound_donors(0)
    drawn = {row.clip for row in draw(dataset.rows, limit, seed, donors)}
    assert {row.clip for row in draw(shuffled.rows, limit, seed, donors)} == drawn
    assert drawn <= {row.clip for row in draw(dataset.rows, limit + 1, seed, donors)}
    assert shuffled.pair_table(seed) == dataset.pair_table(seed)


@given(st.integers(1, 100), st.integers(0, 3))
def test_clips_are_drawn_with_the_clips_whose_sound_they_get(limit: int, seed: int) -> None:
    dataset = open_dataset("demo")
    donors = dataset.sound_donors(0)

    drawn = {row.clip for row in draw(dataset.rows, limit, seed, donors)}

    assert len(drawn) == limit
    assert sum(donors[clip] not in drawn for clip in drawn) <= 1, "the last one's may be missing"


def test_clips_of_one_class_can_be_drawn(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.mp4").write_bytes(b"never decoded here")
    rows = [
        {"id": name, "video": f"{name}.mp4", "visual_label": "Bird", "audio_label": "Bird"}
        for name in "abc"
    ]
    dataset = read_dataset(write(tmp_path / "m.jsonl", rows), "m")

    assert len(SampleBuilder(dataset, Seeds(), 2).rows(TaskCatalogue().get("aligned_audio"))) == 2


@pytest.fixture
def question_set(tmp_path: Path) -> list[dict[str, Any]]:
    """Three questions about each of two clips."""
    (tmp_path / "a.mp4").write_bytes(b"one")
    (tmp_path / "b.mp4").write_bytes(b"other")
    return [
        {
            "id": f"{clip}{number}",
            "clip": clip,
            "video": f"{clip}.mp4",
            "visual_label": label,
            "audio_label": label,
            "question": f"What is it? ({number})",
            "options": ["Bird", "Cat"],
            "answer": label,
        }
        for clip, label in (("a", "Bird"), ("b", "Cat"))
        for number in range(3)
    ]


def test_a_question_of_a_task_is_asked_once_a_clip(
    tmp_path: Path, question_set: list[dict[str, Any]]
) -> None:
    builder = SampleBuilder(read_dataset(write(tmp_path / "m.jsonl", question_set), "m"), Seeds())
    catalogue = TaskCatalogue()
    asked = {
        task.name: [row.id for row in builder.rows(task)]
        for task in catalogue.select(("qa", "aligned_audio", "misalign_audio"))
    }
    assert asked == {
        "qa": ["a0", "a1", "a2", "b0", "b1", "b2"],
        "aligned_audio": ["a0", "b0"],
        "misalign_audio": ["a0", "b0"],
    }


@pytest.mark.parametrize("change", [{"visual_label": "Cat", "audio_label": "Cat"}, {"start": 1.0}])
def test_rows_of_one_clip_have_to_agree(
    tmp_path: Path, question_set: list[dict[str, Any]], change: dict[str, Any]
) -> None:
    question_set[2] |= change
    builder = SampleBuilder(read_dataset(write(tmp_path / "m.jsonl", question_set), "m"), Seeds())
    (task,) = TaskCatalogue().select(("aligned_audio",))
    with pytest.raises(UsageError, match=r"aligned_audio: the rows 'a0' and 'a2' are both of the"):
        builder.rows(task)
