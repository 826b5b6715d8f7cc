"""Batch jobs of the real google-genai client at a local server that speaks its protocol."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mma_eval import evaluate
from mma_eval.errors import ModelError, StoreError
from mma_eval.eval.run import Run
from mma_eval.media.source import AudioFile, Clip, Media, VideoFile
from mma_eval.models.catalogue import CardCatalogue, create_model
from mma_eval.models.gemini.flights import ASKED_IN_A_BATCH
from mma_eval.models.gemini.job_records import FOLDER, JobRecord, JobRecords
from mma_eval.models.gemini.job_results import read_results
from mma_eval.models.remote.cost import Prices, Usage
from mma_eval.types import Answer, Generate, Group, Question, Status
from tests.models.servers.gemini_batches import BatchBehaviour
from tests.models.servers.gemini_server import Behaviour, Fault, Served, serve_gemini

KEY = "AIza-secret/of+this=test"
NEVER = 1_000_000
"""Looks at a job."""


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("GOOGLE_API_KEY", "GOOGLE_GEMINI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    monkeypatch.setenv("MMA_EVAL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def arguments(served: Served, **more: Any) -> dict[str, Any]:
    return {
        "model": "gemini-2.0-flash",
        "base_url": served.address,
        "first_wait": 0.01,
        "batch": True,
        "poll_seconds": 0.01,
        **more,
    }


def run(
    served: Served, manifest: Path, out: Path, tasks: str = "aligned_visual", **more: Any
) -> Run:
    return evaluate(
        "gemini",
        tasks,
        dataset=manifest,
        output_path=out,
        model_args=arguments(served, **more),
    )


def ask(served: Served, groups: Iterator[Group], **more: Any) -> dict[str, Answer]:
    model = create_model(CardCatalogue().get("gemini"), arguments(served, **more))
    return {answer.question_id: answer for answer in model.answer(groups)}


def groups(manifest: Path, clips: int, questions: int = 2) -> Iterator[Group]:
    """Clips, each with questions that no two clips share."""
    for number in range(clips):
        clip = Clip(manifest.with_name(f"clip{number}.mp4"))
        asked = tuple(
            Question(f"{number}/{index}", "", f"Question {number}/{index}?", Generate())
            for index in range(questions)
        )
        yield Group(Media(VideoFile(clip), AudioFile(clip)), "", asked)


def then_killed(some: Iterator[Group]) -> Iterator[Group]:
    """The groups, and then the end of the process as far as the model is concerned."""
    yield from some
    raise KeyboardInterrupt


def records(cache: Path) -> list[JobRecord]:
    return JobRecords(cache / FOLDER).read()


def kept(*folders: Path) -> bytes:
    return b"".join(
        path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()
    )


def test_a_batch_answers_as_direct_questions_do_at_half_the_price(
    manifest: Path, tmp_path: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    prices = {"input_price": 1000.0, "output_price": 3000.0}
    with serve_gemini() as served:
        direct = run(served, manifest, tmp_path / "direct", "aligned", batch=False, **prices)
    with serve_gemini() as served:
        batch = run(served, manifest, tmp_path / "batch", "aligned", **prices)
        (job,) = served.batches.jobs.values()
        assert job.requests == len(served.requests) == 12
        for request in served.requests:
            assert request.kinds == ("inline", "text")
            assert request.config["temperature"] == 0.0
        assert sorted(served.deleted) == sorted(served.uploads)
        again = run(served, manifest, tmp_path / "batch", "aligned", batch=False)
        assert again.manifest.asked == 0, "both ways give the same answers"
    for one, other in zip(direct.samples, batch.samples, strict=True):
        assert (one.id, one.status, one.answer) == (other.id, other.status, other.answer)
        assert (one.tokens, one.model_version) == (other.tokens, other.model_version)
        assert ASKED_IN_A_BATCH in other.notes
    cost = [done.manifest.environment.model["cost_usd"] for done in (direct, batch)]
    assert isinstance(cost[0], float)
    assert cost[1] == pytest.approx(cost[0] / 2, abs=1e-6)
    assert not records(cache)
    assert KEY.encode() not in kept(tmp_path)
    assert "succeeded" in caplog.text
    assert KEY not in caplog.text


def test_a_killed_process_is_followed_by_one_that_collects_its_job(
    manifest: Path, tmp_path: Path
) -> None:
    with serve_gemini(Behaviour(batch=BatchBehaviour(looks=NEVER))) as served:
        given = ",".join(f"{name}={value}" for name, value in arguments(served).items())
        command = ["--model", "gemini", "--model-args", given, "--tasks", "aligned_visual"]
        command += ["--dataset", str(manifest), "-o", str(tmp_path / "out")]
        process = subprocess.Popen(
            [sys.executable, "-m", "mma_eval.cli.main", *command],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            while not any(job.looks > 1 for job in served.batches.jobs.values()):
                assert process.poll() is None
                time.sleep(0.02)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        served.batches.behaviour.looks = 0
        done = run(served, manifest, tmp_path / "out")
    assert not done.failures
    assert len(served.batches.jobs) == 1
    assert len(served.requests) == 6
    assert done.manifest.environment.model["requests"] == 6


@pytest.mark.parametrize("name_is_known", [True, False])
def test_a_job_on_record_is_collected_question_by_question(
    manifest: Path, cache: Path, name_is_known: bool
) -> None:
    with serve_gemini() as served:
        with pytest.raises(KeyboardInterrupt):
            ask(served, then_killed(groups(manifest, 3)), batch_questions=6)
        (record,) = records(cache)
        assert record.name == "batches/job0"
        if not name_is_known:
            # As a process leaves it that dies while the job is created.
            JobRecords(cache / FOLDER).keep(record.model_copy(update={"name": None}))
        some = ask(served, groups(manifest, 1))
        assert len(records(cache)[0].questions) == 4, "what was not asked now stays on record"
        rest = ask(served, groups(manifest, 4))
        assert not records(cache)
    assert {answer.status for answer in (*some.values(), *rest.values())} == {Status.OK}
    assert [job.requests for job in served.batches.jobs.values()] == [6, 2 + 2]


def test_a_job_that_was_never_created_is_asked_anew(manifest: Path, cache: Path) -> None:
    with serve_gemini() as served:
        with pytest.raises(KeyboardInterrupt):
            ask(served, then_killed(groups(manifest, 1)), batch_questions=2)
        (record,) = records(cache)
        JobRecords(cache / FOLDER).keep(record.model_copy(update={"name": None}))
        served.batches.jobs.clear()
        answers = ask(served, groups(manifest, 1))
    assert {answer.status for answer in answers.values()} == {Status.OK}
    assert not records(cache)


def test_a_job_whose_creation_was_not_heard_of_is_not_created_twice(manifest: Path) -> None:
    with serve_gemini(Behaviour(batch=BatchBehaviour(loses_replies=1))) as served:
        answers = ask(served, groups(manifest, 1))
    assert {answer.status for answer in answers.values()} == {Status.OK}
    assert len(served.batches.jobs) == 1


def test_several_jobs_wait_for_room_in_the_queue(manifest: Path) -> None:
    behaviour = BatchBehaviour(at_once=2, looks=3, looks_before_results=2)
    with serve_gemini(Behaviour(batch=behaviour)) as served:
        answers = ask(served, groups(manifest, 5), batch_questions=2)
    assert len(answers) == 10
    assert {answer.status for answer in answers.values()} == {Status.OK}
    assert [job.requests for job in served.batches.jobs.values()] == [2] * 5
    assert served.batches.turned_away > 0


@pytest.mark.parametrize(
    ("fault", "status", "reason"),
    [
        (Fault.PROMPT_BLOCK, Status.REFUSED, "prompt was blocked: SAFETY"),
        (Fault.OUTPUT_BLOCK, Status.REFUSED, "answer was blocked: SAFETY"),
        (Fault.UNAVAILABLE, Status.API_ERROR, "503: The model is overloaded"),
        (Fault.EMPTY, Status.API_ERROR, "empty"),
        (Fault.NO_ROOM, Status.API_ERROR, "thinking_budget"),
        (Fault.TOO_LONG, Status.CONTEXT_OVERFLOW, "input token count"),
        (Fault.KEY_ECHOED, Status.API_ERROR, "key=[key]"),
    ],
)
def test_what_is_wrong_with_a_request_fails_its_own_question(
    fault: Fault, status: Status, reason: str, manifest: Path, cache: Path
) -> None:
    with serve_gemini(Behaviour(fault, where="Question 0/1")) as served:
        answers = ask(served, groups(manifest, 2))
    failed = answers.pop("0/1")
    assert failed.status is status
    assert reason in (failed.error or "")
    assert {answer.status for answer in answers.values()} == {Status.OK}
    assert not records(cache)
    assert KEY.encode() not in kept(cache)


@pytest.mark.parametrize(
    ("end", "status", "reason"),
    [
        ("FAILED", Status.API_ERROR, "batches/job0 failed; the next run asks again"),
        ("CANCELLED", Status.API_ERROR, "was cancelled"),
        ("EXPIRED", Status.TIMEOUT, "within 48 hours"),
    ],
)
def test_a_job_that_comes_to_nothing_is_asked_again_by_the_next_run(
    end: str, status: Status, reason: str, manifest: Path, cache: Path
) -> None:
    with serve_gemini(Behaviour(batch=BatchBehaviour(end=end))) as served:
        first = ask(served, groups(manifest, 1))
        assert {answer.status for answer in first.values()} == {status}
        assert all(reason in (answer.error or "") for answer in first.values())
        assert not records(cache)
        served.batches.behaviour.end = "SUCCEEDED"
        second = ask(served, groups(manifest, 1))
    assert {answer.status for answer in second.values()} == {Status.OK}
    assert len(served.batches.jobs) == 2


def test_a_job_that_is_gone_is_said_to_be_so(manifest: Path, cache: Path) -> None:
    with serve_gemini() as served:
        with pytest.raises(KeyboardInterrupt):
            ask(served, then_killed(groups(manifest, 1)), batch_questions=2)
        served.batches.jobs.clear()
        answers = ask(served, groups(manifest, 1))
    assert all("not there any more" in (answer.error or "") for answer in answers.values())
    assert not records(cache)


def test_a_request_without_a_result_is_a_failure(manifest: Path) -> None:
    with serve_gemini(Behaviour(batch=BatchBehaviour(leaves_out="Question 1/0"))) as served:
        answers = ask(served, groups(manifest, 2))
    missing = answers.pop("1/0")
    assert missing.status is Status.API_ERROR
    assert "without an answer to it" in (missing.error or "")
    assert {answer.status for answer in answers.values()} == {Status.OK}


def test_a_job_that_is_refused_fails_its_questions(manifest: Path, cache: Path) -> None:
    with serve_gemini(Behaviour(batch=BatchBehaviour(refuses=1))) as served:
        answers = ask(served, groups(manifest, 1))
    assert all("not supported" in (answer.error or "") for answer in answers.values())
    assert not records(cache)


def test_jobs_under_way_are_waited_for_when_no_more_can_be_begun(manifest: Path) -> None:
    behaviour = BatchBehaviour(jobs_a_day=1, looks=4)
    with serve_gemini(Behaviour(batch=behaviour)) as served:
        answers = ask(served, groups(manifest, 3), batch_questions=2)
    assert {name for name, answer in answers.items() if answer.status is Status.OK} == {
        "0/0",
        "0/1",
    }
    reasons = {answer.error for answer in answers.values() if answer.status is not Status.OK}
    assert len(answers) == 6
    assert all("quota for a day is used up" in (reason or "") for reason in reasons)


def test_answers_of_another_model_wait_until_they_are_accepted(manifest: Path, cache: Path) -> None:
    with serve_gemini(Behaviour(version="gemini-3.8-flash")) as served:
        with pytest.raises(ModelError, match=r"answered by gemini-3\.8-flash"):
            ask(served, groups(manifest, 1))
        answers = ask(served, groups(manifest, 1), accept_version="gemini-3*")
    assert {answer.model_version for answer in answers.values()} == {"gemini-3.8-flash"}
    assert len(served.batches.jobs) == 1, "nothing is paid for twice"
    assert not records(cache)


def test_a_service_that_falls_silent_leaves_its_jobs_on_record(manifest: Path, cache: Path) -> None:
    with serve_gemini() as served, pytest.raises(KeyboardInterrupt):
        ask(served, then_killed(groups(manifest, 1)), batch_questions=2)
    with pytest.raises(ModelError, match=r"cannot be reached .*batches/job0, on record in"):
        ask(served, groups(manifest, 1), busy_for=0)
    assert len(records(cache)) == 1


def test_clips_that_many_questions_share_are_uploaded_once(manifest: Path) -> None:
    size = manifest.with_name("clip0.mp4").stat().st_size
    with serve_gemini() as served:
        answers = ask(served, groups(manifest, 2, 3), inline_bytes=2 * size, thinking_budget=8)
    assert {answer.status for answer in answers.values()} == {Status.OK}
    assert {request.kinds for request in served.requests} == {("uploaded", "text")}
    assert {json.dumps(request.config["thinkingConfig"]) for request in served.requests} == {
        '{"thinkingBudget": 8}'
    }
    assert sorted(served.deleted) == sorted(served.uploads)
    assert len(served.uploads) == 2 + 1


def test_no_more_is_asked_than_may_be_spent(manifest: Path) -> None:
    prices = {"input_price": 2000.0, "output_price": 0.0}
    with serve_gemini() as served:
        model = create_model(
            CardCatalogue().get("gemini"), arguments(served, max_cost=2.0, **prices)
        )
        answers = list(model.answer(groups(manifest, 6)))
    spent = model.describe()["cost_usd"]
    assert isinstance(spent, float)
    assert 0 < spent <= 2.0
    ok = [answer for answer in answers if answer.status is Status.OK]
    assert 0 < len(ok) < len(answers) == 12
    assert {"max_cost=2" in (answer.error or "") for answer in answers if answer not in ok} == {
        True
    }


def test_an_estimate_is_at_half_the_price(manifest: Path) -> None:
    card = CardCatalogue().get("gemini-2.5-pro")
    plain, batch = (create_model(card, {"batch": batch}) for batch in (False, True))
    asked = [
        (group.media, question) for group in groups(manifest, 2) for question in group.questions
    ]
    bills = [model.estimate(asked) for model in (plain, batch)]
    assert bills[0] is not None and bills[0].cost
    assert bills[1] == replace(bills[0], cost=bills[0].cost / 2)
    assert plain.fingerprint() == batch.fingerprint()


def test_cached_tokens_cost_the_same_in_a_batch() -> None:
    usage = Usage(input=1_000_000, output=1_000_000, cached=400_000, sound=100_000)
    halved = Prices(input=2.0, output=10.0, cached=0.5, sound=4.0).in_a_batch()
    # 500k fresh at 1, 100k of sound at 2, 400k cached at the full price, a million written at 5.
    assert halved.cost(usage) == pytest.approx(0.5 + 0.2 + 0.2 + 5.0)


def test_a_key_that_stands_twice_answers_nothing() -> None:
    line = '{"key": "a", "response": {"candidates": []}}'
    assert not read_results(f"{line}\n{line}\nno JSON\n".encode())


def test_a_damaged_record_is_named(manifest: Path, cache: Path) -> None:
    folder = cache / FOLDER
    folder.mkdir(parents=True)
    (folder / "job.json").write_text('{"name": 1')
    with serve_gemini() as served, pytest.raises(StoreError, match=r"job\.json: the record"):
        ask(served, groups(manifest, 1))
    assert not served.requests
