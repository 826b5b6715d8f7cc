"""The real google-genai client against a local server that speaks its protocol."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from mma_eval import evaluate
from mma_eval.cli.main import main
from mma_eval.errors import ModelError, PrerequisiteError, UsageError
from mma_eval.eval.doctor.canaries import sound_canary
from mma_eval.eval.doctor.checks import Verdict
from mma_eval.eval.doctor.stimuli import draw_stimuli
from mma_eval.eval.evaluate import NoProgress
from mma_eval.eval.run import Run
from mma_eval.media.source import AudioFile, Clip, Media, NoAudio, NoVideo, VideoFile
from mma_eval.models.catalogue import CardCatalogue, create_model
from mma_eval.models.gemini.backend import Gemini
from mma_eval.models.gemini.media import encode
from mma_eval.models.gemini.reply import check_version
from mma_eval.models.remote.calls import CallError
from mma_eval.task.dataset import open_dataset
from mma_eval.types import Evidence, Status
from tests.models.servers.gemini_server import Behaviour, Fault, Served, serve_gemini

KEY = "AIza-secret/of+this=test"
ADTS_HEADER = 7
"""Bytes (ISO/IEC 13818-7, 6.2)."""


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOOGLE_API_KEY", "GOOGLE_GEMINI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)


@pytest.fixture
def server() -> Iterator[Served]:
    with serve_gemini() as served:
        yield served


def arguments(served: Served, **more: Any) -> dict[str, Any]:
    return {
        "model": "gemini-2.0-flash",
        "base_url": served.address,
        "first_wait": 0.01,
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


def kept(out: Path) -> bytes:
    """Everything that a run wrote."""
    return b"".join(path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file())


def test_every_task_is_answered_with_both_streams_proven(
    server: Served, manifest: Path, tmp_path: Path
) -> None:
    done = run(server, manifest, tmp_path, "mma_bench", tokenizer="package:tiny-omni")
    assert done.scores is not None
    assert len({score.task for score in done.scores.tasks if "." not in score.task}) == 18
    assert {score.coverage for score in done.scores.tasks} == {1.0}
    for sample in done.samples:
        assert sample.tokens is not None
        assert sample.tokens.evidence is Evidence.REPORTED
        assert sample.tokens.video and sample.tokens.audio
        assert sample.model_version == "gemini-2.0-flash"
    for request in server.requests:
        assert request.kinds == ("inline", "text"), "the clip first, the question last"
        assert request.mime_type == "video/mp4"
        assert request.config["temperature"] == 0.0
    assert server.most_at_once <= 8
    used = done.manifest.environment.model
    assert used["requests"] == len(server.requests) == done.manifest.asked
    assert int(used["cached_input_tokens"] or 0) > 0, "questions on one clip follow each other"
    assert KEY.encode() not in kept(tmp_path)


def test_a_finished_run_needs_neither_server_nor_key(
    server: Served, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(server, manifest, tmp_path)
    before = len(server.requests)
    monkeypatch.delenv("GEMINI_API_KEY")
    assert not run(server, manifest, tmp_path).failures
    assert len(server.requests) == before


def test_without_a_key_nothing_is_asked(
    server: Served, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GEMINI_API_KEY")
    with pytest.raises(PrerequisiteError, match="GEMINI_API_KEY"):
        run(server, manifest, tmp_path)
    assert not server.requests


def test_likelihoods_are_refused_in_one_sentence(
    server: Served, manifest: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="--answer-by generate"):
        evaluate(
            "gemini",
            "aligned_visual",
            dataset=manifest,
            output_path=tmp_path,
            answer_by="likelihood",
            model_args=arguments(server),
        )
    assert not server.requests


@pytest.mark.parametrize(
    "fault",
    [
        Fault.BUSY,
        Fault.BUSY_WITH_DELAY,
        Fault.UNAVAILABLE,
        Fault.BROKEN_JSON,
        Fault.CUT_OFF,
        Fault.EMPTY,
    ],
)
def test_what_passes_is_asked_again(fault: Fault, manifest: Path, tmp_path: Path) -> None:
    with serve_gemini(Behaviour(fault, times=3, delay=0.01)) as served:
        done = run(served, manifest, tmp_path)
    assert not done.failures
    assert len(served.requests) == 6 + 3
    noted = [sample for sample in done.samples if sample.notes]
    assert 1 <= len(noted) <= 3, "an answer says that it came at a later try"


@pytest.mark.parametrize("fault", [Fault.BUSY_WITH_DELAY, Fault.BUSY_WITH_HEADER])
def test_a_delay_that_the_server_states_is_kept(
    fault: Fault, manifest: Path, tmp_path: Path
) -> None:
    with serve_gemini(Behaviour(fault, times=1, delay=0.5)) as served:
        done = run(served, manifest, tmp_path, max_in_flight=1)
    assert not done.failures
    first, second = served.requests[:2]
    assert first.text == second.text
    assert second.at - first.at >= 0.5


def test_a_delay_that_is_too_long_is_not_waited_for(manifest: Path, tmp_path: Path) -> None:
    with serve_gemini(Behaviour(Fault.BUSY_WITH_DELAY, times=1, delay=3600)) as served:
        done = run(served, manifest, tmp_path, longest_delay=1)
    (failure,) = done.failures
    assert failure.status is Status.API_ERROR
    assert "429" in (failure.error or "")


def test_a_server_that_takes_two_requests_at_once_gets_them_all_answered(
    manifest: Path, tmp_path: Path
) -> None:
    with serve_gemini(Behaviour(most_at_once=2, seconds=0.01)) as served:
        done = run(served, manifest, tmp_path, "aligned,misalign", max_in_flight=8)
    assert not done.failures
    assert served.answered == 24


@pytest.mark.parametrize(
    ("fault", "status", "reason"),
    [
        (Fault.PROMPT_BLOCK, Status.REFUSED, "prompt was blocked: SAFETY"),
        (Fault.OUTPUT_BLOCK, Status.REFUSED, "answer was blocked: SAFETY"),
        (Fault.UNAVAILABLE, Status.API_ERROR, "503"),
        (Fault.BROKEN_JSON, Status.API_ERROR, "cannot be read"),
        (Fault.CUT_OFF, Status.API_ERROR, "broke off"),
        (Fault.EMPTY, Status.API_ERROR, "empty"),
        (Fault.NO_ROOM, Status.API_ERROR, "thinking_budget"),
        (Fault.TOO_LONG, Status.CONTEXT_OVERFLOW, "input token count"),
        (Fault.SLOW, Status.TIMEOUT, "did not answer within 0.3 s"),
        (Fault.KEY_ECHOED, Status.API_ERROR, r"\[key\]"),
    ],
)
def test_what_does_not_pass_fails_its_own_question(
    fault: Fault, status: Status, reason: str, manifest: Path, tmp_path: Path
) -> None:
    limit = {"answer_timeout": 0.3} if fault is Fault.SLOW else {}
    with serve_gemini(Behaviour(fault, where="audio content", delay=1.0)) as served:
        done = run(served, manifest, tmp_path, "aligned", retries=1, **limit)
    assert [sample.status for sample in done.samples if sample.ask == "visual"] == [Status.OK] * 6
    for sample in done.samples:
        if sample.ask == "audio":
            assert sample.status is status
            assert re.search(reason, sample.error or "")
    assert KEY.encode() not in kept(tmp_path)


@pytest.mark.parametrize("fault", [Fault.KEY_REFUSED, Fault.DAILY_QUOTA])
def test_what_no_request_can_pass_stops_at_once(
    fault: Fault, manifest: Path, tmp_path: Path
) -> None:
    with (
        serve_gemini(Behaviour(fault)) as served,
        pytest.raises(ModelError, match="key was refused|quota for a day") as caught,
    ):
        run(served, manifest, tmp_path)
    assert len(served.requests) <= 2
    assert KEY not in str(caught.value)
    assert KEY.encode() not in kept(tmp_path)


def test_another_model_version_is_a_failure_unless_accepted(manifest: Path, tmp_path: Path) -> None:
    with serve_gemini(Behaviour(version="gemini-3.8-flash")) as served:
        with pytest.raises(ModelError, match=r"answered by gemini-3\.8-flash"):
            run(served, manifest, tmp_path)
        done = run(served, manifest, tmp_path, accept_version="gemini-3*")
    assert not done.failures
    assert {sample.model_version for sample in done.samples} == {"gemini-3.8-flash"}


@pytest.mark.parametrize(
    ("version", "fits"),
    [
        ("gemini-2.0-flash", True),
        ("models/gemini-2.0-flash-001", True),
        ("gemini-2.0-flash-lite", False),
        ("gemini-2.0-flash-lite-001", False),
        (None, False),
    ],
)
def test_a_version_fits_its_model(version: str | None, fits: bool) -> None:
    if fits:
        check_version(version, "gemini-2.0-flash", None)
    else:
        with pytest.raises(CallError, match="asked for gemini-2.0-flash"):
            check_version(version, "gemini-2.0-flash", None)


def test_long_clips_are_uploaded_once_and_deleted(
    server: Served, manifest: Path, tmp_path: Path
) -> None:
    done = run(server, manifest, tmp_path, "aligned", inline_bytes=0)
    assert not done.failures
    assert len(server.requests) == 12
    assert {request.kinds for request in server.requests} == {("uploaded", "text")}
    assert len(server.uploads) == 6, "both questions on a clip share its upload"
    assert sorted(server.deleted) == sorted(server.uploads)


def test_an_upload_that_stays_in_processing_is_given_up(manifest: Path, tmp_path: Path) -> None:
    with serve_gemini(Behaviour(uploads_stay=True)) as served:
        done = run(served, manifest, tmp_path, inline_bytes=0, upload_timeout=0.3)
    assert {sample.status for sample in done.samples} == {Status.TIMEOUT}
    assert "PROCESSING" in (done.samples[0].error or "")
    assert not served.requests


def test_a_server_that_dies_stops_the_run_which_then_resumes(
    manifest: Path, tmp_path: Path
) -> None:
    with serve_gemini(Behaviour(dies_after=5)) as served:
        port = int(served.address.rpartition(":")[2])
        first = run(served, manifest, tmp_path, "aligned", retries=1, max_in_flight=2)
        answered = sum(sample.status is Status.OK for sample in first.samples)
        assert 5 <= answered < 12
        assert first.manifest.error is None
        reasons = {sample.error for sample in first.failures}
        assert any("cannot be reached" in (reason or "") for reason in reasons)
    with serve_gemini(port=port) as again:
        second = run(again, manifest, tmp_path, "aligned", retries=1, max_in_flight=2)
    assert not second.failures
    assert len(again.requests) == 12 - answered


def test_a_server_that_is_not_there_is_said_to_be_so(manifest: Path, tmp_path: Path) -> None:
    with serve_gemini() as served:
        pass
    with pytest.raises(ModelError, match="cannot be reached"):
        run(served, manifest, tmp_path, retries=0)


def test_no_more_is_asked_than_may_be_spent(server: Served, manifest: Path, tmp_path: Path) -> None:
    prices = {"input_price": 1000.0, "output_price": 0.0}
    first = run(server, manifest, tmp_path, "aligned", max_cost=2.0, **prices)
    spent = first.manifest.environment.model["cost_usd"]
    assert isinstance(spent, float)
    billed = sum(
        (sample.tokens.text or 0) + (sample.tokens.video or 0) + (sample.tokens.audio or 0)
        for sample in first.samples
        if sample.tokens is not None
    )
    assert spent == pytest.approx(billed * 1000 / 1_000_000)
    assert 0 < spent <= 2.0
    assert len({sample.error for sample in first.failures}) == 1
    assert "max_cost=2" in (first.failures[0].error or "")
    second = run(server, manifest, tmp_path, "aligned")
    assert not second.failures
    assert second.manifest.asked == len(first.failures)


def test_a_limit_without_prices_is_refused(server: Served) -> None:
    card = CardCatalogue().get("gemini")
    with pytest.raises(UsageError, match="needs prices"):
        create_model(card, arguments(server, max_cost=1.0))


def test_the_canary_finds_a_server_that_drops_the_sound(manifest: Path) -> None:
    stimuli = draw_stimuli(open_dataset(str(manifest)), 3)
    verdicts = {}
    for name, behaviour in {
        "hears": Behaviour(),
        "deaf": Behaviour(deaf=True),
        "drops": Behaviour(drops_sound=True),
    }.items():
        with serve_gemini(behaviour) as served:
            model = create_model(CardCatalogue().get("gemini"), arguments(served))
            tokens, answers = sound_canary(model, stimuli, NoProgress())
            verdicts[name] = (tokens.verdict, answers.verdict)
    assert verdicts["hears"] == (Verdict.OK, Verdict.OK)
    assert verdicts["deaf"] == (Verdict.OK, Verdict.FAIL), "its tokens are counted all the same"
    assert verdicts["drops"] == (Verdict.FAIL, Verdict.FAIL)


def test_sound_that_the_server_counts_as_nothing_is_missing(manifest: Path, tmp_path: Path) -> None:
    with serve_gemini(Behaviour(drops_sound=True)) as served:
        done = run(served, manifest, tmp_path)
    assert {sample.status for sample in done.samples} == {Status.MODALITY_MISSING}


def test_a_clip_without_picture_goes_as_the_sound_of_its_mp4(manifest: Path) -> None:
    clip = Clip(manifest.with_name("clip0.mp4"))
    whole = encode(Media(VideoFile(clip), AudioFile(clip)))
    sound = encode(Media(NoVideo(), AudioFile(clip)))
    silent = encode(Media(VideoFile(clip), NoAudio()))
    assert [item.mime_type for item in (whole, sound, silent)] == [
        "video/mp4",
        "audio/aac",
        "video/mp4",
    ]
    without_headers = [packet[ADTS_HEADER:] for packet in packets(sound.content)]
    assert packets(whole.content) == without_headers, "not encoded again"
    assert not packets(silent.content)


def packets(content: bytes) -> list[bytes]:
    import io

    with av.open(io.BytesIO(content), "r") as container:
        tracks = container.streams.audio
        return (
            [bytes(packet) for packet in container.demux(*tracks) if packet.size] if tracks else []
        )


def test_a_thinking_model_gets_room_to_think(
    server: Served, manifest: Path, tmp_path: Path
) -> None:
    run(server, manifest, tmp_path, thinking_budget=128)
    config = server.requests[0].config
    assert config["thinkingConfig"] in ({"thinking_budget": 128}, {"thinkingBudget": 128})
    assert config["maxOutputTokens"] >= 128 + 32


def test_a_key_in_an_address_is_refused_without_repeating_it() -> None:
    card = CardCatalogue().get("gemini")
    for address in ("http://user:hunter22@host", "http://host?key=hunter22", "hunter22"):
        with pytest.raises(UsageError) as caught:
            create_model(card, {"model": "x", "base_url": address})
        assert "hunter22" not in str(caught.value)


def test_prices_and_pace_do_not_change_what_is_stored(server: Served) -> None:
    card = CardCatalogue().get("gemini")
    plain = create_model(card, arguments(server))
    dear = create_model(card, arguments(server, input_price=9.0, output_price=9.0, max_in_flight=1))
    other = create_model(card, arguments(server, model="gemini-2.5-pro"))
    assert plain.fingerprint() == dear.fingerprint() != other.fingerprint()
    assert isinstance(plain, Gemini)
    assert KEY not in json.dumps([repr(plain), repr(plain.arguments), plain.describe()])


def test_a_dry_run_says_what_it_would_cost_and_asks_nothing(
    server: Served, manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = arguments(server, input_price=1000.0, output_price=1000.0)
    given = ",".join(f"{name}={value}" for name, value in values.items())
    command = ["--model", "gemini", "--model-args", given, "--tasks", "aligned", "--dry-run"]
    with pytest.raises(SystemExit) as ended:
        main([*command, "--dataset", str(manifest), "-o", str(tmp_path)])
    assert ended.value.code == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if "requests" in line)
    assert not server.requests
    found = re.fullmatch(
        r"12 requests, about ([\d,]+) tokens in, at most ([\d,]+) out: \$([\d.]+) at most", line
    )
    assert found
    tokens, out, cost = (float(part.replace(",", "")) for part in found.groups())
    assert out == 12 * 32
    assert cost == pytest.approx((tokens + out) * 1000 / 1_000_000, abs=0.01)
    # A clip of one second: a frame and a second of sound at least, two of each at most.
    assert 12 * (258 + 32) < tokens < 12 * (2 * (258 + 7 + 32) + 150)
