"""Signals, a reader that went away, and a backend that never answers: the process ends well."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from mma_eval import evaluate
from mma_eval.eval.evaluate import rescore
from mma_eval.eval.store import AnswerStore
from tests.faults.command import asked, command, finish, start, wait_until

KILLS = 5
TASKS = "aligned,misalign,frames_zeroed,audio_removed,misleading_caption,abstention,cot_aligned"
"""More questions than are asked before the last kill."""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_run_says_what_is_kept(
    manifest: Path, tmp_path: Path, number: signal.Signals
) -> None:
    log = tmp_path / "log"
    words = command(
        manifest, tmp_path / "out", "--tasks", "aligned", model_args=f"seconds=0.2,log={log}"
    )
    process = start(words)
    wait_until(process, lambda: len(asked(log)) >= 3)
    process.send_signal(number)
    code, errors = finish(process)
    assert code == 1
    assert errors == (
        "mma-eval: stopped; every answer so far is kept, and the same command continues from "
        "there\n"
    )
    before = asked(log)
    again = subprocess.run(
        [word.replace("seconds=0.2", "seconds=0") for word in words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 0, again.stderr
    repeated = {name for name, count in Counter(asked(log)).items() if count > 1}
    assert repeated <= {before[-1]}
    assert len(set(asked(log))) == 12


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_command_that_is_no_run_says_so(
    manifest: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """A rerun: it asks with the arguments of its run, so it is as slow and keeps the same log."""
    log = tmp_path / "log"
    run = evaluate(
        "mock",
        "aligned",
        dataset=manifest,
        output_path=tmp_path / "out",
        model_args={"seconds": 0.2, "log": str(log)},
    )
    before = len(asked(log))
    process = start([sys.executable, "-m", "mma_eval.cli.main", "rerun", str(run.folder)])
    wait_until(process, lambda: len(asked(log)) > before)
    process.send_signal(number)
    assert finish(process) == (1, "mma-eval: stopped\n")
    assert len(asked(log)) < 2 * before


def test_a_second_sigterm_ends_a_process_that_does_not_stop(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    script = f"""
import time
from pathlib import Path
from mma_eval.cli.stopping import stopping_on_sigterm
with stopping_on_sigterm():
    try:
        Path({str(ready)!r}).touch()
        time.sleep(60)
    except KeyboardInterrupt:
        Path({str(ready)!r}).unlink()
        time.sleep(60)
"""
    process = start([sys.executable, "-c", script])
    wait_until(process, ready.exists)
    process.send_signal(signal.SIGTERM)
    wait_until(process, lambda: not ready.exists())
    process.send_signal(signal.SIGTERM)
    code, errors = finish(process)
    assert (code, errors) == (-signal.SIGTERM, "")


def test_kills_lose_nothing_and_ask_nothing_twice(manifest: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    out = tmp_path / "out"
    words = command(
        *(manifest, out, "--tasks", TASKS),
        model_args=f"behaviour=random,seconds=0.03,log={log}",
    )
    draw = random.Random(0)
    in_flight: set[str] = set()
    for _ in range(KILLS):
        before = len(asked(log))
        process = start(words)
        wanted = before + draw.randint(1, 8)
        wait_until(process, lambda enough=wanted: len(asked(log)) >= enough)  # type: ignore[misc]
        time.sleep(draw.random() * 0.05)
        process.kill()
        finish(process)
        in_flight.add(asked(log)[-1])
    assert finish(start(words)) == (0, "")

    twice = {name for name, count in Counter(asked(log)).items() if count > 1}
    assert twice <= in_flight, "only the question in flight at a kill may be asked again"
    (folder,) = (out / "mock").iterdir()
    whole = evaluate(
        "mock",
        TASKS,
        dataset=manifest,
        output_path=tmp_path / "whole",
        model_args={"behaviour": "random"},
    )
    assert [replace(sample, seconds=None) for sample in rescore(folder).samples] == [
        replace(sample, seconds=None) for sample in whole.samples
    ]


def test_a_backend_that_hangs_ends_the_command_at_its_stall_limit(
    manifest: Path, tmp_path: Path
) -> None:
    words = command(
        *(manifest, tmp_path, "--tasks", "aligned", "--stall-limit", 1), model_args="behaviour=hang"
    )
    code, errors = finish(start(words))
    assert code == 1
    assert errors.startswith("mma-eval: stopped: no answer came for 1 s (--stall-limit)")
    with AnswerStore(tmp_path / "answers.sqlite"):
        pass


def test_a_time_limit_fails_each_question_and_the_command_ends(
    manifest: Path, tmp_path: Path
) -> None:
    words = command(
        *(manifest, tmp_path, "--tasks", "aligned_visual"),
        model_args="behaviour=hang,answer_timeout=0.1",
    )
    code, errors = finish(start(words))
    assert code == 1
    assert "6 of 6 samples failed (timeout)" in errors


def test_fail_fast_says_what_failed(manifest: Path, tmp_path: Path) -> None:
    words = command(
        *(manifest, tmp_path, "--tasks", "aligned", "--fail-fast"), model_args="behaviour=fail"
    )
    code, errors = finish(start(words))
    assert code == 1
    assert errors == (
        "mma-eval: stopped at the first failure (--fail-fast): aligned_visual:clip0/visual: "
        "api_error: the mock was told to fail; every answer so far is kept, and the same command "
        "continues from there\n"
    )


@pytest.mark.parametrize("arguments", [("ls", "tasks"), ("show", "misalign"), ("--help",)])
def test_a_reader_that_goes_away_is_no_traceback(arguments: tuple[str, ...]) -> None:
    process = start([sys.executable, "-m", "mma_eval.cli.main", *arguments])
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    errors = process.stderr.read()
    process.wait()
    assert errors == ""


@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_a_closed_output_is_no_traceback(closed: str) -> None:
    done = subprocess.run(
        f"{sys.executable} -m mma_eval.cli.main ls tasks {closed}",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_output_to_a_full_device_is_one_sentence(manifest: Path, tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    # As for a user: what is not flushed would be written when Python ends, with its own exit code.
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with full.open("w", encoding="utf-8") as target:
        done = subprocess.run(
            command(manifest, tmp_path, "--tasks", "aligned"),
            stdout=target,
            env=buffered,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "mma-eval: the output cannot be written (No space left on device)\n"
    (folder,) = (tmp_path / "mock").iterdir()
    assert json.loads((folder / "run.json").read_text(encoding="utf-8"))["scores"]
