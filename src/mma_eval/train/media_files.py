"""Every distinct clip and sound as one mp4, each written once however often it is used."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path

from mma_eval.errors import MediaError, StoreError
from mma_eval.media.policy import AudioPolicy, EveryFrame, FramePolicy
from mma_eval.media.source import Media
from mma_eval.media.whole import is_cut_short
from mma_eval.whole_file import replacing

EVERY_FRAME = FramePolicy(EveryFrame())
NATIVE_SOUND = AudioPolicy(rate=None, channels=None)
READABLE = 40
"""Characters of each clip's id in the name of a file."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class WrittenMedia:
    """What a folder of media holds after a call."""

    files: int
    written: int
    """Files that were not there, or not whole."""
    bytes: int


def media_name(clip: str, sound: str, media: Media) -> str:
    """A file name for `clip` with the sound of `sound`: other content, other name."""
    content = f"{media.video_hash(EVERY_FRAME)}{media.audio_hash(NATIVE_SOUND)}"
    digest = sha256(f"{clip}\x1f{sound}\x1f{content}".encode()).hexdigest()[:12]
    return f"{_plain(clip)}+{_plain(sound)}-{digest}.mp4"


def write_media(
    folder: Path, media: Mapping[str, Media], progress: Progress | None = None
) -> WrittenMedia:
    """Write every medium under its name in `folder`, through the same muxing whatever its sound.

    Files that are there and whole are kept, so that a stopped call goes on where it was. Raises
    MediaError for a clip that cannot be decoded, and StoreError for a folder that takes no more.
    """
    done = written = size = 0
    for path, was_there in _in_threads(folder, media.items()):
        done += 1
        written += not was_there
        size += path.stat().st_size
        if progress is not None:
            progress(done, len(media))
    return WrittenMedia(done, written, size)


def _in_threads(folder: Path, media: Iterable[tuple[str, Media]]) -> Iterator[tuple[Path, bool]]:
    """Decoding and encoding leave Python's lock, so that every core works."""
    workers = os.cpu_count() or 1
    source = iter(media)
    waiting: deque[Future[tuple[Path, bool]]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="mux")
    try:
        while True:
            for name, one in islice(source, 2 * workers - len(waiting)):
                waiting.append(pool.submit(_write, folder / name, one))
            if not waiting:
                return
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _write(path: Path, media: Media) -> tuple[Path, bool]:
    """The file, and whether it was there already."""
    if _is_whole(path):
        return path, True
    content = media.mp4()
    try:
        with replacing(path) as partial:
            partial.write_bytes(content)
    except OSError as error:
        raise StoreError(
            f"{path.parent}: cannot be written ({error.strerror or error}); files that are there"
            " are kept, and the same command goes on"
        ) from error
    return path, False


def _is_whole(path: Path) -> bool:
    try:
        return path.is_file() and not is_cut_short(path)
    except MediaError:
        return False


def _plain(clip: str) -> str:
    """A clip's id without what file systems do not take."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", clip)[:READABLE]
