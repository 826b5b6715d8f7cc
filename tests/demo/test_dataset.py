"""The demo on disk: complete, repeatable, decodable, safe to prepare twice at once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from mma_eval.demo.clips import CLASSES, clip_label, demo_clip
from mma_eval.demo.dataset import LABELS, demo_version, prepare_demo
from mma_eval.errors import MmaEvalError
from mma_eval.media.audio import read_audio
from mma_eval.media.policy import EveryFrame, FramePolicy
from mma_eval.media.source import Clip
from mma_eval.media.video import read_frames


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare_demo(root=tmp_path_factory.mktemp("demo"), seed=3, count=4)


def rows(manifest: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]


def test_the_manifest_names_every_clip_and_its_class(manifest: Path) -> None:
    found = rows(manifest)
    assert [row["visual_label"] for row in found] == [clip_label(3, i) for i in range(4)]
    assert all(row["audio_label"] == row["visual_label"] for row in found)
    assert len({row["id"] for row in found}) == 4
    assert all((manifest.parent / row["video"]).is_file() for row in found)


def test_labels_lists_all_classes_not_only_those_present(manifest: Path) -> None:
    assert (manifest.parent / LABELS).read_text(encoding="utf-8").split("\n") == [*CLASSES, ""]


def test_the_folder_is_named_after_the_version(manifest: Path) -> None:
    assert manifest.parent.name == f"demo-{demo_version(3)}-n4"


def test_clips_survive_the_codec(manifest: Path) -> None:
    clip, made = Clip(manifest.parent / rows(manifest)[0]["video"]), demo_clip(3, 0)
    frames = read_frames(clip, FramePolicy(EveryFrame()))
    sound = read_audio(clip)
    assert frames.pixels.shape == made.frames.shape
    assert np.abs(frames.pixels.astype(int) - made.frames.astype(int)).mean() < 12
    assert sound.rate == made.sample_rate
    assert sound.samples.shape == made.sound.shape
    assert np.corrcoef(sound.samples[0], made.sound[0])[0, 1] > 0.9


def test_a_clip_is_the_same_file_in_a_larger_set(manifest: Path, tmp_path: Path) -> None:
    larger = prepare_demo(root=tmp_path, seed=3, count=5)
    name = rows(manifest)[2]["video"]
    assert (larger.parent / name).read_bytes() == (manifest.parent / name).read_bytes()


def test_a_complete_set_is_not_written_again(tmp_path: Path) -> None:
    first = prepare_demo(root=tmp_path, count=2)
    times = {file: file.stat().st_mtime_ns for file in first.parent.iterdir()}
    calls: list[tuple[int, int]] = []
    assert prepare_demo(root=tmp_path, count=2, on_progress=lambda *at: calls.append(at)) == first
    assert {file: file.stat().st_mtime_ns for file in first.parent.iterdir()} == times
    assert calls == []


def test_an_incomplete_set_is_completed(tmp_path: Path) -> None:
    manifest = prepare_demo(root=tmp_path, count=3)
    videos = [manifest.parent / row["video"] for row in rows(manifest)]
    before, kept = videos[1].read_bytes(), videos[0].stat().st_mtime_ns
    videos[1].unlink()
    manifest.unlink()
    calls: list[tuple[int, int]] = []
    prepare_demo(root=tmp_path, count=3, on_progress=lambda *at: calls.append(at))
    assert videos[1].read_bytes() == before
    assert videos[0].stat().st_mtime_ns == kept
    assert calls[-1] == (3, 3)


def test_two_at_once_do_no_harm(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as two:
        both = list(two.map(lambda _: prepare_demo(root=tmp_path, seed=1, count=3), range(2)))
    assert both[0] == both[1]
    assert len(rows(both[0])) == 3
    assert sorted(file.suffix for file in both[0].parent.iterdir()) == [
        ".jsonl",
        ".mp4",
        ".mp4",
        ".mp4",
        ".txt",
    ]


def test_bad_requests_and_places_are_named(tmp_path: Path) -> None:
    with pytest.raises(MmaEvalError, match="count from 1"):
        prepare_demo(root=tmp_path, count=0)
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(MmaEvalError, match="cannot"):
        prepare_demo(root=blocked, count=1)
