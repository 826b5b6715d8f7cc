"""Finding weights: folders, packaged checkpoints, the hub and its refusals."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mma_eval.errors import ModelError, PrerequisiteError
from mma_eval.models.local import weights
from tests.models.checkpoint import build_checkpoint

REPO = "someone/some-omni"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_a_pinned_commit_needs_no_hub() -> None:
    assert weights.checkpoint_identity(REPO, COMMIT) == f"{REPO}@{COMMIT}"


@pytest.mark.parametrize("named", ["./nowhere", "nowhere", "/a/b/c", "package:nothing"])
def test_what_is_not_there_is_said(named: str) -> None:
    with pytest.raises(PrerequisiteError, match="nowhere|/a/b/c|nothing|checkpoints"):
        weights.local_folder(named)


def test_content_decides_the_identity(checkpoint: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(checkpoint, tmp_path / "copy"))
    identity = weights.checkpoint_identity(str(checkpoint), None)
    assert weights.checkpoint_identity(str(copy), None) == identity
    content = bytearray((copy / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (copy / "model.safetensors").write_bytes(content)
    assert weights.checkpoint_identity(str(copy), None) != identity


def test_only_shards_with_a_thinker_are_read(tmp_path: Path) -> None:
    folder = build_checkpoint(tmp_path / "sharded", sharded=True)
    names = [file.name for file in weights.weight_files(folder)]
    assert names == [f"model-{number:05d}-of-00003.safetensors" for number in (1, 2)]
    (folder / names[0]).unlink()
    with pytest.raises(ModelError, match=names[0]):
        weights.weight_files(folder)


def test_pickles_are_read_where_there_is_nothing_better(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    assert [file.name for file in weights.weight_files(tmp_path)] == ["pytorch_model.bin"]
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert [file.name for file in weights.weight_files(tmp_path)] == ["model.safetensors"]


def test_an_index_of_pickles_names_its_shards(tmp_path: Path) -> None:
    shards = {"a": "pytorch_model-00001-of-00002.bin", "b": "pytorch_model-00002-of-00002.bin"}
    index = tmp_path / "pytorch_model.bin.index.json"
    index.write_text(json.dumps({"weight_map": shards}), encoding="utf-8")
    found = weights.weight_files(tmp_path, present=False)
    assert [file.name for file in found] == sorted(shards.values())
