"""The derangement of sounds: valid, fair, mixed, and the same whatever the order of the rows."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mma_eval.errors import UsageError
from mma_eval.task.pairs import derange


def manifest(*sizes: int) -> dict[str, str]:
    """As many clips of each class as `sizes` says."""
    return {f"c{kind}-{i}": f"class{kind}" for kind, n in enumerate(sizes) for i in range(n)}


sizes = st.lists(st.integers(1, 12), min_size=2, max_size=8)


@given(sizes, st.integers(0, 1_000))
def test_every_clip_gets_a_sound_of_another_class(counts: list[int], seed: int) -> None:
    labels = manifest(*counts)
    donors = derange(labels, seed)
    assert donors.keys() == labels.keys()
    assert all(labels[clip] != labels[donor] for clip, donor in donors.items())


@given(sizes, st.integers(0, 1_000))
def test_reuse_is_as_even_as_it_can_be(counts: list[int], seed: int) -> None:
    uses = Counter(derange(manifest(*counts), seed).values())
    largest, rest = max(counts), sum(counts) - max(counts)
    assert max(uses.values()) == max(1, -(-largest // rest))
    if largest <= rest:
        assert len(uses) == sum(counts)
    else:
        takers = [uses[f"c{k}-{i}"] for k, n in enumerate(counts) for i in range(n)]
        heavy = [n for n in takers if n > 1] or [1]
        assert max(heavy) - min(heavy) <= 1
        assert sum(1 for n in takers if n) == 2 * rest


@given(sizes, st.integers(0, 1_000), st.randoms())
def test_the_order_of_the_manifest_does_not_matter(
    counts: list[int], seed: int, random: object
) -> None:
    labels = manifest(*counts)
    rows = list(labels.items())
    random.shuffle(rows)  # type: ignore[attr-defined]
    assert list(derange(dict(rows), seed).items()) == list(derange(labels, seed).items())


def test_it_is_the_same_on_every_machine() -> None:
    assert derange(manifest(2, 2, 1), 7) == {
        "c0-0": "c1-1",
        "c0-1": "c1-0",
        "c1-0": "c2-0",
        "c1-1": "c0-0",
        "c2-0": "c0-1",
    }


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1_000))
def test_sounds_come_from_all_other_classes(seed: int) -> None:
    """1,000 clips of ten classes: each pair of classes is expected eleven times."""
    labels = manifest(*[100] * 10)
    pairs = Counter((labels[a], labels[b]) for a, b in derange(labels, seed).items())
    assert len(pairs) == 90
    assert max(pairs.values()) < 30
    within = sum((n - 1000 / 90) ** 2 / (1000 / 90) for n in pairs.values())
    assert within < 160, "as even as chance: chi-squared with some eighty degrees of freedom"


def test_another_seed_is_another_table() -> None:
    labels = manifest(5, 5, 5)
    assert len({tuple(derange(labels, seed).items()) for seed in range(20)}) == 20


def test_ten_thousand_clips_each_lend_their_sound_once() -> None:
    labels = manifest(*[100] * 100)
    donors = derange(labels, 0)
    assert sorted(donors.values()) == sorted(labels)
    assert all(labels[clip] != labels[donor] for clip, donor in donors.items())


@pytest.mark.parametrize("counts", [(), (1,), (8,)])
def test_one_class_cannot_be_swapped(counts: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="at least two classes"):
        derange(manifest(*counts), 0)
