"""The filter bank against its definition, one bin at a time."""

from __future__ import annotations

import math

import pytest
import torch

from mma_eval.models.nn.fbank import FilterBank

RATE = 16_000


def tone(hertz: float, seconds: float = 0.1) -> torch.Tensor:
    return 1000 * torch.sin(2 * math.pi * hertz * torch.arange(int(seconds * RATE)) / RATE)


def mel(hertz: float) -> float:
    return 1127 * math.log(1 + hertz / 700)


@pytest.mark.parametrize("window", ["povey", "hann"])
@pytest.mark.parametrize(("mels", "hertz"), [(128, 440.0), (128, 3000.0), (64, 1000.0)])
def test_a_tone_is_loudest_in_the_band_around_it(window: str, mels: int, hertz: float) -> None:
    made = FilterBank(mels=mels, window=window)(tone(hertz))  # type: ignore[arg-type]
    width = (mel(RATE / 2) - mel(20)) / (mels + 1)
    band = round((mel(hertz) - mel(20)) / width) - 1
    assert (made.argmax(dim=1) - band).abs().max() <= 1


def test_only_whole_windows_count() -> None:
    for samples, windows in ((399, 0), (400, 1), (559, 1), (560, 2), (RATE, 98)):
        assert FilterBank()(torch.zeros(samples)).shape == (windows, 128)


def test_silence_and_a_constant_are_the_floor() -> None:
    floor = torch.full((2, 128), math.log(2**-23))
    for level in (0.0, 5.0):
        assert torch.allclose(FilterBank()(torch.full((560,), level)), floor)


def test_one_window_by_the_definition() -> None:
    samples = tone(700.0, 0.025) + tone(2500.0, 0.025)
    centred = [float(x) for x in samples - samples.mean()]
    emphasised = [x - 0.97 * centred[max(0, i - 1)] for i, x in enumerate(centred)]
    hann = [0.5 - 0.5 * math.cos(2 * math.pi * i / 399) for i in range(400)]
    shaped = torch.tensor([x * w**0.85 for x, w in zip(emphasised, hann, strict=True)]).double()
    turns = torch.outer(torch.arange(257), torch.arange(400)).double() * 2 * math.pi / 512
    power = (turns.cos() @ shaped) ** 2 + (turns.sin() @ shaped) ** 2
    width = (mel(RATE / 2) - mel(20)) / 24
    for band in range(23):
        centre = mel(20) + (band + 1) * width
        weights = [max(0.0, 1 - abs(mel(k * RATE / 512) - centre) / width) for k in range(257)]
        expected = math.log(max(float(power @ torch.tensor(weights).double()), 2**-23))
        made = FilterBank(mels=23)(samples)[0, band]
        assert float(made) == pytest.approx(expected, abs=2e-3)
