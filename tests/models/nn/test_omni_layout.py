"""Placeholders stand where transformers' processor puts them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from mma_eval.models.nn.omni_layout import MediaTokens, TimedMediaTokens, chunks
from mma_eval.models.nn.qwen_vision_input import Grid

V, A, VB, VE, AB, AE = 1, 2, 3, 4, 5, 6
TOKENS = MediaTokens(V, A, VB, VE, AB, AE, positions_per_second=25, seconds_per_chunk=2)
TIMED = TimedMediaTokens(V, A, VB, VE, AB, AE, positions_per_second=13)


def test_single_streams_and_none() -> None:
    assert TOKENS.lay_out(Grid(2, 2, 4), None, 1.0) == [VB, V, V, V, V, VE]
    assert TOKENS.lay_out(None, 3, 1.0) == [AB, A, A, A, AE]
    assert TOKENS.lay_out(None, None, 1.0) == []


def test_both_streams_alternate_every_two_seconds() -> None:
    ids = TOKENS.lay_out(Grid(3, 2, 2), 60, 1.0)
    assert ids == [VB, AB, V, V, *[A] * 50, V, *[A] * 10, AE, VE]


def test_the_longer_stream_goes_on_alone() -> None:
    sound_longer = TOKENS.lay_out(Grid(1, 2, 2), 120, 1.0)
    assert sound_longer == [VB, AB, V, *[A] * 120, AE, VE]
    video_longer = TOKENS.lay_out(Grid(6, 2, 2), 10, 1.0)
    assert video_longer == [VB, AB, V, V, *[A] * 10, V, V, V, V, AE, VE]


@pytest.mark.parametrize("pace", [0.5, 2 / 3, 1.0, 2.0, 4.0])
def test_chunks_are_those_of_transformers(pace: float) -> None:
    from transformers import Qwen2_5OmniProcessor

    times = [group * pace * 25 for group in range(9) for _ in range(6)]
    assert chunks(times, 50) == Qwen2_5OmniProcessor.get_chunked_index(None, times, 50)


def test_in_the_order_of_their_times() -> None:
    """A group every 2 s is one every 26 positions; a sound token is one position."""
    ids = TIMED.lay_out(Grid(2, 2, 4), 30, 2.0)
    assert ids == [VB, AB, V, V, *[A] * 26, V, V, *[A] * 4, AE, VE]
    assert TIMED.lay_out(Grid(2, 2, 2), 3, 2.0) == [VB, AB, V, A, A, A, V, AE, VE]
    assert TIMED.lay_out(Grid(2, 2, 4), None, 2.0) == [VB, V, V, V, V, VE]


@pytest.mark.parametrize("pace", [0.4, 0.5, 2 / 3, 1.0, 2.0, 4.0])
@pytest.mark.parametrize("audio", [1, 13, 60, 130])
def test_the_order_is_that_of_transformers(pace: float, audio: int) -> None:
    from transformers import Qwen3OmniMoeProcessor

    parts = SimpleNamespace(
        video_processor=SimpleNamespace(merge_size=2),
        video_token=str(V),
        audio_token=str(A),
        audio_bos_token=str(AB),
        audio_eos_token=str(AE),
    )
    expected = Qwen3OmniMoeProcessor.replace_video_with_audio_token(
        parts,
        {"video_grid_thw": torch.tensor([[7, 4, 6]]), "video_second_per_grid": [pace]},
        0,
        {"num_audio_tokens": [audio]},
        0,
        position_id_per_seconds=13.0,
    )
    made = TIMED.lay_out(Grid(7, 4, 6), audio, pace)
    assert made == [VB, *map(int, expected), VE]
