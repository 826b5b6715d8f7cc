"""Clips that cannot be had any more: what needs them is not asked, and nothing else changes."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from mma_eval import evaluate
from mma_eval.errors import ManifestError, UsageError
from mma_eval.eval.doctor.stimuli import draw_stimuli
from mma_eval.task.dataset import Dataset, read_dataset
from mma_eval.task.load import TaskCatalogue
from mma_eval.task.samples import SampleBuilder
from mma_eval.train.split import usable_rows
from mma_eval.types import Sample, Seeds

CLIPS = [f"clip{number}" for number in range(6)]
TASKS = ("aligned_audio", "misalign_visual", "misalign_audio", "audio_removed_visual")


@pytest.fixture
def folder(manifest: Path, tmp_path: Path) -> Path:
    """The manifest and its clips, to take some away from."""
    return Path(shutil.copytree(manifest.parent, tmp_path / "clips"))


def naming(folder: Path, clips: Iterable[str]) -> Dataset:
    """The dataset with these clips said to have vanished."""
    (folder / "vanished.txt").write_text("".join(f"{clip}\n" for clip in clips), encoding="utf-8")
    return read_dataset(folder / "manifest.jsonl", "clips")


def without(folder: Path, clips: Iterable[str]) -> Dataset:
    """The dataset after these clips have gone, and are named."""
    for clip in clips:
        (folder / f"{clip}.mp4").unlink(missing_ok=True)
    return naming(folder, clips)


def samples(dataset: Dataset, task: str, limit: int | None = None) -> dict[str, Sample]:
    builder = SampleBuilder(dataset, Seeds.all(0), limit)
    return {made.sample.id: made.sample for made in builder.all(TaskCatalogue().get(task))}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("limit", [None, 4])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=5)
@given(gone=st.sets(st.sampled_from(CLIPS), max_size=3))
def test_only_what_needs_a_vanished_clip_is_left_out(
    manifest: Path, folder: Path, task: str, limit: int | None, gone: set[str]
) -> None:
    whole = samples(read_dataset(manifest, "clips"), task, limit)
    expected = {name: sample for name, sample in whole.items() if not gone & sample.clips}
    assume(expected)
    left = samples(naming(folder, gone), task, limit)
    assert list(left) == list(expected)
    for name, sample in left.items():
        assert sample.audio_source == expected[name].audio_source
        assert sample.options == expected[name].options


def test_a_swapped_question_needs_both_of_its_clips(manifest: Path, folder: Path) -> None:
    whole = samples(read_dataset(manifest, "clips"), "misalign_audio")
    left = samples(without(folder, ["clip0"]), "misalign_audio")
    lent = {name for name, sample in whole.items() if sample.audio_source == "clip0"}
    assert whole.keys() - left.keys() == {"clip0/audio"} | lent
    assert len(lent) == 1


def test_the_version_stays_and_what_is_left_does_not(manifest: Path, folder: Path) -> None:
    whole, left = read_dataset(manifest, "clips"), without(folder, ["clip0"])
    assert (left.version, left.rows[1:]) != (whole.version, whole.rows)
    assert left.version == whole.version
    assert whole.what_is_left == whole.version != left.what_is_left
    assert left.what_is_left != without(folder, ["clip0", "clip1"]).what_is_left


def test_a_run_has_a_folder_of_its_own_and_says_what_is_missing(folder: Path) -> None:
    path = folder / "manifest.jsonl"
    whole = evaluate("mock", "misalign", dataset=path, output_path=folder / "results")
    without(folder, ["clip0"])
    left = evaluate("mock", "misalign", dataset=path, output_path=folder / "results")
    assert left.folder != whole.folder
    assert left.manifest.asked == 0, "the answers that both have are the same ones"
    assert left.manifest.datasets[0].vanished == ("clip0",)
    assert left.manifest.datasets[0].pairs == whole.manifest.datasets[0].pairs
    assert (len(whole.samples), len(left.samples)) == (12, 8)
    assert not left.failures


def test_neither_tuning_nor_the_doctor_takes_one(folder: Path) -> None:
    left = without(folder, ["clip0"])
    assert "clip0" not in usable_rows(left)
    for stimulus in draw_stimuli(left, 6):
        assert all(
            clip.path.is_file() for clip in (stimulus.picture, stimulus.sound, stimulus.other_sound)
        )


def test_a_missing_file_says_how_to_name_it(folder: Path) -> None:
    (folder / "clip3.mp4").unlink()
    said = r"jsonl:4: .*clip3\.mp4 is missing.* named in vanished\.txt beside it: clip3"
    with pytest.raises(ManifestError, match=said):
        read_dataset(folder / "manifest.jsonl", "clips")


def test_a_name_that_no_clip_has_is_a_slip(folder: Path) -> None:
    with pytest.raises(ManifestError, match=r"vanished\.txt:2: 'clpi1' is no clip .*mean 'clip1'"):
        without(folder, ["clip0", "clpi1"])


def test_a_file_that_is_no_text_is_one_sentence(folder: Path) -> None:
    (folder / "vanished.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(ManifestError, match=r"vanished\.txt: cannot be read"):
        read_dataset(folder / "manifest.jsonl", "clips")


def test_nothing_left_is_one_sentence(folder: Path) -> None:
    with pytest.raises(UsageError, match="none of its 6 questions about clips is left"):
        samples(without(folder, CLIPS), "aligned_audio")
