"""A specimen small enough to train in a test, and clips that skip the codec."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mma_eval.demo.clips import CLASSES, DemoClip
from mma_eval.train.specimen.batches import Packer
from mma_eval.train.specimen.config import SpecimenShape
from mma_eval.train.specimen.pool import Pool, build_pool
from mma_eval.train.specimen.tokenizer import build_tokenizer, token_ids
from mma_eval.train.specimen.train import Specimen, new_specimen

SMALL = SpecimenShape(
    text_width=32,
    text_layers=2,
    text_heads=2,
    text_key_heads=1,
    text_inner=32,
    vision_width=16,
    vision_layers=1,
    audio_width=16,
    audio_layers=1,
    encoder_heads=2,
)


def without_codec(clip: DemoClip) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The frames that the decoder would take, straight from the painter."""
    return clip.frames[[0, 5, 10, 15]], clip.sound[0]


@pytest.fixture(scope="session")
def small_pool() -> Pool:
    return build_pool(seed=0, count=2 * len(CLASSES), round_trip=without_codec)


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    return build_tokenizer(CLASSES)


@pytest.fixture()
def specimen(tokenizer: Any) -> Specimen:
    return new_specimen(SMALL, tokenizer, token_ids(tokenizer), seed=0)


@pytest.fixture()
def packer(tokenizer: Any, specimen: Specimen) -> Packer:
    return Packer(tokenizer, specimen.thinker.config)
