"""Fixtures that every part of the suite shares."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from mma_eval.media.mux import write_clip

REPOSITORY = Path(__file__).resolve().parent.parent
RATE = 16_000

# A busy machine must not fail a property, and a gate must not draw other examples each time.
settings.register_profile("suite", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("suite")


@pytest.fixture(autouse=True)
def _isolated(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's cache, and none reaches a hub."""
    base = tmp_path_factory.getbasetemp()
    # Processes that share the work also share the demo clips, which take a while to make.
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    cache = base / "cache"
    monkeypatch.setenv("MMA_EVAL_CACHE", os.environ.get("MMA_EVAL_TEST_CACHE", str(cache)))
    monkeypatch.delenv("MMA_EVAL_DATA", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(autouse=True)
def _as_it_was_scheduled() -> Iterator[None]:
    """No test leaves its process before all others on the machine, as an encoder may."""
    before = os.sched_getscheduler(0) if hasattr(os, "sched_getscheduler") else None
    yield
    if before is not None:
        assert os.sched_getscheduler(0) == before, "see tests/media/priority.py"


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """Reference material that is not part of the project."""
    folder = Path(os.environ.get("MMA_EVAL_SHARED", REPOSITORY.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"reference material is missing: {folder} (set MMA_EVAL_SHARED)")
    return folder


@pytest.fixture(scope="session")
def clips_folder(shared_folder: Path) -> Path:
    """Ten real clips with their manifest."""
    return shared_folder / "clips"


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six short aligned clips of three classes, with labels of a fourth."""
    folder = tmp_path_factory.mktemp("dataset")
    rows = []
    for index, label in enumerate(("Bird", "Cat", "Door") * 2):
        name = f"clip{index}"
        make_clip(folder / f"{name}.mp4", shade=40 * index, pitch=200.0 * (index + 1))
        rows.append(
            {
                "id": name,
                "video": f"{name}.mp4",
                "visual_label": label,
                "audio_label": label,
            }
        )
    path = folder / "manifest.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    path.with_name("labels.txt").write_text("Bird\nCat\nDoor\nFrog\n", encoding="utf-8")
    return path


def make_clip(
    path: Path, *, shade: int = 128, pitch: float = 440.0, seconds: float = 1.0, sound: bool = True
) -> Path:
    """A real mp4 of one grey shade and one tone: 8 frames a second, 56x56."""
    frames = np.full((round(8 * seconds), 56, 56, 3), shade, dtype=np.uint8)
    time = np.arange(round(seconds * RATE), dtype=np.float32) / RATE
    tone = (0.5 * np.sin(2 * np.pi * pitch * time))[None].astype(np.float32)
    write_clip(path, frames, 8, tone if sound else None, RATE)
    return path
