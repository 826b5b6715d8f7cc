"""The hub answers, or it is said at once that it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import constants

from mma_eval.hub import reach
from tests.models.hub_server import serve_hub


@pytest.fixture(autouse=True)
def _online(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


def test_a_hub_that_answers_is_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_hub(tmp_path, "someone/something") as (address, _):
        monkeypatch.setattr(constants, "ENDPOINT", address)
        reach()


def test_a_hub_out_of_reach_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(OSError, match=r"no answer from http://127\.0\.0\.1:9"):
        reach()


def test_offline_nothing_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_hub(tmp_path, "someone/something") as (address, _):
        monkeypatch.setattr(constants, "ENDPOINT", address)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        with pytest.raises(OSError, match="HF_HUB_OFFLINE is set"):
            reach()
