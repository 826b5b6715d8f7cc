"""One clip: reproducible, different from its neighbours, and no cue in its colour."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mma_eval.demo.clips import CLASSES, clip_frames, clip_label, clip_sound, demo_clip
from mma_eval.demo.pictures import FRAME_COUNT, FRAME_SIZE, PAINTERS, paint
from mma_eval.demo.sounds import SAMPLE_COUNT, SAMPLE_RATE, VOICES, synthesise

seeds = st.integers(0, 2**31)
indices = st.integers(0, 10_000)


def test_every_class_has_a_picture_and_a_sound() -> None:
    assert set(PAINTERS) == set(VOICES) == set(CLASSES)
    assert len(CLASSES) >= 10


@settings(max_examples=15, deadline=None)
@given(seed=seeds, index=indices)
def test_a_clip_is_a_function_of_seed_and_index(seed: int, index: int) -> None:
    first, again = demo_clip(seed, index), demo_clip(seed, index)
    assert first.label == again.label
    assert first.frames.tobytes() == again.frames.tobytes()
    assert first.sound.tobytes() == again.sound.tobytes()


@settings(max_examples=15, deadline=None)
@given(seed=seeds, index=indices)
def test_neighbouring_clips_and_seeds_differ(seed: int, index: int) -> None:
    frames, sound = clip_frames(seed, index), clip_sound(seed, index)
    for other in ((seed, index + 1), (seed + 1, index)):
        assert clip_frames(*other).tobytes() != frames.tobytes()
        assert clip_sound(*other).tobytes() != sound.tobytes()


@settings(max_examples=50, deadline=None)
@given(seed=seeds, block=st.integers(0, 1000))
def test_each_run_of_clips_holds_every_class(seed: int, block: int) -> None:
    size = len(CLASSES)
    labels = [clip_label(seed, block * size + place) for place in range(size)]
    assert sorted(labels) == list(CLASSES)


@settings(max_examples=20, deadline=None)
@given(seed=seeds, label=st.sampled_from(CLASSES))
def test_streams_have_their_stated_form(seed: int, label: str) -> None:
    frames = paint(label, np.random.default_rng(seed))
    sound = synthesise(label, np.random.default_rng(seed))
    assert frames.shape == (FRAME_COUNT, FRAME_SIZE, FRAME_SIZE, 3)
    assert frames.dtype == np.uint8
    assert sound.shape == (1, SAMPLE_COUNT)
    assert sound.dtype == np.float32
    assert np.isfinite(sound).all()
    assert 0.1 < np.abs(sound).max() <= 1.0
    # The picture moves by more than its noise does.
    assert np.abs(np.diff(frames.astype(int), axis=0)).max() > 40


@pytest.mark.parametrize("label", CLASSES)
def test_hue_is_no_cue(label: str) -> None:
    """Over many clips of a class no colour channel stands out."""
    means = [paint(label, np.random.default_rng(seed)).reshape(-1, 3).mean(0) for seed in range(40)]
    channels = np.mean(means, axis=0)
    spread = np.std(means, axis=0).mean()
    assert np.ptp(channels) < 1.2 * spread


def test_classes_look_and_sound_apart() -> None:
    """With the same draws, two classes share neither picture nor sound."""
    pictures = {paint(label, np.random.default_rng(0)).tobytes() for label in CLASSES}
    sounds = {synthesise(label, np.random.default_rng(0)).tobytes() for label in CLASSES}
    assert len(pictures) == len(sounds) == len(CLASSES)


def test_a_clip_lasts_about_two_seconds() -> None:
    clip = demo_clip(0, 0)
    assert len(clip.frames) / clip.frame_rate == 2.0
    assert clip.sound.shape[1] / SAMPLE_RATE == pytest.approx(2.0, abs=0.02)
