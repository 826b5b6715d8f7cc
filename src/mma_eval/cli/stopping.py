"""How the process ends: SIGTERM as Ctrl-C, and an exit that waits for no thread that hangs."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import current_thread, main_thread
from types import FrameType
from typing import NoReturn

from mma_eval.watched import leaves_thread


@contextmanager
def stopping_on_sigterm() -> Iterator[None]:
    """A first SIGTERM raises KeyboardInterrupt in here; a second one ends the process at once."""
    if current_thread() is not main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def leave(code: int) -> NoReturn:
    """End with `code`; at once where work that hangs was left behind."""
    if leaves_thread():
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    sys.exit(code)


def _interrupt(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    raise KeyboardInterrupt
