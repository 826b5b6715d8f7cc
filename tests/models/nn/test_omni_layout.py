"""Placeholders stand where transformers' processor puts them."""

from __future__ import annotations

import pytest

from mma_eval.models.nn.omni_layout import MediaTokens, chunks
from mma_eval.models.nn.qwen_vision_input import Grid

V, A, VB, VE, AB, AE = 1, 2, 3, 4, 5, 6
TOKENS = MediaTokens(V, A, VB, VE, AB, AE, positions_per_second=25, seconds_per_chunk=2)


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
