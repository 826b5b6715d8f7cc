"""Packed questions give what each question gives alone, through transformers' own forward."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from mma_eval.demo.clips import CLASSES
from mma_eval.train.specimen.batches import Packer, Scenes, Streams, answer_states
from mma_eval.train.specimen.pool import Pool
from mma_eval.train.specimen.prompts import AFTER_QUESTION, Exchange, class_question
from mma_eval.train.specimen.train import Specimen

QUESTIONS = [
    Exchange(class_question("visual", CLASSES), "Bell"),
    Exchange(class_question("audio", CLASSES, caption="Drum"), "Bird"),
    Exchange(class_question("audio", CLASSES, reason=True), "I listen. Final Answer: Bird"),
]


def scenes(pool: Pool, streams: Streams, exchanges: list[list[Exchange]]) -> Scenes:
    size = len(exchanges)
    frames = None if streams == "audio" else pool.frames[:size]
    mels = None if streams == "video" else pool.mels[:size].astype(np.float32)
    return Scenes(streams, frames, mels, exchanges)


@pytest.mark.parametrize("streams", ["both", "video", "audio"])
def test_packing_changes_nothing(
    specimen: Specimen, packer: Packer, small_pool: Pool, streams: Streams
) -> None:
    model = specimen.thinker.eval()
    with torch.no_grad():
        packed, due = answer_states(model, packer, scenes(small_pool, streams, [QUESTIONS] * 2))
        alone = [
            answer_states(model, packer, scenes(small_pool, streams, [[each]] * 2))
            for each in QUESTIONS
        ]
    size = len(packed) // 2
    for clip in (0, 1):
        parts = [logits[clip * len(logits) // 2 :][: len(logits) // 2] for logits, _ in alone]
        expected = torch.cat(parts)
        torch.testing.assert_close(packed[clip * size :][:size], expected, atol=1e-4, rtol=0)
    assert due.tolist() == due[:size].tolist() * 2


def test_it_equals_the_plain_forward(
    specimen: Specimen, packer: Packer, small_pool: Pool, tokenizer: Any
) -> None:
    model: Any = specimen.thinker.eval()
    batch = scenes(small_pool, "both", [QUESTIONS[:1]])
    question = tokenizer.encode(QUESTIONS[0].question + AFTER_QUESTION)
    ids = torch.tensor([packer.head_ids(batch) + question])
    from mma_eval.models.nn.qwen_vision_input import VisionInput

    patches, grid = VisionInput(min_pixels=7056, max_pixels=7056).patches(small_pool.frames[0])
    mel = torch.from_numpy(small_pool.mels[:1].astype(np.float32))
    with torch.no_grad():
        plain = model(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            pixel_values_videos=patches,
            video_grid_thw=grid.tensor(),
            input_features=mel,
            feature_attention_mask=torch.ones(1, mel.shape[-1], dtype=torch.long),
            use_audio_in_video=True,
            video_second_per_grid=torch.tensor([1.0]),
        ).logits[0, -1]
        packed, _ = answer_states(model, packer, batch)
    torch.testing.assert_close(packed[0], plain, atol=1e-4, rtol=0)


def test_a_stretched_filler_counts_as_many(
    specimen: Specimen, packer: Packer, small_pool: Pool
) -> None:
    """One token that stands for none but itself changes nothing; one for many does."""
    model = specimen.thinker.eval()
    question = class_question("visual", CLASSES)

    def logits(filler: str, stretch: int) -> torch.Tensor:
        exchange = Exchange(question, "Bell", filler, stretch)
        with torch.no_grad():
            return answer_states(model, packer, scenes(small_pool, "both", [[exchange]]))[0]

    plain = Exchange(question + " words", "Bell")
    with torch.no_grad():
        expected = answer_states(model, packer, scenes(small_pool, "both", [[plain]]))[0]
    torch.testing.assert_close(logits(" words", 1), expected)
    assert not torch.allclose(logits(" words", 100), expected)
