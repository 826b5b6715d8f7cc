"""Decode the media of coming questions in threads while a model works on the present ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice

from mma_eval.media.policy import Sampling
from mma_eval.media.source import Media
from mma_eval.types import Group


def decode_ahead(
    groups: Iterable[Group], sampling: Sampling, *, threads: int = 2, depth: int = 4
) -> Iterator[Group]:
    """The same groups in the same order, the next `depth` of them being decoded into the cache.

    No more than `depth` groups beyond the present one are ever pulled; closing the iterator ends
    the threads.
    """
    source = iter(groups)
    waiting: deque[Group] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="decode-ahead")
    try:
        while True:
            for group in islice(source, depth + 1 - len(waiting)):
                waiting.append(group)
                pool.submit(_decode, group.media, sampling)
            if not waiting:
                return
            yield waiting.popleft()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _decode(media: Media, sampling: Sampling) -> None:
    # The backend meets the same error where it asks for the stream, and reports it.
    with suppress(Exception):
        media.frames(sampling.frames)
    with suppress(Exception):
        media.sound(sampling.audio)
