"""A file is its bytes: names, dates and caches do not matter."""

from __future__ import annotations

import os
import time
from hashlib import sha256
from pathlib import Path

import pytest

from mma_eval.media import identity
from mma_eval.media.bounded import Recent
from mma_eval.media.identity import content_hash


@pytest.fixture(autouse=True)
def _forgetful(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every test begins with empty memory and disk caches."""
    monkeypatch.setattr(identity, "_known", Recent(10))
    monkeypatch.setenv("MMA_EVAL_CACHE", str(tmp_path / "cache"))


def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if every file had last changed long ago."""
    later = time.time_ns() + 3_600 * 10**9
    monkeypatch.setattr("mma_eval.media.identity.time.time_ns", lambda: later)


def hashing_is_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(file: object) -> str:
        raise AssertionError("the bytes were read again")

    monkeypatch.setattr(identity, "_hash_bytes", fail)


def test_the_hash_is_that_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"some bytes")
    assert content_hash(path) == sha256(b"some bytes").hexdigest()


@pytest.mark.parametrize("long_ago", [False, True])
def test_swapped_names_swap_hashes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, long_ago: bool
) -> None:
    a, b, parked = tmp_path / "a.bin", tmp_path / "b.bin", tmp_path / "c.bin"
    a.write_bytes(b"one")
    b.write_bytes(b"two")
    os.utime(a, (1, 1))
    os.utime(b, (1, 1))
    if long_ago:
        settled(monkeypatch)
    before = content_hash(a), content_hash(b)

    a.rename(parked)
    b.rename(a)
    parked.rename(b)

    assert (content_hash(b), content_hash(a)) == before


def test_a_file_rewritten_at_once_with_the_same_size_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    hashes = set()
    for number in range(50):
        path.write_bytes(b"%04d" % number)
        os.utime(path, (1, 1))
        hashes.add(content_hash(path))
    assert len(hashes) == 50


def test_a_settled_file_is_hashed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"some bytes")
    settled(monkeypatch)
    first = content_hash(path)

    hashing_is_forbidden(monkeypatch)
    assert content_hash(path) == first
    identity._known.clear()
    assert content_hash(path) == first, "another process finds it on disk"


def test_a_cache_that_cannot_be_written_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file-not-folder"
    blocked.touch()
    monkeypatch.setenv("MMA_EVAL_CACHE", str(blocked))
    settled(monkeypatch)
    path = tmp_path / "a.bin"
    path.write_bytes(b"some bytes")
    assert content_hash(path) == sha256(b"some bytes").hexdigest()


def test_a_broken_cache_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "media_hashes.sqlite").write_bytes(b"no database " * 100)
    settled(monkeypatch)
    path = tmp_path / "a.bin"
    path.write_bytes(b"some bytes")
    assert content_hash(path) == sha256(b"some bytes").hexdigest()
