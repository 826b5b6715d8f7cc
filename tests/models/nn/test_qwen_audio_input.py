"""Sound padded to the clip gives the frames that sound padded to 300 s gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from mma_eval.models.nn.omni_family import audio_token_count, windowed_audio_token_count
from mma_eval.models.nn.qwen_audio_input import AudioInput, UnpaddedAudioInput
from tests.models.plain_path import audio_tokens


@pytest.fixture(scope="module")
def extractor() -> Any:
    from transformers import WhisperFeatureExtractor

    return WhisperFeatureExtractor(feature_size=128, chunk_length=300, return_attention_mask=True)


def sound(samples: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32)


@pytest.mark.parametrize("samples", [480, 1_600, 15_999, 16_000, 16_001, 161_234])
def test_mel_is_bit_equal_to_the_fully_padded_one(samples: int, extractor: Any) -> None:
    wave = sound(samples)
    full = extractor(wave, sampling_rate=16_000, return_attention_mask=True, return_tensors="pt")
    frames = int(full["attention_mask"].sum())
    mel = AudioInput(extractor).mel(wave)
    assert mel.shape == (1, 128, frames)
    assert torch.equal(mel, full["input_features"][:, :, :frames])


def test_silence_is_encoded_too(extractor: Any) -> None:
    assert AudioInput(extractor).mel(np.zeros(16_000, dtype=np.float32)).shape[-1] == 100


@pytest.mark.parametrize(("samples", "tokens"), [(0, 0), (300, 0), (480, 1), (16_000, 25)])
def test_tokens_of_a_sound(samples: int, tokens: int, extractor: Any) -> None:
    assert AudioInput(extractor).tokens(samples) == tokens


def test_token_count_is_that_of_transformers() -> None:
    frames = torch.arange(3, 1200)
    expected = audio_tokens(frames).tolist()
    assert [audio_token_count(int(count)) for count in frames] == expected


@pytest.mark.parametrize("samples", [201, 480, 15_999, 16_000, 16_001, 161_234])
def test_the_sound_alone_is_as_qwen3_omnis_processor_hears_it(samples: int, extractor: Any) -> None:
    from transformers import Qwen3OmniMoeProcessor
    from transformers.models.qwen3_omni_moe.processing_qwen3_omni_moe import (
        _get_feat_extract_output_lengths,
    )

    wave = sound(samples)
    called = extractor(wave, return_tensors="pt", **Qwen3OmniMoeProcessor.audio_kwargs)
    heard = UnpaddedAudioInput(extractor)
    assert torch.equal(heard.mel(wave), called["input_features"])
    frames = called["attention_mask"].sum(-1)
    assert heard.mel(wave).shape[-1] == int(frames)
    assert heard.tokens(samples) == int(_get_feat_extract_output_lengths(frames))


@pytest.mark.parametrize(("samples", "tokens"), [(0, 0), (200, 0), (201, 1), (16_000, 13)])
def test_tokens_of_a_sound_alone(samples: int, tokens: int, extractor: Any) -> None:
    assert UnpaddedAudioInput(extractor).tokens(samples) == tokens


def test_windowed_token_count_is_that_of_transformers() -> None:
    from transformers.models.qwen3_omni_moe.modeling_qwen3_omni_moe import (
        _get_feat_extract_output_lengths,
    )

    frames = torch.arange(1, 1200)
    expected = _get_feat_extract_output_lengths(frames).tolist()
    assert [windowed_audio_token_count(int(count)) for count in frames] == expected
