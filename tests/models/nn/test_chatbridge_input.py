"""What ChatBridge hears of sounds that do not just fill its one slice."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mma_eval.media.audio import Sound
from mma_eval.models.nn.beats import BANK_MEAN, BANK_STD
from mma_eval.models.nn.chatbridge_input import MELS, RATE, WINDOWS, pictures, spectrogram

STEP, WINDOW = RATE // 100, RATE // 40


def noise(samples: int, channels: int = 1) -> Sound:
    made = np.random.default_rng(0).uniform(-0.5, 0.5, (channels, samples)).astype(np.float32)
    return Sound(made, RATE)


def lasting(windows: int) -> int:
    """Samples that fill so many windows."""
    return WINDOW + (windows - 1) * STEP


def heard(sound: Sound) -> torch.Tensor:
    made = spectrogram(sound)
    assert made is not None and made.shape == (WINDOWS, MELS)
    return made


def test_zeros_follow_a_shorter_sound() -> None:
    made = heard(noise(lasting(300)))
    assert not made[300:].any() and made[:300].all(dim=1).all()


@pytest.mark.parametrize(
    ("windows", "first"), [(WINDOWS, 0), (2 * WINDOWS, WINDOWS), (3 * WINDOWS, WINDOWS)]
)
def test_the_middle_slice_of_a_longer_sound_is_heard(windows: int, first: int) -> None:
    whole = noise(lasting(windows))
    part = Sound(whole.samples[:, first * STEP : first * STEP + lasting(WINDOWS)], RATE)
    torch.testing.assert_close(heard(whole), heard(part))


def test_silence_has_the_least_energy() -> None:
    made = heard(Sound(np.zeros((1, lasting(10)), np.float32), RATE))
    least = (np.log(np.finfo(np.float32).eps) - BANK_MEAN) / (2 * BANK_STD)
    torch.testing.assert_close(made[:10], torch.full((10, MELS), float(least)))


def test_only_the_first_channel_is_heard() -> None:
    both = noise(lasting(20), channels=2)
    torch.testing.assert_close(heard(both), heard(Sound(both.samples[:1], RATE)))


def test_less_than_a_window_is_nothing() -> None:
    assert spectrogram(noise(WINDOW - 1)) is None


def test_frames_are_normalised_as_clips_are() -> None:
    made = pictures(np.full((2, 4, 6, 3), 255, np.uint8))
    assert made.shape == (2, 3, 4, 6)
    expected = torch.tensor([(1 - 0.48145466) / 0.26862954, (1 - 0.4578275) / 0.26130258])
    torch.testing.assert_close(made[1, :2, 3, 5], expected)
