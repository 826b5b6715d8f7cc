"""The cache: bounded, and one decoding for all who ask at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier, Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mma_eval.errors import MediaError, UsageError
from mma_eval.media.cache import StreamCache, default_cache


@dataclass(frozen=True)
class Blob:
    nbytes: int


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(1, 60)), max_size=60))
def test_it_never_holds_more_than_its_bound(requests: list[tuple[int, int]]) -> None:
    cache = StreamCache(100)
    sizes: dict[int, int] = {}
    for number, size in requests:
        size = sizes.setdefault(number, size)
        assert cache.get(str(number), lambda size=size: Blob(size)).nbytes == size  # type: ignore[misc]
        assert cache.held_bytes <= 100
        assert cache.held_bytes == sum(s for n, s in sizes.items() if str(n) in cache)


def test_the_least_recently_used_goes_first() -> None:
    cache = StreamCache(3)
    for key in ("a", "b", "c", "a", "d"):
        cache.get(key, lambda: Blob(1))
    assert [key for key in "abcd" if key in cache] == ["a", "c", "d"]


def test_what_is_larger_than_the_bound_drives_nothing_out() -> None:
    cache = StreamCache(10)
    cache.get("small", lambda: Blob(5))
    assert cache.get("large", lambda: Blob(11)).nbytes == 11
    assert "small" in cache and "large" not in cache


def test_threads_that_ask_at_once_share_one_decoding() -> None:
    cache = StreamCache(100)
    begun, release = Event(), Event()
    decodings: list[int] = []

    def decode() -> Blob:
        decodings.append(1)
        begun.set()
        release.wait(5)
        return Blob(1)

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(cache.get, "key", decode)
        begun.wait(5)
        others = [pool.submit(cache.get, "key", decode) for _ in range(3)]
        release.set()
        assert all(other.result() is first.result() for other in others)
    assert len(decodings) == 1


def test_an_error_reaches_all_who_wait_and_is_not_kept() -> None:
    cache = StreamCache(100)
    together = Barrier(3, timeout=5)

    def ask() -> str:
        together.wait()
        try:
            cache.get("key", fail)
        except MediaError as error:
            return str(error)
        return ""

    def fail() -> Blob:
        raise MediaError("clip.mp4: is damaged")

    with ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(ask) for _ in range(3)]
        assert [answer.result() for answer in answers] == ["clip.mp4: is damaged"] * 3
    assert cache.get("key", lambda: Blob(1)).nbytes == 1


def test_the_bound_is_set_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    default_cache.cache_clear()
    try:
        monkeypatch.setenv("MMA_EVAL_MEDIA_CACHE_MB", "2")
        assert default_cache().limit_bytes == 2 << 20
        default_cache.cache_clear()
        monkeypatch.setenv("MMA_EVAL_MEDIA_CACHE_MB", "plenty")
        with pytest.raises(UsageError, match="must be a number of megabytes, got 'plenty'"):
            default_cache()
    finally:
        default_cache.cache_clear()
