"""The memory of encoded streams is bounded and forgets the least recently used."""

from __future__ import annotations

from dataclasses import dataclass

from mma_eval.models.local.features import FeatureCache


@dataclass(frozen=True)
class Block:
    name: str
    nbytes: int


def test_a_stream_is_made_once_while_it_is_kept() -> None:
    cache, made = FeatureCache(10), []

    def make(name: str) -> Block:
        made.append(name)
        return Block(name, 4)

    for name in ("a", "b", "a", "c", "a", "b"):
        assert cache.get((name,), lambda name=name: make(name)).name == name  # type: ignore[misc]
    assert made == ["a", "b", "c", "b"]
    assert len(cache) == 2


def test_what_exceeds_the_bound_is_not_kept() -> None:
    cache = FeatureCache(3)
    cache.get(("a",), lambda: Block("a", 4))
    assert len(cache) == 0
