"""What a file holds, and one clear sentence for what is no media file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mma_eval.errors import MediaError
from mma_eval.media import (
    AudioFile,
    AudioPolicy,
    Clip,
    EveryFrame,
    FramePolicy,
    Media,
    VideoFile,
    probe,
)
from tests.conftest import make_clip


def test_the_facts_of_a_real_clip(clips_folder: Path) -> None:
    facts = probe(clips_folder / "YRz7RBslEAG0_repDiff_Frog_0.mp4")
    assert (facts.video_codec, facts.width, facts.height) == ("h264", 400, 226)
    assert (facts.audio_codec, facts.rate, facts.channels) == ("aac", 44_100, 2)
    assert facts.fps == pytest.approx(29.917, abs=1e-3) and facts.frame_count == 206
    assert facts.audio_seconds == pytest.approx(6.896, abs=1e-3)
    assert facts.video_seconds == pytest.approx(6.886, abs=1e-3)


def test_the_facts_of_a_sound_file(tmp_path: Path) -> None:
    import soundfile

    soundfile.write(tmp_path / "tone.wav", np.zeros((4_000, 2)), 8_000)
    facts = probe(tmp_path / "tone.wav")
    assert not facts.has_video and facts.fps is None
    assert (facts.rate, facts.channels, facts.audio_seconds) == (8_000, 2, 0.5)


def _missing(path: Path) -> None:
    pass


def _empty(path: Path) -> None:
    path.touch()


def _text(path: Path) -> None:
    path.write_text("a video, they said\n" * 100, encoding="utf-8")


def _folder(path: Path) -> None:
    path.mkdir()


def _index_lost(path: Path) -> None:
    make_clip(path)
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"moov") - 4])


def _cut_in_the_middle(path: Path) -> None:
    make_clip(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def _cut_near_the_end(path: Path) -> None:
    make_clip(path)
    path.write_bytes(path.read_bytes()[:-50])


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (_missing, "no such file"),
        (_empty, r"is empty \(0 bytes\)"),
        (_text, "is not a video or sound file"),
        (_folder, "is not a file"),
        (_index_lost, "is damaged or cut short"),
        (_cut_in_the_middle, "is cut short; download or copy it again"),
        (_cut_near_the_end, "is cut short; download or copy it again"),
    ],
)
def test_a_bad_file_is_one_sentence(
    tmp_path: Path, spoil: Callable[[Path], None], problem: str
) -> None:
    path = tmp_path / "bad.mp4"
    spoil(path)
    media = Media(VideoFile(Clip(path)), AudioFile(Clip(path)))
    for ask in (
        lambda: probe(path),
        lambda: media.frames(FramePolicy()),
        lambda: media.sound(AudioPolicy()),
    ):
        with pytest.raises(MediaError, match=rf"bad\.mp4: .*{problem}") as caught:
            ask()
        message = str(caught.value)
        assert "\n" not in message and "av.error" not in message and "Errno" not in message


def test_a_file_damaged_inside_says_so(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "bad.mp4")
    content = bytearray(path.read_bytes())
    start, end = content.index(b"mdat") + 1_000, content.index(b"moov") - 4
    content[start:end] = bytes(end - start)
    path.write_bytes(content)
    media = Media(VideoFile(Clip(path)), AudioFile(Clip(path)))
    with pytest.raises(MediaError, match="damaged"):
        media.frames(FramePolicy(EveryFrame()))


def test_facts_follow_the_content_and_not_the_name(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4")
    assert probe(path).has_audio
    make_clip(path, sound=False)
    assert not probe(path).has_audio
