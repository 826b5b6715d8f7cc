"""What ImageBind is shown and played, on clips whose content is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mma_eval.errors import ModalityMissingError
from mma_eval.media.audio import Sound
from mma_eval.media.source import AudioFile, Clip, Media, VideoFile
from mma_eval.models.nn.clip_pixels import CLIP_MEAN, CLIP_STD
from mma_eval.models.nn.imagebind_input import ENERGY_MEAN, ENERGY_STD, RATE, ImageBindInput
from tests.conftest import make_clip

INPUTS = ImageBindInput()


def grey(views: torch.Tensor) -> torch.Tensor:
    """Shades 0..255 of normalised views, by channel."""
    mean, std = (torch.tensor(of).view(3, 1, 1, 1) for of in (CLIP_MEAN, CLIP_STD))
    return (views * std + mean) * 255


@pytest.mark.parametrize("upright", [False, True])
def test_three_crops_along_the_long_side(upright: bool) -> None:
    # Three equal squares of different shades, side by side or one above the other.
    row = np.repeat(np.array([10, 100, 200], np.uint8), 224)
    pixels = np.broadcast_to(row[None, None, :, None], (10, 224, 672, 3))
    views = INPUTS.views(pixels.transpose(0, 2, 1, 3) if upright else pixels)
    assert views.shape == (15, 3, 2, 224, 224)
    for view, shade in zip(views, (10, 100, 200) * 5, strict=True):
        assert torch.allclose(grey(view), torch.tensor(float(shade)), atol=1e-3)


def test_two_frames_a_view_in_their_order() -> None:
    shades = np.arange(10, dtype=np.uint8)[:, None, None, None]
    views = INPUTS.views(np.broadcast_to(shades, (10, 224, 224, 3)))
    pairs = grey(views)[::3, 0, :, 0, 0].round().int().tolist()
    assert pairs == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]


def test_a_real_short_clip(tmp_path: Path) -> None:
    clip = Clip(make_clip(tmp_path / "short.mp4", shade=90))
    media = Media(VideoFile(clip), AudioFile(clip))
    frames = media.frames(INPUTS.taken.policies.frames)
    sound = media.sound(INPUTS.taken.policies.audio)
    assert frames is not None and sound is not None
    views, heard = INPUTS.views(frames.pixels), INPUTS.spectrograms(sound)
    assert (views.shape, heard.shape) == ((15, 3, 2, 224, 224), (3, 1, 128, 204))
    assert torch.allclose(grey(views), torch.tensor(90.0), atol=4)
    assert torch.equal(heard[0], heard[2])


def test_a_tone_lights_its_own_mel_band() -> None:
    time = np.arange(4 * RATE, dtype=np.float32) / RATE
    tone = np.stack([0.5 * np.sin(2 * np.pi * 1000 * time)] * 2).astype(np.float32)
    heard = INPUTS.spectrograms(Sound(tone, RATE))
    # HTK's mel scale: 128 bands of equal width between those of 20 Hz and 8 kHz.
    lowest, highest, wanted = (1127 * np.log1p(hertz / 700) for hertz in (20, 8000, 1000))
    band = (wanted - lowest) / (highest - lowest) * 129 - 1
    loudest = heard[:, 0, :, 10:190].mean(dim=(0, 2)).argmax()
    assert abs(int(loudest) - band) <= 1


def test_windows_past_two_seconds_are_nothing() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (1, 5 * RATE)).astype(np.float32)
    heard = INPUTS.spectrograms(Sound(noise, RATE))
    # 2 s hold 198 whole windows of 25 ms, 10 ms apart; the other six of 204 are zero energy.
    nothing = torch.tensor((0 - ENERGY_MEAN) / ENERGY_STD)
    assert torch.allclose(heard[..., 198:], nothing)
    assert not torch.isclose(heard[..., :198], nothing).all()


def test_the_first_channel_is_heard_less_the_mean_of_both() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 2 * RATE).astype(np.float32)
    quiet = INPUTS.spectrograms(Sound(np.stack([noise, noise]), RATE))
    offset = INPUTS.spectrograms(Sound(np.stack([noise, noise + 0.25]), RATE))
    # A constant is taken off every window anyway, so the other channel changes next to nothing.
    assert torch.allclose(quiet, offset, atol=0.02)
    swapped = INPUTS.spectrograms(Sound(np.stack([noise[::-1], noise]), RATE))
    assert not torch.allclose(quiet, swapped, atol=0.02)


def test_too_little_sound_is_no_sound() -> None:
    with pytest.raises(ModalityMissingError, match="too little"):
        INPUTS.spectrograms(Sound(np.zeros((2, 300), np.float32), RATE))
