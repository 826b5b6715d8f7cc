"""The answer store: written through at once, shared by processes, clear when it cannot write."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from mma_eval.errors import StoreError
from mma_eval.eval.store import AnswerStore
from mma_eval.types import Answer, Evidence, OptionScore, Status, TokenCounts

ANSWER = Answer(
    "a/visual",
    Status.OK,
    text="Bird",
    option_scores=(OptionScore("Bird", -0.5, 2),),
    tokens=TokenCounts(1, 2, None, Evidence.REPORTED),
    seconds=0.25,
)


def test_an_answer_comes_back_as_it_was(tmp_path: Path) -> None:
    with AnswerStore(tmp_path / "new" / "answers.sqlite") as store:
        assert store.get("key") is None
        store.put("key", ANSWER)
        assert store.get("key") == ANSWER


def test_an_answer_is_there_for_others_at_once(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    with AnswerStore(path) as one, AnswerStore(path) as other:
        one.put("key", ANSWER)
        assert other.get("key") == ANSWER


def _write(path: Path, name: str) -> None:
    with AnswerStore(path) as store:
        for number in range(100):
            store.put(f"{name}{number}", ANSWER)


def test_two_processes_share_one_store(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(path, name)) for name in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    with AnswerStore(path) as store:
        assert all(store.get(f"{name}{number}") for name in "ab" for number in range(100))


def test_a_file_that_is_no_store_says_so(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    path.write_bytes(b"something else entirely" * 100)
    with pytest.raises(StoreError, match="answers.sqlite: is damaged or is no answer store"):
        AnswerStore(path)


def test_what_is_kept_is_not_promised_of_a_temporary_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="stored are kept, unless their folder is a temporary one"):
        AnswerStore(tmp_path / "file" / "answers.sqlite")
