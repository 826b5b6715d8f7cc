"""Finding weights: folders, packaged checkpoints, the hub and its refusals."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mma_eval.errors import ModelError, PrerequisiteError
from mma_eval.models import weights
from tests.models.checkpoint import build_checkpoint

REPO = "someone/some-omni"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub of one repository, behind the client's own function; returns the local cache."""
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    cache = tmp_path / "hub"
    snapshot = cache / "snapshots" / COMMIT

    def download(repo: str, *, allow_patterns: list[str], **options: Any) -> Any:
        assert repo == REPO
        names = [f.name for f in checkpoint.iterdir() if any(map(f.match, allow_patterns))]
        if options.get("local_files_only") and not snapshot.is_dir():
            raise LocalEntryNotFoundError("nothing here")
        if options.get("local_files_only"):
            return str(snapshot)
        absent = [name for name in names if not (snapshot / name).is_file()]
        if options.get("dry_run"):
            return [
                SimpleNamespace(
                    filename=name,
                    file_size=(checkpoint / name).stat().st_size,
                    will_download=name in absent,
                )
                for name in names
            ]
        snapshot.mkdir(parents=True, exist_ok=True)
        for name in absent:
            shutil.copy(checkpoint / name, snapshot / name)
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    monkeypatch.setattr(weights, "_reach", lambda: None)
    return snapshot


def test_a_download_is_planned_and_refused_until_allowed(hub: Path, checkpoint: Path) -> None:
    plan = weights.download_plan(REPO)
    assert plan is not None
    size = (checkpoint / "model.safetensors").stat().st_size
    assert plan.memory_needed == size
    assert plan.download == size
    assert (plan.revision, plan.files) == (COMMIT, ("model.safetensors",))
    with pytest.raises(PrerequisiteError, match="accept_download=true") as refusal:
        weights.fetch(REPO, None, accept_download=False)
    assert plan.sentence() in str(refusal.value)
    assert not (hub / "model.safetensors").exists()
    assert weights.fetch(REPO, None, accept_download=True) == hub
    assert weights.download_plan(REPO) is None
    assert weights.fetch(REPO, None, accept_download=False) == hub


def test_identity_of_a_hub_checkpoint_is_its_commit(hub: Path) -> None:
    assert weights.checkpoint_identity(REPO, None) == f"{REPO}@{COMMIT}"
    assert not (hub / "model.safetensors").exists()


def test_a_pinned_commit_needs_no_hub() -> None:
    assert weights.checkpoint_identity(REPO, COMMIT) == f"{REPO}@{COMMIT}"


def test_a_hub_out_of_reach_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    def unreachable(*args: Any, **options: Any) -> Any:
        raise LocalEntryNotFoundError("no network")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(PrerequisiteError, match="hub cannot be reached") as told:
        weights.fetch(REPO, None, accept_download=True)
    assert "\n" not in str(told.value)


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
