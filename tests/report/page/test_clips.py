"""Clips on a page: encoded once, embedded up to the limit, playable as what they were."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mma_eval.errors import MediaError
from mma_eval.media.container import probe
from mma_eval.media.mux import write_clip
from mma_eval.media.policy import AudioPolicy, EveryFrame, FramePolicy
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
from mma_eval.media.video import read_frames
from mma_eval.report.page.clips import MEGABYTE, ClipShelf, ClipView
from tests.conftest import RATE, make_clip

EVERY_FRAME = FramePolicy(EveryFrame())
FULL_RATE = AudioPolicy(rate=None, channels=None)


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    return Clip(make_clip(tmp_path / "clip.mp4", shade=120))


def saved(view: ClipView, folder: Path) -> Path:
    assert view.content is not None
    path = folder / view.file_name
    path.write_bytes(b64decode(view.content))
    return path


def test_the_same_media_are_held_once(clip: Clip, tmp_path: Path) -> None:
    shelf = ClipShelf(20, "page_files")
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(clip.path.read_bytes())
    views = [shelf.put(Media(VideoFile(one), AudioFile(one))) for one in (clip, clip, Clip(copy))]
    assert len({view.id for view in views}) == 1
    assert len(shelf.embedded) == 1


def test_black_frames_and_silence_are_what_plays(clip: Clip, tmp_path: Path) -> None:
    view = ClipShelf(20, "page_files").put(Media(BlackVideo(clip), Silence(clip)))
    path = saved(view, tmp_path)
    assert read_frames(Clip(path), EVERY_FRAME).pixels.max() == 0
    sound = Media(NoVideo(), AudioFile(Clip(path))).sound(FULL_RATE)
    assert sound is not None
    assert np.abs(sound.samples).max() < 1e-3


def test_an_absent_stream_is_absent(clip: Clip, tmp_path: Path) -> None:
    shelf = ClipShelf(20, "page_files")
    deaf = shelf.put(Media(VideoFile(clip), NoAudio()))
    blind = shelf.put(Media(NoVideo(), AudioFile(clip)))
    assert (deaf.kind, blind.kind) == ("video", "audio")
    assert blind.poster is None
    assert not probe(saved(deaf, tmp_path)).has_audio
    assert not probe(saved(blind, tmp_path)).has_video


def test_what_is_past_the_limit_lies_beside(tmp_path: Path) -> None:
    clips = [Clip(make_clip(tmp_path / f"{n}.mp4", shade=60 * n, pitch=300 + n)) for n in range(4)]
    whole = ClipShelf(20, "page_files")
    sizes = [whole.put(Media(VideoFile(c), AudioFile(c))).size for c in clips]
    # Base64 takes four bytes for three: room for two clips, not for three.
    shelf = ClipShelf(sum(sizes[:2]) * 1.4 / MEGABYTE, "page_files")
    views = [shelf.put(Media(VideoFile(c), AudioFile(c))) for c in clips]
    assert [view.content is not None for view in views] == [True, True, False, False]
    assert [view.href for view in views[2:]] == [
        f"./page_files/{view.file_name}" for view in views[2:]
    ]
    assert set(shelf.beside) == {view.file_name for view in views[2:]}
    assert [len(shelf.beside[view.file_name]) for view in views[2:]] == sizes[2:]


def test_a_poster_is_a_small_picture_of_the_clip(clip: Clip, tmp_path: Path) -> None:
    view = ClipShelf(20, "page_files").put(Media(VideoFile(clip), AudioFile(clip)))
    assert view.poster is not None
    kind, _, content = view.poster.partition(",")
    assert kind == "data:image/jpeg;base64"
    picture = tmp_path / "poster.jpg"
    picture.write_bytes(b64decode(content))
    assert picture.stat().st_size < 8_000
    assert decoded(picture).mean() == pytest.approx(120, abs=6)


@pytest.mark.parametrize(("height", "width"), [(500, 800), (800, 500)])
def test_a_large_picture_is_shown_smaller_with_all_its_frames(
    tmp_path: Path, height: int, width: int
) -> None:
    shades = np.linspace(20, 220, 36, dtype=np.uint8)
    frames = np.broadcast_to(shades[:, None, None, None], (36, height, width, 3))
    tone = 0.3 * np.sin(np.arange(int(4.5 * RATE)) / 20)[None].astype(np.float32)
    write_clip(tmp_path / "large.mp4", np.ascontiguousarray(frames), 8, tone, RATE)
    large = Clip(tmp_path / "large.mp4")
    view = ClipShelf(20, "page_files").put(Media(VideoFile(large), AudioFile(large)))
    assert view.reduced
    path = saved(view, tmp_path)
    shown = read_frames(Clip(path), EVERY_FRAME)
    assert min(shown.height, shown.width) == 480
    assert shown.height / shown.width == pytest.approx(height / width, rel=0.01)
    assert shown.seconds == pytest.approx(read_frames(large, EVERY_FRAME).seconds, abs=0.01)
    assert shown.pixels.mean(axis=(1, 2, 3)) == pytest.approx(shades.astype(float), abs=6)
    assert probe(path).has_audio


def test_a_damaged_clip_is_an_error(clip: Clip, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.mp4"
    content = clip.path.read_bytes()
    damaged.write_bytes(content[: len(content) // 2])
    with pytest.raises(MediaError, match="damaged"):
        ClipShelf(20, "x").put(Media(VideoFile(Clip(damaged)), NoAudio()))


def decoded(picture: Path) -> NDArray[np.uint8]:
    import av

    with av.open(picture) as container:
        (frame,) = container.decode(video=0)
        return frame.to_ndarray(format="rgb24").astype(np.uint8)
