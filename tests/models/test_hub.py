"""Weights from a hub: the real client against a server on this machine, the user asked first."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.models.hub_server import COMMIT, serve_hub

REPO = "someone/some-omni"
SMALL = "min_pixels=784,max_pixels=3136,max_frames=2,device=cpu"


class Hub:
    """A served repository and an environment in which it is the hub, with an empty cache."""

    def __init__(self, address: str, sent: list[str], cache: Path) -> None:
        self.sent = sent
        self.cache = cache
        self.environment = {
            **{key: value for key, value in os.environ.items() if key != "HF_HUB_OFFLINE"},
            "HF_ENDPOINT": address,
            "HF_HOME": str(cache),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "NO_PROXY": "127.0.0.1",
        }

    def command(self, manifest: Path, out: Path, *more: str) -> list[str]:
        arguments = ",".join((f"pretrained={REPO}", SMALL, *more))
        return [
            sys.executable, "-m", "mma_eval.cli.main", "--model", "qwen2.5-omni",
            "--model-args", arguments, "--tasks", "aligned_visual", "--limit", "1",
            "--dataset", str(manifest), "-o", str(out), "--gen-kwargs", "max_new_tokens=2",
        ]  # fmt: skip

    def run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def hub(checkpoint: Path, tmp_path: Path) -> Iterator[Hub]:
    with serve_hub(checkpoint, REPO) as (address, sent):
        yield Hub(address, sent, tmp_path / "hf")


def test_nothing_large_is_downloaded_unasked(hub: Hub, manifest: Path, tmp_path: Path) -> None:
    refused = hub.run(hub.command(manifest, tmp_path))
    assert refused.returncode == 2
    assert f"'{REPO}' has to be downloaded" in refused.stderr
    assert "of memory" in refused.stderr
    assert "accept_download=true" in refused.stderr
    assert "model.safetensors" not in hub.sent


def test_an_accepted_download_is_the_pinned_one_and_is_kept(
    hub: Hub, manifest: Path, tmp_path: Path
) -> None:
    pinned = f"revision={COMMIT}"
    done = hub.run(hub.command(manifest, tmp_path, pinned, "accept_download=true"))
    assert done.returncode == 0, done.stderr
    assert hub.sent.count("model.safetensors") == 1
    assert list((hub.cache / "hub").glob(f"*/snapshots/{COMMIT}/model.safetensors"))
    again = hub.run(hub.command(manifest, tmp_path / "again", pinned))
    assert again.returncode == 0, again.stderr
    assert hub.sent.count("model.safetensors") == 1, "nothing to ask for: it is in the cache"


@pytest.mark.parametrize(("reply", "code"), [("n", 1), ("y", 0)])
def test_somebody_at_a_terminal_is_asked(
    hub: Hub, manifest: Path, tmp_path: Path, reply: str, code: int
) -> None:
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        hub.command(manifest, tmp_path),
        env=hub.environment,
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.write(controller, f"{reply}\n".encode())
    output, errors = process.communicate(timeout=120)
    os.close(controller)
    os.close(terminal)
    assert process.returncode == code, errors
    assert f"'{REPO}' has to be downloaded" in output + errors
    assert ("model.safetensors" in hub.sent) == (reply == "y")


def test_an_unknown_repository_is_one_sentence(hub: Hub, manifest: Path, tmp_path: Path) -> None:
    command = hub.command(manifest, tmp_path)
    wrong = [part.replace(REPO, "someone/else") for part in command]
    refused = hub.run(wrong)
    assert refused.returncode == 2
    assert "the hub has no 'someone/else'" in refused.stderr


def test_a_hub_out_of_reach_is_one_sentence(hub: Hub, manifest: Path, tmp_path: Path) -> None:
    hub.environment["HF_ENDPOINT"] = "http://127.0.0.1:9"
    refused = hub.run(hub.command(manifest, tmp_path))
    assert refused.returncode == 2
    assert "the model hub cannot be reached" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
