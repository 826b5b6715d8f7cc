"""A small random checkpoint, the backend on it, and the plain path beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from mma_eval.models.card import ModelCard
from mma_eval.models.qwen.backend import QwenOmni, QwenOmniArguments
from tests.models.checkpoint import build_checkpoint

SMALL: dict[str, Any] = {"max_frames": 6, "min_pixels": 3136, "max_pixels": 28 * 28 * 12}
"""Sampling that keeps real clips cheap."""

MakeBackend = Callable[..., QwenOmni]


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads that wait for each other cost small models far more than they give."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_checkpoint(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="session")
def make_backend(checkpoint: Path) -> MakeBackend:
    def make(**arguments: Any) -> QwenOmni:
        chosen: dict[str, Any] = SMALL | {"device": "cpu"} | arguments
        return QwenOmni(card(checkpoint), QwenOmniArguments(**chosen))

    return make


@pytest.fixture(scope="session")
def backend(make_backend: MakeBackend) -> QwenOmni:
    return make_backend()


def card(folder: Path, **fields: Any) -> ModelCard:
    stated: dict[str, Any] = {
        "name": "random",
        "backend": "qwen_omni",
        "family": "qwen2.5-omni",
        "summary": "random weights",
        "license": "none",
        "weights": str(folder),
    }
    return ModelCard(**(stated | fields))
