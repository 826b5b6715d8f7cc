"""Encoded streams are kept whole, within bounds, and for the encoders that made them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from mma_eval.errors import StoreError
from mma_eval.models.nn.qwen_vision_input import Grid
from mma_eval.models.qwen.thinker import Heard, Seen
from mma_eval.train.encoded import StoredFeatures

KILOBYTE = 2**10
ROOM = 2**30


def heard(value: float, numbers: int = 256) -> Heard:
    return Heard(torch.full((numbers, 1), value), 7)


def refuse() -> Heard:
    raise AssertionError("encoded again")


def stored(root: Path, encoders: str = "e", memory: int = 0, disk: int = ROOM) -> StoredFeatures:
    return StoredFeatures(root, encoders, memory_bytes=memory, disk_bytes=disk)


@pytest.mark.parametrize(
    "thing",
    [
        heard(0.5),
        Seen(torch.ones(2, 3).bfloat16(), Grid(1, 2, 4), (torch.zeros(2, 3), torch.ones(2, 3))),
    ],
)
def test_another_process_reads_what_was_encoded(thing: Heard | Seen, tmp_path: Path) -> None:
    with torch.inference_mode():
        stored(tmp_path).get(("audio", "a"), lambda: thing)
    read = stored(tmp_path).get(("audio", "a"), refuse)
    assert torch.equal(read.features, thing.features)
    assert read.features.dtype == thing.features.dtype
    assert {**vars(read), "features": 0, "deeper": 0} == {**vars(thing), "features": 0, "deeper": 0}
    assert not read.features.is_inference()


def test_other_encoders_share_nothing(tmp_path: Path) -> None:
    stored(tmp_path, "one").get(("audio", "a"), lambda: heard(1))
    other = stored(tmp_path, "other").get(("audio", "a"), lambda: heard(2))
    assert float(other.features[0]) == 2


def test_a_file_that_was_cut_off_is_encoded_again(tmp_path: Path) -> None:
    features = stored(tmp_path)
    features.get(("audio", "a"), lambda: heard(1))
    file = features.file(("audio", "a"))
    file.write_bytes(file.read_bytes()[:100])
    assert float(features.get(("audio", "a"), lambda: heard(2)).features[0]) == 2
    assert float(features.get(("audio", "a"), refuse).features[0]) == 2


def test_what_is_used_least_makes_room_on_disk(tmp_path: Path) -> None:
    features = stored(tmp_path, disk=24 * KILOBYTE)
    for number in range(12):
        features.get(("audio", str(number)), lambda: heard(0))
        newest = features.file(("audio", str(number)))
        os.utime(newest, (number, number))
    sizes = [file.stat().st_size for file in tmp_path.rglob("*.pt")]
    assert sum(sizes) <= 24 * KILOBYTE
    assert newest.is_file()
    assert not features.file(("audio", "0")).is_file()


@pytest.mark.parametrize("memory", [0, ROOM])
def test_without_room_on_disk_memory_is_all(memory: int, tmp_path: Path) -> None:
    features = stored(tmp_path, memory=memory, disk=0)
    encoded = []

    def make() -> Heard:
        encoded.append(1)
        return heard(1)

    for _ in range(3):
        features.get(("audio", "a"), make)
    assert len(encoded) == (1 if memory else 3)
    assert not list(tmp_path.rglob("*.pt"))


def test_a_full_disk_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(thing: object, path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(StoreError, match=r"No space left.*encoded_disk_mb"):
        stored(tmp_path).get(("audio", "a"), lambda: heard(1))
