"""Media: what each source decodes to, and what its hash depends on."""

from __future__ import annotations

import shutil
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from mma_eval.errors import MediaError
from mma_eval.media import (
    AudioFile,
    AudioPolicy,
    BlackVideo,
    Clip,
    EveryFrame,
    FramePolicy,
    Frames,
    FramesPerSecond,
    Media,
    NoAudio,
    NoVideo,
    SegmentMiddles,
    SegmentStarts,
    Silence,
    Sound,
    Stretches,
    StretchFrames,
    VideoFile,
    read_audio,
)
from mma_eval.media.source import AudioSource, VideoSource
from tests.conftest import make_clip

FRAMES = FramePolicy()
SOUND = AudioPolicy()
NATIVE = AudioPolicy(rate=None, channels=None)
POLICIES = (
    FRAMES,
    FramePolicy(size=(64, 64)),
    FramePolicy(FramesPerSecond(1.0)),
    FramePolicy(EveryFrame()),
    FramePolicy(SegmentStarts(4)),
    FramePolicy(SegmentMiddles(4)),
    FramePolicy(StretchFrames(Stretches(5, 2.0))),
    FramePolicy(StretchFrames(Stretches(5, 2.0, "gaps"))),
)


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return Clip(make_clip(tmp_path_factory.mktemp("long") / "long.mp4", seconds=1.5, shade=90))


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return Clip(make_clip(tmp_path_factory.mktemp("short") / "short.mp4", pitch=700))


