"""Memory that really runs out: a smaller batch, then a failed question, then on with the next."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mma_eval import evaluate
from mma_eval.media.source import Media
from mma_eval.types import Question, Status
from tests.conftest import REPOSITORY, make_clip
from tests.faults.backends import Replying


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Status, text, error and notes of tiny-omni's answers with and without enough memory."""
    clip = make_clip(tmp_path_factory.mktemp("memory") / "clip.mp4")
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.short_of_memory", str(clip)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_batch_that_is_too_large_is_halved_and_says_so(told: dict[str, Any]) -> None:
    assert told["halvings"] >= 1
    for status, _, error, notes in told["scarce"]:
        assert (status, error) == ("ok", None)
        (note,) = notes
        assert note.startswith("asked in a batch of ")


def test_a_smaller_batch_gives_the_same_answers(told: dict[str, Any]) -> None:
    assert [text for _, text, _, _ in told["scarce"]] == [text for _, text, _, _ in told["plenty"]]


def test_a_question_that_is_too_large_alone_fails(told: dict[str, Any]) -> None:
    ((status, text, error, _),) = told["none"]
    assert (status, text) == ("out_of_memory", None)
    assert "can't allocate memory" in error


def test_the_next_questions_are_answered(told: dict[str, Any]) -> None:
    assert {(status, tuple(notes)) for status, _, _, notes in told["plenty"]} == {("ok", ())}


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"),
        OSError(12, "Cannot allocate memory"),
        MemoryError(),
    ],
)
def test_want_of_memory_is_known_by_any_of_its_names(
    manifest: Path, tmp_path: Path, error: Exception
) -> None:
    def reply(media: Media, question: Question) -> str:
        raise error

    run = evaluate(Replying(reply), "aligned_visual", dataset=manifest, output_path=tmp_path)
    assert {sample.status for sample in run.samples} == {Status.OUT_OF_MEMORY}
