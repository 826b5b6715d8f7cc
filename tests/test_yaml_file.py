"""YAML from anybody: its faults by line, and nothing that takes time or the process with it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from mma_eval.errors import FileError
from mma_eval.yaml_file import read_yaml


def written(folder: Path, text: str) -> Path:
    path = folder / "file.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_part_has_its_line(tmp_path: Path) -> None:
    file = read_yaml(written(tmp_path, "one: 1\ntwo:\n  - a\n  - {deep: b}\n"))
    assert file.data == {"one": 1, "two": ["a", {"deep": "b"}]}
    assert [file.line(at) for at in (("one",), ("two", 1, "deep"), ("two", 0, "none"))] == [1, 4, 3]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", r"yaml:1: must be a mapping"),
        ("- a\n", r"yaml:1: must be a mapping"),
        ("a: 1\na: 2\n", r"yaml:2: the key 'a' is given twice"),
        ("a:\n\tb: 1\n", r"yaml:2: is not valid YAML"),
        ("a: 1\n---\nb: 2\n", r"yaml:2: is not valid YAML"),
        ("a: \0", r"yaml: is not valid YAML"),
        ("? [a]\n: b\n", r"yaml:1: is not valid YAML: found unhashable key"),
        ("a: !!python/object/apply:os.system [echo]\n", r"yaml:1: is not valid YAML"),
        ("a: " + "[" * 100_000, r"yaml: is nested more than 50 deep"),
        ("a: " + "{b: " * 60 + "}" * 60, r"yaml: is nested more than 50 deep"),
    ],
)
def test_a_fault_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(FileError, match=sentence):
        read_yaml(written(tmp_path, text))


def test_aliases_that_lead_in_a_circle_end(tmp_path: Path) -> None:
    file = read_yaml(written(tmp_path, "a: &a\n  - *a\n"))
    assert file.data["a"][0] is file.data["a"]


def test_aliases_that_multiply_take_no_time(tmp_path: Path) -> None:
    names = "abcdefghijklmnopqrst"
    doubling = "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in pairwise(names)
    )
    file = read_yaml(written(tmp_path, f"a: &a [x]\n{doubling}"))
    assert list(file.data) == list(names)
    assert file.line(("t",)) == 20
