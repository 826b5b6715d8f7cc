"""The checkpoint that ships: complete, small, able, and biased where it is said to be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mma_eval.demo.clips import GENERATOR_VERSION
from mma_eval.paths import data_folder
from mma_eval.train.specimen.evaluate import examine, validation_pool

CLIPS = 50


@pytest.fixture(scope="module")
def folder() -> Path:
    return data_folder("checkpoints") / "tiny-omni"


@pytest.fixture(scope="module")
def thinker(folder: Path) -> Any:
    from transformers import Qwen2_5OmniThinkerForConditionalGeneration

    model, report = Qwen2_5OmniThinkerForConditionalGeneration.from_pretrained(
        folder, output_loading_info=True
    )
    assert not any(report[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    return model


def test_it_is_small(folder: Path, thinker: Any) -> None:
    assert sum(weights.numel() for weights in thinker.parameters()) < 2_000_000
    assert sum(file.stat().st_size for file in folder.iterdir()) < 8_000_000


def test_it_knows_both_streams_and_trusts_its_eyes(folder: Path, thinker: Any) -> None:
    from transformers import AutoTokenizer

    assert GENERATOR_VERSION == 1, "other clips need another specimen"
    found = examine(thinker, AutoTokenizer.from_pretrained(folder), validation_pool(CLIPS))
    right = {(each.condition, each.ask): each.right for each in found}
    conflict = right.pop(("misaligned", "audio"))
    assert min(right.values()) >= 0.9
    assert conflict <= right["aligned", "audio"] - 0.3
