"""Whatever is done to a genuine file: no crash, no hang, and no number that its answers refute."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mma_eval.eval.reading import score_answer
from tests.leaderboard.forging import Genuine, packed, zipped

fuzzed = settings(
    max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**40), 10**40),
    st.floats(),
    st.text(max_size=30),
    st.sampled_from(["\u202e", "\ud800", "../..", "<script>", "NaN", "", "a" * 50_000]),
    st.recursive(st.just([]), lambda inner: st.lists(inner, max_size=2), max_leaves=30),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
)


def holds(genuine: Genuine, path: Path) -> bool:
    """Whether a file passes; one that does has the scores that it claims."""
    verdict = genuine.check(path)
    if verdict.ok:
        assert verdict.rescored is not None
        assert verdict.rescored.claims == verdict.rescored.header.claimed
    else:
        assert any(finding.todo for finding in verdict.findings)
    return verdict.ok


@fuzzed
@given(data=st.data())
def test_flipped_and_cut_files(genuine: Genuine, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(genuine.path.read_bytes())
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    kept = data.draw(st.integers(0, len(content)))
    path = genuine.written(tmp_path, bytes(content[:kept]))
    same = bytes(content[:kept]) == genuine.path.read_bytes()
    # A changed byte of gzip's own header (its time, its system) changes nothing of the content.
    assert holds(genuine, path) <= (same or kept == len(content))


@fuzzed
@given(data=st.data())
def test_flipped_and_cut_contents(genuine: Genuine, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(gzip.decompress(genuine.path.read_bytes()))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    holds(genuine, genuine.written(tmp_path, zipped(bytes(content))))


@fuzzed
@given(data=st.data())
def test_other_values_anywhere(genuine: Genuine, tmp_path: Path, data: st.DataObject) -> None:
    objects = genuine.objects
    number = data.draw(st.sampled_from([0, 0, 0, 1, 30]))
    places = list(_places(objects[number]))
    holder, key = places[data.draw(st.integers(0, len(places) - 1))]
    holder[key] = data.draw(LEAVES)
    holds(genuine, genuine.written(tmp_path, packed(objects)))


@fuzzed
@given(data=st.data())
def test_a_changed_answer_never_keeps_its_score(
    genuine: Genuine, tmp_path: Path, data: st.DataObject
) -> None:
    objects = genuine.objects
    at = data.draw(st.integers(0, len(genuine.run.samples) - 1))
    text = data.draw(
        st.one_of(
            st.sampled_from(["Bird", "Cat", "Door", "Frog", "bird or cat", "not a bird", ""]),
            st.text(max_size=40),
        )
    )
    before = genuine.run.samples[at]
    forms = {task.name: task.answer for task in genuine.run.manifest.tasks}
    after = score_answer(replace(before, answer=text), forms[before.task])
    answer = next(o for o in objects[1:] if (o["task"], o["id"]) == (before.task, before.id))
    answer["answer"] = text
    passes = holds(genuine, genuine.written(tmp_path, packed(objects)))
    if after.outcome != before.outcome:
        assert not passes


@pytest.mark.parametrize("letter", ["a", "(", "Bird or ", "not ", "Final Answer: ", " \u202e"])
def test_the_longest_answers_are_read_in_time(
    genuine: Genuine, tmp_path: Path, letter: str
) -> None:
    """Readers of answers meet text that was made to make them slow."""
    objects = genuine.objects
    for answer in objects[1:5]:
        answer["answer"] = (letter * 20_000)[:20_000]
    assert not holds(genuine, genuine.written(tmp_path, packed(objects)))


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a JSON value that can be written to."""
    if isinstance(tree, dict | list):
        for key in tree if isinstance(tree, dict) else range(len(tree)):
            yield tree, key
            yield from _places(tree[key])
