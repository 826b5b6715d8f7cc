"""Sound: decoded as it is, then fitted and resampled on request."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mma_eval.errors import MediaError
from mma_eval.media import Clip, Sound, read_audio
from mma_eval.media.audio import fit, resample
from tests.conftest import make_clip


def noise(channels: int, samples: int) -> NDArray[np.float32]:
    draws = np.random.default_rng(0).uniform(-0.5, 0.5, (channels, samples))
    return draws.astype(np.float32)


def pyav_samples(path: Path) -> NDArray[np.float32]:
    import av

    with av.open(str(path)) as container:
        blocks = [frame.to_ndarray() for frame in container.decode(audio=0)]
    return np.concatenate(blocks, axis=1).astype(np.float32)


def test_a_real_clip_is_read_at_its_own_rate_and_channels(clips_folder: Path) -> None:
    path = clips_folder / "YRz7RBslEAG0_repDiff_Frog_0.mp4"
    sound = read_audio(Clip(path))
    assert (sound.rate, sound.channels) == (44_100, 2)
    assert np.array_equal(sound.samples, pyav_samples(path))
    assert sound.edits == ()


@pytest.mark.parametrize("kind", ["wav", "flac"])
@pytest.mark.parametrize("channels", [1, 2])
def test_lossless_files_are_exact(tmp_path: Path, kind: str, channels: int) -> None:
    path = tmp_path / f"noise.{kind}"
    soundfile.write(path, noise(channels, 5_000).T, 22_050)
    expected, _ = soundfile.read(path, dtype="float32", always_2d=True)
    sound = read_audio(Clip(path))
    assert sound.rate == 22_050
    assert np.array_equal(sound.samples, expected.T)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "FLOAT"])
def test_every_sample_format_has_the_same_scale(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "noise.wav"
    soundfile.write(path, noise(2, 4_000).T, 16_000, subtype=subtype)
    expected, _ = soundfile.read(path, dtype="float32", always_2d=True)
    assert np.allclose(read_audio(Clip(path)).samples, expected.T, atol=1e-7)


@pytest.mark.parametrize("kind", ["ogg", "mp3"])
def test_lossy_files_are_read(tmp_path: Path, kind: str) -> None:
    soundfile.write(tmp_path / f"noise.{kind}", noise(2, 32_000).T, 32_000)
    sound = read_audio(Clip(tmp_path / f"noise.{kind}"))
    assert (sound.rate, sound.channels) == (32_000, 2)
    assert sound.seconds == pytest.approx(1.0, abs=0.05)


def test_a_stretch_is_a_slice_of_the_whole(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4")
    whole = read_audio(Clip(path)).samples
    part = read_audio(Clip(path, start=0.25, end=0.75)).samples
    assert np.array_equal(part, whole[:, 4_000:12_000])
    rest = read_audio(Clip(path, start=0.25)).samples
    assert np.array_equal(rest, whole[:, 4_000:])


def test_a_stretch_behind_the_end_says_so(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4")
    with pytest.raises(MediaError, match="has no samples between 30 s and its end"):
        read_audio(Clip(path, start=30.0))


def test_no_sound_track_is_one_sentence_with_advice(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "mute.mp4", sound=False)
    with pytest.raises(MediaError, match=r"mute\.mp4: has no sound track; .*strip_audio"):
        read_audio(Clip(path))


@given(had=st.integers(1, 4_000), milliseconds=st.integers(0, 600), channels=st.integers(1, 2))
def test_fit_is_exact_and_keeps_what_it_can(had: int, milliseconds: int, channels: int) -> None:
    sound = Sound(noise(channels, had), 8_000)
    seconds = milliseconds / 1000
    wanted = round(seconds * 8_000)

    fitted = fit(sound, seconds)

    kept = min(had, wanted)
    assert fitted.samples.shape == (channels, wanted)
    assert np.array_equal(fitted.samples[:, :kept], sound.samples[:, :kept])
    assert not fitted.samples[:, kept:].any()
    verb = "truncated" if wanted < had else "padded"
    assert fitted.edits == (() if wanted == had else (_words(verb, had / 8_000, wanted / 8_000),))


def _words(verb: str, before: float, after: float) -> str:
    return f"sound {verb} from {before:.3f} s to {after:.3f} s"


@pytest.mark.parametrize(
    ("before", "after"), [(44_100, 16_000), (48_000, 16_000), (8_000, 16_000), (22_050, 24_000)]
)
@pytest.mark.parametrize("samples", [1, 7, 12_345, 44_100])
def test_resampling_is_librosa_in_every_channel(before: int, after: int, samples: int) -> None:
    import librosa

    sound = Sound(noise(2, samples), before)
    expected = librosa.resample(sound.samples, orig_sr=before, target_sr=after, res_type="soxr_hq")
    assert np.array_equal(resample(sound, after, 2).samples, expected)
    mean = librosa.resample(
        sound.samples.mean(axis=0), orig_sr=before, target_sr=after, res_type="soxr_hq"
    )
    assert np.array_equal(resample(sound, after, 1).samples[0], mean)


def test_sound_that_is_no_number_is_refused(tmp_path: Path) -> None:
    samples = noise(1, 1_000)
    samples[0, 500] = np.nan
    soundfile.write(tmp_path / "clip.wav", samples[0], 16_000, subtype="FLOAT")
    with pytest.raises(MediaError, match=r"clip\.wav: its sound holds values that are no numbers"):
        read_audio(Clip(tmp_path / "clip.wav"))


@settings(max_examples=20, deadline=None)
@given(channels=st.integers(1, 3), wanted=st.sampled_from([None, 1, 2]))
def test_channels_are_averaged_or_repeated(channels: int, wanted: int | None) -> None:
    sound = Sound(noise(channels, 100), 8_000)
    mixed = resample(sound, None, wanted)
    assert mixed.channels == (wanted or channels) and mixed.rate == 8_000
    if mixed.channels == channels:
        assert np.array_equal(mixed.samples, sound.samples)
    else:
        mean = sound.samples.mean(axis=0)
        assert all(np.array_equal(channel, mean) for channel in mixed.samples)


def test_a_rate_that_fits_changes_nothing() -> None:
    sound = Sound(noise(1, 100), 16_000)
    assert resample(sound, 16_000, 1) is sound