@pytest.fixture(scope="module")
def mute(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return Clip(make_clip(tmp_path_factory.mktemp("mute") / "mute.mp4", seconds=2, sound=False))


def seen(source: VideoSource, policy: FramePolicy = FRAMES) -> Frames:
    frames = Media(source, NoAudio()).frames(policy)
    assert frames is not None
    return frames


def heard(source: AudioSource, policy: AudioPolicy = NATIVE) -> Sound:
    sound = Media(NoVideo(), source).sound(policy)
    assert sound is not None
    return sound


def test_absent_streams_are_none_and_have_no_hash() -> None:
    media = Media(NoVideo(), NoAudio())
    assert media.frames(FRAMES) is None and media.sound(SOUND) is None
    assert media.video_hash(FRAMES) == "" and media.audio_hash(SOUND) == ""


@pytest.mark.parametrize(("had", "fitted"), [("long", "short"), ("short", "long")])
def test_a_swapped_sound_has_the_length_of_the_clip_it_joins(
    request: pytest.FixtureRequest, had: str, fitted: str
) -> None:
    donor, receiver = request.getfixturevalue(had), request.getfixturevalue(fitted)
    own, swapped = heard(AudioFile(receiver)), heard(AudioFile(donor, fit_to=receiver))
    original = heard(AudioFile(donor)).samples
    assert swapped.samples.shape == own.samples.shape
    kept = min(original.shape[1], own.samples.shape[1])
    assert np.array_equal(swapped.samples[:, :kept], original[:, :kept])
    assert not swapped.samples[:, kept:].any()


def test_fitting_is_reported_in_words(long: Clip, short: Clip) -> None:
    cut = Media(VideoFile(short), AudioFile(long, fit_to=short))
    padded = Media(VideoFile(long), AudioFile(short, fit_to=long))
    assert cut.edits() == ("sound truncated from 1.500 s to 1.000 s",)
    assert padded.edits() == ("sound padded from 1.000 s to 1.500 s",)
    assert heard(cut.audio).edits == cut.edits()
    assert Media(VideoFile(long), AudioFile(long, fit_to=long)).edits() == ()


def test_a_real_swap_reports_its_lengths(clips_folder: Path) -> None:
    donor = Clip(clips_folder / "Y9ivV2chJLa4_repDiff_Cat_0.mp4")
    receiver = Clip(clips_folder / "YRz7RBslEAG0_repDiff_Frog_0.mp4")
    media = Media(VideoFile(receiver), AudioFile(donor, fit_to=receiver))
    assert media.edits() == ("sound truncated from 10.015 s to 6.896 s",)
    sound = media.sound(NATIVE)
    assert sound is not None
    assert sound.samples.shape == read_audio(receiver).samples.shape


def test_a_sound_joins_a_clip_without_one_at_the_length_of_its_picture(
    short: Clip, mute: Clip
) -> None:
    assert heard(AudioFile(short, fit_to=mute)).seconds == 2.0


def test_silence_is_as_long_as_the_sound_was(long: Clip, short: Clip, mute: Clip) -> None:
    own, swapped = AudioFile(long), AudioFile(short, fit_to=long)
    for source, quiet in (
        (own, Silence(long)),
        (swapped, Silence(short, fit_to=long)),
    ):
        assert not heard(quiet).samples.any()
        assert heard(quiet).samples.shape == heard(source).samples.shape
        assert heard(quiet, SOUND).samples.shape == heard(source, SOUND).samples.shape
    assert heard(Silence(mute)).samples.shape == (1, 32_000)


def test_black_video_is_the_clip_without_light(long: Clip) -> None:
    black, real = seen(BlackVideo(long)), seen(VideoFile(long))
    assert not black.pixels.any() and real.pixels.any()
    assert (black.pixels.shape, black.seconds) == (real.pixels.shape, real.seconds)


def test_a_stretch_applies_to_both_streams(long: Clip) -> None:
    part = replace(long, start=0.5, end=1.25)
    assert heard(AudioFile(part)).seconds == 0.75
    assert seen(VideoFile(part), FramePolicy(EveryFrame())).total == 6


def test_a_sound_is_cut_at_the_limit_of_the_policy(long: Clip) -> None:
    sound = heard(AudioFile(long), AudioPolicy(max_seconds=0.5))
    assert sound.samples.shape == (1, 8_000)
    assert sound.edits[0].startswith("sound truncated from")


def test_equal_content_has_equal_hashes_under_any_path(tmp_path: Path, long: Clip) -> None:
    copy = Clip(Path(shutil.copy(long.path, tmp_path / "other name.mp4")))
    one, other = (Media(VideoFile(clip), AudioFile(clip)) for clip in (long, copy))
    assert one.video_hash(FRAMES) == other.video_hash(FRAMES)
    assert one.audio_hash(SOUND) == other.audio_hash(SOUND)


def test_every_difference_shows_in_the_hash(long: Clip, short: Clip) -> None:
    part = replace(long, start=0.5)
    videos: list[VideoSource] = [
        VideoFile(long),
        VideoFile(short),
        VideoFile(part),
        BlackVideo(long),
    ]
    sounds: list[AudioSource] = [
        AudioFile(long),
        AudioFile(short),
        AudioFile(part),
        AudioFile(long, fit_to=short),
        AudioFile(long, fit_to=part),
        Silence(long),
        Silence(long, fit_to=short),
    ]
    video_hashes = {
        Media(video, NoAudio()).video_hash(policy) for video in videos for policy in POLICIES
    }
    audio_hashes = {
        Media(NoVideo(), sound).audio_hash(policy)
        for sound in sounds
        for policy in (SOUND, NATIVE, AudioPolicy(max_seconds=1.0))
    }
    assert len(video_hashes) == 4 * len(POLICIES) and len(audio_hashes) == 21


def test_a_stretch_from_zero_is_the_whole(long: Clip) -> None:
    whole, stretch = (Media(NoVideo(), AudioFile(c)) for c in (long, replace(long, start=0.0)))
    assert whole.audio_hash(SOUND) == stretch.audio_hash(SOUND)


def test_the_decoder_shows_in_the_hash(long: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("decord")
    before = Media(VideoFile(long), NoAudio()).video_hash(FRAMES)
    monkeypatch.setattr("mma_eval.media.readers._has_decord", lambda: False)
    assert Media(VideoFile(long), NoAudio()).video_hash(FRAMES) != before


def test_hashes_and_edits_decode_nothing(
    long: Clip, short: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("something was decoded")

    for name in ("read_frames", "black_frames", "read_audio"):
        monkeypatch.setattr(f"mma_eval.media.streams.{name}", fail)
    media = Media(BlackVideo(short), AudioFile(long, fit_to=short))
    assert media.video_hash(FRAMES) and media.audio_hash(SOUND) and media.edits()


def test_what_one_stream_loses_the_other_keeps(long: Clip, short: Clip) -> None:
    """Hashes and decoded arrays of the stream that is not touched are the same to the bit."""
    plain = Media(VideoFile(short), AudioFile(short))
    swapped = replace(plain, audio=AudioFile(long, fit_to=short))
    blind = replace(plain, video=BlackVideo(short))
    assert swapped.video_hash(FRAMES) == plain.video_hash(FRAMES)
    assert np.array_equal(seen(swapped.video).pixels, seen(plain.video).pixels)
    assert blind.audio_hash(SOUND) == plain.audio_hash(SOUND)
    assert np.array_equal(heard(blind.audio).samples, heard(plain.audio).samples)


def test_two_files_that_trade_names_trade_streams(tmp_path: Path) -> None:
    a, b, parked = (tmp_path / name for name in ("a.mp4", "b.mp4", "c.mp4"))
    make_clip(a, shade=10, pitch=300)
    make_clip(b, shade=200, pitch=900)
    media = Media(VideoFile(Clip(a)), AudioFile(Clip(a)))
    before = media.video_hash(FRAMES), media.audio_hash(SOUND)
    dark = seen(media.video).pixels

    a.rename(parked)
    b.rename(a)
    parked.rename(b)

    assert media.video_hash(FRAMES) != before[0] and media.audio_hash(SOUND) != before[1]
    assert seen(media.video).pixels.mean() > dark.mean() + 100


@pytest.mark.parametrize("picture", ["real", "black", "absent"])
@pytest.mark.parametrize("track", ["real", "swapped", "silent", "absent"])
def test_every_condition_is_muxed_alike(long: Clip, short: Clip, picture: str, track: str) -> None:
    import av

    videos: dict[str, VideoSource] = {
        "real": VideoFile(short),
        "black": BlackVideo(short),
        "absent": NoVideo(),
    }
    sounds: dict[str, AudioSource] = {
        "real": AudioFile(short),
        "swapped": AudioFile(long, fit_to=short),
        "silent": Silence(short),
        "absent": NoAudio(),
    }
    media = Media(videos[picture], sounds[track])
    if (picture, track) == ("absent", "absent"):
        with pytest.raises(MediaError, match="without picture and without sound"):
            media.mp4()
        return
    with av.open(BytesIO(media.mp4()), "r") as container:
        frames = len(list(container.decode(video=0))) if media.has_video else 0
        assert len(container.streams.video) == media.has_video
        assert len(container.streams.audio) == media.has_audio
    assert frames == (8 if media.has_video else 0)
    assert media.mp4() == media.mp4()
