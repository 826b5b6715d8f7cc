"""Measured attention survives its files, and files that are something else are refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mma_eval.diagnose.measured import (
    ARRAYS_FILE,
    DESCRIPTION_FILE,
    AttentionRun,
    Measured,
    Skipped,
)
from mma_eval.errors import FileError
from tests.diagnose.attention_runs import ORIGIN


def measured(task: str = "misalign_visual", n: int = 3) -> Measured:
    rng = np.random.default_rng(n)
    mass = rng.dirichlet(np.ones(3), (n, 2, 4))
    names = tuple(f"clip{index}" for index in range(n))
    return Measured(
        task=task,
        ask="visual",
        condition="misalign",
        samples=tuple(f"{name}/visual" for name in names),
        clips=names,
        sources=names,
        mass=mass,
        squares=mass**2 / 10,
        tokens=np.full((n, 3), 10),
    )


def attention_run(*tasks: Measured) -> AttentionRun:
    return AttentionRun(
        ORIGIN,
        query="answer",
        measured=tasks,
        skipped=(Skipped(task="misalign_visual", sample="x/visual", reason="no picture"),),
    )


def test_a_run_comes_back_as_it_was(tmp_path: Path) -> None:
    run = attention_run(measured(), measured("aligned_visual", 0))
    run.save(tmp_path)
    back = AttentionRun.load(tmp_path)
    assert (back.origin, back.query, back.skipped) == (run.origin, run.query, run.skipped)
    for one, other in zip(run.measured, back.measured, strict=True):
        assert (one.task, one.samples, one.clips) == (other.task, other.samples, other.clips)
        np.testing.assert_array_equal(one.mass, other.mass)
        np.testing.assert_array_equal(one.squares, other.squares)
        np.testing.assert_array_equal(one.tokens, other.tokens)
    assert back.task("misalign_visual").heads == 4


@pytest.mark.parametrize("name", [ARRAYS_FILE, DESCRIPTION_FILE])
@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04nothing", b"[]"])
def test_other_files_are_refused(tmp_path: Path, name: str, content: bytes | None) -> None:
    attention_run(measured()).save(tmp_path)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(FileError, match=name):
        AttentionRun.load(tmp_path)


def test_a_description_of_other_arrays_is_refused(tmp_path: Path) -> None:
    attention_run(measured()).save(tmp_path)
    file = tmp_path / DESCRIPTION_FILE
    described = json.loads(file.read_text("utf-8"))
    described["measured"][0]["layers"] = 1000
    file.write_text(json.dumps(described), "utf-8")
    with pytest.raises(FileError, match=r"attention\.npz: cannot be read as arrays \(0_mass"):
        AttentionRun.load(tmp_path)


def test_numbers_that_are_no_attention_are_refused(tmp_path: Path) -> None:
    run = attention_run(measured())
    run.measured[0].mass[0, 0, 0] = np.nan
    run.save(tmp_path)
    with pytest.raises(FileError, match="no numbers"):
        AttentionRun.load(tmp_path)
    with pytest.raises(ValueError, match=r"is not \[3, L, H, 3\]"):
        one = measured()
        Measured(**(vars(one) | {"mass": one.mass[:2]}))
