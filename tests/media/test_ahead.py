"""Decoding ahead: the same groups in the same order, with their media on the way."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mma_eval.media import (
    AudioFile,
    Clip,
    Media,
    NoAudio,
    NoVideo,
    Sampling,
    VideoFile,
    decode_ahead,
)
from mma_eval.media.cache import StreamCache
from mma_eval.types import Group
from tests.conftest import make_clip

SAMPLING = Sampling()


def groups(count: int) -> list[Group]:
    return [Group(Media(NoVideo(), NoAudio()), str(i), ()) for i in range(count)]


def workers() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("decode-ahead")]


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch) -> StreamCache:
    fresh = StreamCache(1 << 28)
    monkeypatch.setattr("mma_eval.media.streams.default_cache", lambda: fresh)
    return fresh


@pytest.mark.parametrize("count", [0, 1, 3, 20])
def test_order_and_number_are_kept(count: int) -> None:
    given = groups(count)
    assert list(decode_ahead(given, SAMPLING)) == given
    assert workers() == []


def test_it_pulls_no_further_than_its_depth() -> None:
    pulled: list[int] = []

    def source() -> Iterator[Group]:
        for number, group in enumerate(groups(20)):
            pulled.append(number)
            yield group

    ahead = decode_ahead(source(), SAMPLING, depth=3)
    assert pulled == []
    for taken in range(1, 21):
        next(ahead)
        assert len(pulled) == min(20, taken + 3)
    assert list(ahead) == []


def test_closing_early_ends_the_threads() -> None:
    ahead = decode_ahead(groups(20), SAMPLING)
    next(ahead)
    assert workers()
    ahead.close()  # type: ignore[attr-defined]
    assert workers() == []


def test_coming_media_are_in_the_cache_before_they_are_asked_for(
    tmp_path: Path, cache: StreamCache
) -> None:
    clips = [Clip(make_clip(tmp_path / f"{i}.mp4", shade=50 * i)) for i in range(3)]
    media = [Media(VideoFile(clip), AudioFile(clip)) for clip in clips]
    ahead = decode_ahead([Group(m, "", ()) for m in media], SAMPLING)
    next(ahead)
    keys = [m.video_hash(SAMPLING.frames) for m in media]
    keys += [m.audio_hash(SAMPLING.audio) for m in media]
    deadline = time.monotonic() + 20
    while not all(key in cache for key in keys) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert all(key in cache for key in keys)
    assert len(list(ahead)) == 2


def test_a_clip_that_cannot_be_decoded_still_comes_through(
    tmp_path: Path, cache: StreamCache
) -> None:
    bad = Clip(tmp_path / "missing.mp4")
    good = Clip(make_clip(tmp_path / "good.mp4"))
    given = [Group(Media(VideoFile(clip), AudioFile(clip)), "", ()) for clip in (bad, good, bad)]
    assert list(decode_ahead(given, SAMPLING)) == given
    assert good.path.exists() and cache.held_bytes > 0


def test_an_error_of_the_source_is_raised_and_ends_the_threads() -> None:
    def source() -> Iterator[Group]:
        yield from groups(2)
        raise RuntimeError("the plan broke")

    with pytest.raises(RuntimeError, match="the plan broke"):
        list(decode_ahead(source(), SAMPLING))
    assert workers() == []
