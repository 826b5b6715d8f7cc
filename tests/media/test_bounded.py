"""Memories with a bound: what was used least recently goes first."""

from __future__ import annotations

from mma_eval.media.bounded import Recent


def test_the_least_recently_used_goes_first() -> None:
    memory: Recent[str, int] = Recent(2)
    memory.keep("a", 1)
    memory.keep("b", 2)
    assert memory.find("a") == 1
    memory.keep("c", 3)
    assert (memory.find("a"), memory.find("b"), memory.find("c")) == (1, None, 3)
    assert len(memory) == 2


def test_what_is_kept_again_is_replaced() -> None:
    memory: Recent[str, int] = Recent(2)
    memory.keep("a", 1)
    memory.keep("a", 2)
    assert memory.find("a") == 2
    memory.clear()
    assert memory.find("a") is None
