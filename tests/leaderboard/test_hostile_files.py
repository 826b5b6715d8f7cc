"""Files that are no submissions at all: each is refused by what it is, and cheaply."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import resource
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.leaderboard.forging import Genuine, bomb, packed, reasons, zipped

MEMORY = 1_500_000_000
SECONDS = 40
"""Of processor time, for all the heavy files together."""


def first_line(genuine: Genuine) -> bytes:
    return json.dumps(genuine.objects[0]).encode() + b"\n"


def with_a_file_name(content: bytes) -> bytes:
    named = io.BytesIO()
    with gzip.GzipFile(filename="../../../etc/cron.d/x", mode="wb", fileobj=named) as file:
        file.write(gzip.decompress(content))
    return named.getvalue()


def as_tar(content: bytes) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        member = tarfile.TarInfo("../../evil.submission.gz")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


def tar_as_one_member(content: bytes) -> bytes:
    return zipped(gzip.decompress(as_tar(content)))


def middle_flipped(content: bytes) -> bytes:
    at = len(content) // 2
    return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


CONTENTS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "an empty file": (lambda content: b"", r"is empty"),
    "gzip of nothing": (lambda content: zipped(b""), r"holds nothing"),
    "text that is not packed": (gzip.decompress, r"is not a gzip file"),
    "a zip archive": (lambda content: b"PK\x03\x04" + content, r"is not a gzip file"),
    "a truncated stream": (lambda content: content[:-20], r"is cut off: its gzip stream"),
    "half a stream": (lambda content: content[: len(content) // 2], r"is cut off|is damaged"),
    "a header of gzip alone": (lambda content: content[:10], r"is cut off"),
    "a wrong checksum": (lambda content: content[:-8] + bytes(8), r"is damaged"),
    "a flipped byte": (middle_flipped, r"is damaged|is cut off|not UTF-8|not a JSON|is no "),
    "two members": (lambda content: content + content, r"more behind the end"),
    "a trailing member with a bomb": (lambda content: content + bomb(b"", 9), r"more behind"),
    "trailing bytes": (lambda content: content + b"#!/bin/sh\n", r"more behind the end"),
    "a file name in the gzip header": (with_a_file_name, r"names or other extras"),
    "a tar": (as_tar, r"names or other extras|not UTF-8"),
    "a tar without a name": (tar_as_one_member, r"line 1: is not a JSON object|not UTF-8"),
    "gzip in gzip": (zipped, r"line 1: is not UTF-8 text"),
    "a byte order mark": (
        lambda content: zipped(b"\xef\xbb\xbf" + gzip.decompress(content)),
        r"line 1: is not a JSON object",
    ),
    "utf-16": (
        lambda content: zipped(gzip.decompress(content).decode().encode("utf-16")),
        r"line 1: is not UTF-8 text",
    ),
    "latin-1": (
        lambda content: zipped(gzip.decompress(content).replace(b"A. Tester", b"J\xf6rg")),
        r"line 1: is not UTF-8 text",
    ),
    "no header": (
        lambda content: zipped(gzip.decompress(content).split(b"\n", 1)[1]),
        r"line 1: is no header",
    ),
    "a list for a header": (lambda content: packed([b"[]"]), r"line 1: is not a JSON object"),
    "a program for a header": (
        lambda content: packed([b"__import__('os').system('touch hacked')"]),
        r"line 1: is not a JSON object",
    ),
    "yaml for a header": (
        lambda content: packed([b"!!python/object/apply:os.system ['touch hacked']"]),
        r"line 1: is not a JSON object",
    ),
    "a key twice": (
        lambda content: zipped(
            gzip.decompress(content).replace(b'"status":', b'"id":"x","id":', 1)
        ),
        r"line 2: holds a key twice",
    ),
    "a header key twice": (
        lambda content: zipped(gzip.decompress(content).replace(b"{", b'{"format":1,', 1)),
        r"line 1: holds a key twice",
    ),
    "empty lines": (
        lambda content: zipped(gzip.decompress(content).replace(b"\n", b"\n\n", 1)),
        r"line 2: is not a JSON object",
    ),
    "windows line ends": (
        lambda content: zipped(gzip.decompress(content).replace(b"\n", b"\r\n")[:-1]),
        r"last line has no end",
    ),
    "no last line end": (
        lambda content: zipped(gzip.decompress(content)[:-1]),
        r"last line has no end",
    ),
    "a header without end": (
        lambda content: zipped(b'{"a": "' + b"a" * 2_000_000),
        r"line of more than 1,000,000 bytes",
    ),
    "brackets without end": (lambda content: packed([b"[" * 900_000]), r"nested deeper"),
    "strings full of quotes": (
        lambda content: packed([b'{"a": "' + b'\\"' * 400_000]),
        r"line 1: is not a JSON object",
    ),
    "a number of 100,000 digits": (
        lambda content: packed([b'{"format": ' + b"9" * 100_000 + b"}"]),
        r"line 1: is not a JSON object",
    ),
    "noise": (lambda content: os.urandom(100_000), r"is not a gzip file|extras|damaged"),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_a_hostile_file_is_refused_with_its_reason(
    genuine: Genuine, tmp_path: Path, name: str
) -> None:
    change, reason = CONTENTS[name]
    path = genuine.written(tmp_path, change(genuine.path.read_bytes()))
    verdict = genuine.check(path)
    assert not verdict.ok and verdict.rescored is None
    assert re.search(reason, reasons(verdict)), reasons(verdict)
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_to_a_genuine_file_is_refused(genuine: Genuine, tmp_path: Path) -> None:
    link = tmp_path / genuine.path.name
    link.symlink_to(genuine.path)
    assert "is a symbolic link" in reasons(genuine.check(link))


def test_a_link_to_nowhere_and_a_missing_file(genuine: Genuine, tmp_path: Path) -> None:
    link = tmp_path / genuine.path.name
    link.symlink_to("/nowhere")
    assert "is a symbolic link" in reasons(genuine.check(link))
    assert "cannot be read" in reasons(genuine.check(tmp_path / "missing.submission.gz"))


def test_a_folder_is_refused(genuine: Genuine, tmp_path: Path) -> None:
    folder = tmp_path / genuine.path.name
    folder.mkdir()
    assert "is no regular file" in reasons(genuine.check(folder))


def test_a_pipe_is_refused_and_never_waited_for(genuine: Genuine, tmp_path: Path) -> None:
    pipe = tmp_path / genuine.path.name
    os.mkfifo(pipe)
    found: list[str] = []
    waiting = threading.Thread(
        target=lambda: found.append(reasons(genuine.check(pipe))), daemon=True
    )
    waiting.start()
    waiting.join(timeout=20)
    assert found and "is no regular file" in found[0]


def test_a_device_is_refused(genuine: Genuine) -> None:
    assert "is no regular file" in reasons(genuine.check(Path("/dev/zero")))


def test_another_name_is_refused_without_being_used(genuine: Genuine, tmp_path: Path) -> None:
    path = tmp_path / "other@demo-0.submission.gz"
    path.write_bytes(genuine.path.read_bytes())
    assert f"belongs into {genuine.path.name}" in reasons(genuine.check(path))


def test_heavy_files_take_bounded_memory_and_time(genuine: Genuine, tmp_path: Path) -> None:
    """Four gigabytes from four megabytes, lines by the million, and more, under hard limits."""
    header = first_line(genuine)
    many = header.replace(b'"answers": 60', b'"answers": 200000')
    answer = json.dumps(genuine.objects[1]).encode() + b"\n"
    long = answer.replace(b'"answer": "', b'"answer": "' + b"Bird, Cat or Door? " * 1000)
    heavy = {
        "spaces": bomb(b"", 4_000),
        "spaces after the header": bomb(header, 4_000),
        "empty lines": zipped(many + b"\n" * 4_000_000),
        "one answer for ever": zipped(many + answer * 20_000),
        "long answers": zipped(many + long * 700),
        "larger than any": os.urandom(8_000_001),
    }
    paths = []
    for name, content in heavy.items():
        folder = tmp_path / name
        folder.mkdir()
        paths.append(genuine.written(folder, content))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mma_eval.cli.main", "leaderboard", "check", "--json"),
            *("--datasets", str(genuine.registered.folder)),
            *map(str, paths),
        ],
        preexec_fn=_limit_this_process,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    verdicts = json.loads(done.stdout)
    assert [verdict["ok"] for verdict in verdicts] == [False] * len(heavy)
    said = [verdict["findings"][0]["what"] for verdict in verdicts]
    assert re.search("line of more than", said[0])
    assert re.search("line of more than", said[1])
    assert re.search("not a JSON object", said[2])
    assert re.search("says that it holds 200000", said[3])
    assert re.search("more than 12,000,000 characters", said[4])
    assert re.search("larger than 8 MB", said[5])
    assert sorted(tmp_path.rglob("*.gz")) == sorted(paths)


def _limit_this_process() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
