"""Swapped, silenced and stripped streams: what changes, and that nothing else does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mma_eval.errors import UsageError
from mma_eval.media.policy import AudioPolicy, FramePolicy
from mma_eval.media.source import (
    AudioFile,
    BlackVideo,
    Clip,
    Media,
    NoAudio,
    NoVideo,
    Silence,
    VideoFile,
)
from mma_eval.perturb.audio import RemoveAudio, StripAudio, SwapAudio
from mma_eval.perturb.base import Donor, Perturbation, PerturbContext
from mma_eval.perturb.video import StripVideo, ZeroFrames
from mma_eval.types import Sample
from tests.conftest import make_clip
from tests.perturb.examples import clip_of, context, sample

REMOVALS = [RemoveAudio(), StripAudio(), ZeroFrames(), StripVideo()]


def test_a_swap_takes_the_donors_sound_at_the_clips_own_length() -> None:
    swapped = SwapAudio().apply(sample(), context())
    assert swapped.media.audio == AudioFile(clip_of("clip0-donor"), fit_to=clip_of("clip0"))
    assert (swapped.labels.visual, swapped.labels.audio) == ("Cat", "Dog")
    assert (swapped.video_source, swapped.audio_source) == ("clip0", "clip0-donor")
    assert swapped.perturbations == ("swap_audio",)
    assert swapped.id == sample().id


def test_both_questions_of_a_clip_get_the_same_donor() -> None:
    seen, heard = (SwapAudio().apply(sample(ask=ask), context()) for ask in ("visual", "audio"))
    assert seen.media == heard.media


def test_a_swap_can_leave_the_length_alone() -> None:
    swapped = SwapAudio(fit="none").apply(sample(), context())
    assert swapped.media.audio == AudioFile(clip_of("clip0-donor"))


def test_a_sample_that_arrives_swapped_is_left_as_it_is() -> None:
    conflicting = sample(audio="Rain")
    assert SwapAudio().apply(conflicting, context()) == conflicting


def test_a_clip_with_its_sound_in_a_file_of_its_own_is_fitted_to_that_file() -> None:
    own = replace(sample().media, audio=AudioFile(clip_of("sound")))
    swapped = SwapAudio().apply(replace(sample(), media=own), context())
    assert swapped.media.audio == AudioFile(clip_of("clip0-donor"), fit_to=clip_of("sound"))


def test_a_clip_without_sound_is_fitted_to_its_picture() -> None:
    mute = replace(sample(), media=replace(sample().media, audio=NoAudio()))
    swapped = SwapAudio().apply(mute, context())
    assert swapped.media.audio == AudioFile(clip_of("clip0-donor"), fit_to=clip_of("clip0"))


def test_no_donor_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="has no donor for the clip 'clip9'"):
        SwapAudio().apply(sample("clip9"), context())


@pytest.mark.parametrize(
    ("perturbation", "video", "audio", "removed"),
    [
        (ZeroFrames(), BlackVideo(clip_of("clip0")), AudioFile(clip_of("clip0")), "visual"),
        (StripVideo(), NoVideo(), AudioFile(clip_of("clip0")), "visual"),
        (RemoveAudio(), VideoFile(clip_of("clip0")), Silence(clip_of("clip0")), "audio"),
        (StripAudio(), VideoFile(clip_of("clip0")), NoAudio(), "audio"),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_removal_takes_one_stream_and_keeps_the_labels(
    perturbation: Perturbation, video: object, audio: object, removed: str
) -> None:
    after = perturbation.apply(sample(), context())
    assert (after.media.video, after.media.audio) == (video, audio)
    assert after.removed == {removed}
    assert after.labels == sample().labels
    assert after.perturbations == (perturbation.name,)
    assert (after.options, after.caption, after.filler) == (sample().options, None, None)


def test_a_swapped_sound_that_is_removed_leaves_its_length() -> None:
    swapped = SwapAudio().apply(sample(), context())
    silent = RemoveAudio().apply(swapped, context())
    assert silent.media.audio == Silence(clip_of("clip0-donor"), fit_to=clip_of("clip0"))
    assert silent.labels == swapped.labels and silent.audio_source == "clip0-donor"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (RemoveAudio(), SwapAudio()),
        (StripAudio(), SwapAudio()),
        (RemoveAudio(), StripAudio()),
        (ZeroFrames(), StripVideo()),
        (StripVideo(), ZeroFrames()),
    ],
    ids=lambda value: value.name,
)
def test_a_removed_stream_cannot_be_changed_again(
    first: Perturbation, second: Perturbation
) -> None:
    with pytest.raises(UsageError, match=second.name):
        second.apply(first.apply(sample(), context()), context())


@pytest.mark.parametrize("perturbation", REMOVALS, ids=lambda value: value.name)
def test_changes_to_different_streams_commute(perturbation: Perturbation) -> None:
    other = ZeroFrames() if perturbation.touches == "audio" else RemoveAudio()
    one = perturbation.apply(other.apply(sample(), context()), context())
    two = other.apply(perturbation.apply(sample(), context()), context())
    assert replace(one, perturbations=()) == replace(two, perturbations=())


@pytest.mark.parametrize("perturbation", [SwapAudio(), *REMOVALS], ids=lambda value: value.name)
def test_the_stream_that_is_not_touched_is_identical_to_the_bit(
    tmp_path: Path, perturbation: Perturbation
) -> None:
    receiver = Clip(make_clip(tmp_path / "receiver.mp4", shade=60))
    donor = Clip(make_clip(tmp_path / "donor.mp4", pitch=800, seconds=1.5))
    before = replace(sample(), media=Media(VideoFile(receiver), AudioFile(receiver)))
    facts = PerturbContext(donors={"clip0": Donor("donor", donor, "Dog")})

    after = perturbation.apply(before, facts)

    kept = 0 if perturbation.touches == "audio" else 1
    assert _hashes(after)[kept] == _hashes(before)[kept]
    assert _hashes(after)[1 - kept] != _hashes(before)[1 - kept]
    assert np.array_equal(_arrays(after)[kept], _arrays(before)[kept])


def _hashes(of: Sample) -> tuple[str, str]:
    return of.media.video_hash(FramePolicy()), of.media.audio_hash(AudioPolicy())


def _arrays(of: Sample) -> tuple[np.ndarray, np.ndarray]:
    frames, sound = of.media.frames(FramePolicy()), of.media.sound(AudioPolicy())
    return (
        np.empty(0) if frames is None else frames.pixels,
        np.empty(0) if sound is None else sound.samples,
    )
