"""The answer store and the run folder when the disk is full, read-only, shared or damaged."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mma_eval import evaluate
from mma_eval.errors import StoreError
from mma_eval.eval.evaluate import STORE_FILE, rescore
from mma_eval.eval.run_files import RUN_FILE, read_run
from mma_eval.eval.spool import RecordSpool
from mma_eval.eval.store import AnswerStore
from mma_eval.types import Answer, Status
from tests.faults.command import asked, command, finish, start

LONG = Answer("a/visual", Status.OK, text="Bird " * 2_000)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with room for 256 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    _mount("-t", "tmpfs", "-o", "size=256k", "tmpfs", folder)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def _mount(*arguments: object) -> None:
    if shutil.which("mount") is None or os.geteuid() != 0:
        pytest.skip("only root can mount a disk for this test")
    done = subprocess.run(
        ["mount", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"this system mounts nothing for tests: {done.stderr.strip()}")


def fill(store: AnswerStore) -> int:
    """Put answers until one is refused; how many went in."""
    for number in range(10_000):
        try:
            store.put(f"key{number}", LONG)
        except StoreError:
            return number
    raise AssertionError("the disk never filled up")


def test_a_full_disk_is_one_sentence_and_keeps_what_is_there(small_disk: Path) -> None:
    path = small_disk / STORE_FILE
    with AnswerStore(path) as store:
        kept = fill(store)
        assert kept > 5
        with pytest.raises(StoreError, match="cannot be written .*check space") as caught:
            store.put("one more", LONG)
        assert "\n" not in str(caught.value)
    with AnswerStore(path) as store:
        assert all(store.get(f"key{number}") == LONG for number in range(kept))


def test_a_run_on_a_full_disk_says_so_and_continues_elsewhere(
    small_disk: Path, manifest: Path
) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(bytes(200_000))
    log = manifest.parent / "full.log"
    words = command(manifest, small_disk, "--tasks", "mma_bench", model_args=f"log={log}")
    code, errors = finish(start(words))
    assert code == 1
    (line,) = errors.strip().splitlines()
    assert "check space and permissions" in line or "cannot be written" in line
    before = len(asked(log))
    assert before > 0

    filler.unlink()
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    code, errors = finish(start(words))
    assert (code, errors) == (0, "")
    assert len(asked(log)) <= len(set(asked(log))) + 1, "only the answer that found no room"


def test_records_on_a_full_disk_say_so_once(
    small_disk: Path, manifest: Path, tmp_path: Path
) -> None:
    """What was not written yet is tried again when the file closes, and fails again."""
    (sample, *_) = evaluate("mock", "aligned", dataset=manifest, output_path=tmp_path).samples
    long = replace(sample, answer="so it goes " * 20)
    with (
        pytest.raises(StoreError, match="the records of the run cannot be written .*space"),
        RecordSpool(small_disk, 2_000) as spool,
    ):
        for place in range(2_000):
            spool.put(place, long)


def test_a_file_that_may_not_grow_is_one_sentence(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path;"
        "from tests.faults.test_stores import fill, limit_files;"
        "from mma_eval.eval.store import AnswerStore;"
        "limit_files(200_000); store = AnswerStore(Path(sys.argv[1])); print(fill(store))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / STORE_FILE)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with AnswerStore(tmp_path / STORE_FILE) as store:
        assert all(store.get(f"key{number}") == LONG for number in range(int(done.stdout)))


def limit_files(size: int) -> None:
    """Let no file of this process grow past `size` bytes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_read_only_folder_is_one_sentence(tmp_path: Path, manifest: Path) -> None:
    folder = tmp_path / "fixed"
    folder.mkdir()
    _mount("-t", "tmpfs", "-o", "size=1m,ro", "tmpfs", folder)
    try:
        with pytest.raises(StoreError, match="Read-only file system.*choose another --output-path"):
            evaluate("mock", "aligned", dataset=manifest, output_path=folder)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _garbage(path: Path) -> None:
    path.write_bytes(b"no database at all " * 500)


def _folder(path: Path) -> None:
    path.mkdir()


def _half(path: Path) -> None:
    with AnswerStore(path) as store:
        for number in range(50):
            store.put(f"key{number}", LONG)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _other_tables(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE answers (question TEXT, score REAL)")
    connection.commit()
    connection.close()


@pytest.mark.parametrize("spoil", [_garbage, _folder, _half, _other_tables])
def test_a_spoilt_store_says_what_to_do(
    manifest: Path, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(tmp_path / STORE_FILE)
    with pytest.raises(StoreError, match=rf"{STORE_FILE}: .*choose another --output-path") as told:
        evaluate("mock", "aligned", dataset=manifest, output_path=tmp_path)
    assert "\n" not in str(told.value)


def test_a_stored_answer_that_cannot_be_read_is_asked_again(manifest: Path, tmp_path: Path) -> None:
    first = evaluate("mock", "aligned_visual", dataset=manifest, output_path=tmp_path)
    _spoil_one_answer(tmp_path)

    second = evaluate("mock", "aligned_visual", dataset=manifest, output_path=tmp_path)
    assert second.manifest.asked == 1
    (noted,) = (sample for sample in second.samples if sample.notes)
    assert noted.notes == ("asked again: the stored answer could not be read",)
    assert [s.answer for s in second.samples] == [s.answer for s in first.samples]
    third = evaluate("mock", "aligned_visual", dataset=manifest, output_path=tmp_path)
    assert third.manifest.asked == 0

    _spoil_one_answer(tmp_path)
    code, errors = finish(start(command(manifest, tmp_path, "--tasks", "aligned_visual")))
    assert code == 0
    assert errors == (
        "mma-eval: asked again: the stored answer could not be read (1 of 6 answers)\n"
    )


def _spoil_one_answer(out: Path) -> None:
    connection = sqlite3.connect(out / STORE_FILE)
    (key,) = connection.execute("SELECT key FROM answers ORDER BY key LIMIT 1").fetchone()
    connection.execute("UPDATE answers SET answer = '{\"from\": 2031}' WHERE key = ?", (key,))
    connection.commit()
    connection.close()


def test_two_processes_on_one_store_both_finish_with_the_same_result(
    manifest: Path, tmp_path: Path
) -> None:
    words = command(
        *(manifest, tmp_path, "--tasks", "aligned,misalign"),
        model_args="behaviour=random,seconds=0.01",
    )
    processes = [start(words) for _ in range(2)]
    assert [finish(process) for process in processes] == [(0, ""), (0, "")]
    (folder,) = (tmp_path / "mock").iterdir()
    samples = rescore(folder).samples
    alone = evaluate(
        "mock",
        "aligned,misalign",
        dataset=manifest,
        output_path=tmp_path / "alone",
        model_args={"behaviour": "random"},
    )
    assert [(s.id, s.task, s.answer) for s in samples] == [
        (s.id, s.task, s.answer) for s in alone.samples
    ]


def test_a_run_file_is_whole_or_absent(manifest: Path, tmp_path: Path) -> None:
    made = evaluate("mock", "aligned", dataset=manifest, output_path=tmp_path)
    assert sorted(path.name for path in made.folder.iterdir()) == [RUN_FILE, "samples.jsonl"]
    assert read_run(made.folder)[1] == made.samples
