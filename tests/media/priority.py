"""Keeping the scheduling of the tests' own process out of an encoder's hands."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ordinary_priority() -> Iterator[None]:
    """Give this thread back its scheduling.

    As root, SVT-AV1 puts the thread that opens it before everything else on the machine, for good,
    and so every process that it starts: two busy browsers then stop all the rest.
    """
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, parameters)
