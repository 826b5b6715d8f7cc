"""Resampling by a windowed sinc, against its formula term by term."""

from __future__ import annotations

from math import ceil, cos, gcd, pi

import numpy as np
import pytest
from numpy.typing import NDArray

from mma_eval.models.nn.sinc import sinc_resampled

RATES = [(44_100, 16_000), (48_000, 16_000), (8_000, 16_000), (22_050, 16_000)]


def by_definition(samples: NDArray[np.float32], rate: int, wanted: int) -> list[float]:
    """Every output sample as the sum over all inputs of a Hann-windowed sinc, six zeros wide.

    The place of an output within its period is rounded to single precision.
    """
    up, down = wanted // gcd(rate, wanted), rate // gcd(rate, wanted)
    cutoff = 0.99 * min(up, down)
    made = []
    for place in range(ceil(len(samples) * wanted / rate)):
        total = 0.0
        period, phase = divmod(place, up)
        for index, value in enumerate(samples):
            crossings = (index / down - period - float(np.float32(phase / up))) * cutoff
            if abs(crossings) < 6:
                window = cos(pi * crossings / 12) ** 2
                total += float(value) * float(np.sinc(crossings)) * window * cutoff / down
        made.append(total)
    return made


@pytest.mark.parametrize(("rate", "wanted"), RATES)
@pytest.mark.parametrize("length", [1, 37, 400])
def test_samples_are_those_of_the_formula(rate: int, wanted: int, length: int) -> None:
    samples = np.random.default_rng(0).normal(size=length).astype(np.float32)
    expected = by_definition(samples, rate, wanted)
    made = sinc_resampled(samples, rate, wanted)
    assert made.dtype == np.float32
    assert made == pytest.approx(np.array(expected), abs=1e-6)


def test_a_tone_stays_the_same_tone() -> None:
    def tone(rate: int) -> NDArray[np.float32]:
        return np.sin(2 * np.pi * 440 * np.arange(rate) / rate).astype(np.float32)

    made = sinc_resampled(tone(44_100), 44_100, 16_000)
    middle = slice(100, -100)
    assert np.abs(made[middle] - tone(16_000)[middle]).max() < 5e-3


def test_the_same_rate_changes_nothing() -> None:
    samples = np.arange(5, dtype=np.float32)
    assert sinc_resampled(samples, 16_000, 16_000) is samples
