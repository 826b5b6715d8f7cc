"""The real HTTP client and a server on this machine, through whole runs."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest

from mma_eval import evaluate
from mma_eval.cli.main import main
from mma_eval.errors import ModelError, UsageError
from mma_eval.eval.run import Run
from mma_eval.media.source import Media, NoAudio, NoVideo
from mma_eval.models.catalogue import CardCatalogue, create_model
from mma_eval.models.openai.service import LONGEST_PROMPT
from mma_eval.types import Evidence, Question, ScoreOptions, Status
from tests.models.servers.openai_server import (
    CLOSING,
    LETTER,
    Behaviour,
    Fault,
    Served,
    serve,
)

ALIGNED = 12
"""Questions of the two aligned tasks on the six clips."""
CANARIES = 4
"""Chat requests before the first question."""
KEY = "sk-test-0123456789abcdef"
QUESTION = "audio content"
"""In the text of every audio question and of no canary."""


def run_on(
    servers: Served | list[Served], tasks: str, manifest: Path, output: Path, **arguments: Any
) -> Run:
    several = servers if isinstance(servers, list) else [servers]
    return evaluate(
        "openai",
        tasks,
        dataset=manifest,
        output_path=output,
        model_args={
            "base_url": [server.address for server in several],
            "first_wait": 0.01,
            **arguments,
        },
    )


def statuses(run: Run) -> dict[str, int]:
    counted: dict[str, int] = {}
    for sample in run.samples:
        counted[sample.status.value] = counted.get(sample.status.value, 0) + 1
    return counted


def questions(server: Served) -> list[dict[str, Any]]:
    """Chat requests after the canaries."""
    return server.requests[CANARIES:]


@pytest.mark.parametrize("audio", ["in_video", "input_audio"])
def test_every_task_is_answered_and_every_stream_arrives(
    manifest: Path, tmp_path: Path, audio: str
) -> None:
    with serve() as server:
        run = run_on(server, "mma_bench", manifest, tmp_path, audio=audio)

    assert run.scores is not None
    assert run.scores.coverage == 1.0
    for sample in run.samples:
        tokens = sample.tokens
        assert tokens is not None
        assert tokens.evidence is Evidence.REPORTED
        assert (tokens.video or 0) > 0
        assert (tokens.audio or 0) > 0
        assert (tokens.text or 0) > 0


def test_streams_that_are_absent_are_not_sent(manifest: Path, tmp_path: Path) -> None:
    with serve() as server:
        picture = evaluate(
            "openai",
            "aligned_visual",
            dataset=manifest,
            perturb=["strip_audio"],
            output_path=tmp_path,
            model_args={"base_url": server.address},
        )
        sound = evaluate(
            "openai",
            "aligned_audio",
            dataset=manifest,
            perturb=["strip_video"],
            output_path=tmp_path,
            model_args={"base_url": server.address},
        )

    assert {sample.tokens.audio for sample in picture.samples if sample.tokens} == {0}
    assert {sample.tokens.audio for sample in sound.samples if sample.tokens} != {0}
    assert statuses(picture) == statuses(sound) == {"ok": 6}


def test_decoding_is_stated_and_the_text_comes_last(manifest: Path, tmp_path: Path) -> None:
    with serve() as server:
        run_on(server, "aligned", manifest, tmp_path, system_prompt="Be brief.")

    assert len(questions(server)) == ALIGNED
    for body in questions(server):
        assert body["temperature"] == 0.0
        assert body["top_p"] == 1.0
        assert body["repetition_penalty"] == 1.0
        assert body["max_tokens"] > 0
        assert "seed" not in body, "nothing is sampled"
        assert body["mm_processor_kwargs"] == {"use_audio_in_video": True}
        system, user = body["messages"]
        assert system == {"role": "system", "content": "Be brief."}
        assert [part["type"] for part in user["content"]] == ["video_url", "text"]


def test_what_is_sampled_is_sent_with_its_seed(manifest: Path, tmp_path: Path) -> None:
    with serve() as server:
        evaluate(
            "openai",
            "aligned_visual",
            dataset=manifest,
            seed=7,
            gen_kwargs={"temperature": 0.6},
            output_path=tmp_path,
            model_args={"base_url": server.address},
        )

    assert {(body["temperature"], body["seed"]) for body in questions(server)} == {(0.6, 7)}


@pytest.mark.parametrize(
    "fault",
    [
        Fault(429, b'{"error": {"message": "busy"}}', (("Retry-After", "0"),), times=3),
        Fault(429, b'{"error": {"message": "busy"}}', times=3),
        Fault(503, b"overloaded", times=2),
        Fault(500, b"<html>internal error</html>", times=2),
        Fault(200, b'{"choices": [', times=2),
        Fault(200, b'{"choices": []}', times=2),
    ],
    ids=["429 with delay", "429", "503", "500", "broken JSON", "no choice"],
)
def test_what_passes_is_asked_again(manifest: Path, tmp_path: Path, fault: Fault) -> None:
    fault.where = QUESTION
    struck = fault.times
    with serve(Behaviour(faults=[fault])) as server:
        run = run_on(server, "aligned", manifest, tmp_path)

    assert statuses(run) == {"ok": ALIGNED}
    assert len(questions(server)) == ALIGNED + struck


def test_a_delay_beyond_patience_is_not_waited_for(manifest: Path, tmp_path: Path) -> None:
    busy = Fault(429, b"come back", (("Retry-After", "3600"),), times=1, where=QUESTION)
    with serve(Behaviour(faults=[busy])) as server:
        run = run_on(server, "aligned", manifest, tmp_path)

    (failed,) = run.failures
    assert failed.status is Status.API_ERROR
    assert "HTTP 429: come back" in (failed.error or "")


def test_what_does_not_pass_fails_its_own_question(manifest: Path, tmp_path: Path) -> None:
    broken = Fault(500, b'{"error": {"message": "engine dead"}}', times=10_000, where=QUESTION)
    with serve(Behaviour(faults=[broken])) as server:
        run = run_on(server, "aligned", manifest, tmp_path, retries=1)

    assert statuses(run) == {"ok": 6, "api_error": 6}
    assert run.scores is not None
    assert run.scores.coverage == 0.5
    assert all("HTTP 500: engine dead" in (sample.error or "") for sample in run.failures)


def test_a_late_answer_is_a_timeout_and_the_same_command_asks_it_again(
    manifest: Path, tmp_path: Path
) -> None:
    late = Fault(seconds=4.0, where=QUESTION)
    with serve(Behaviour(faults=[late])) as server:
        first = run_on(server, "aligned", manifest, tmp_path, answer_timeout=2.0)
        second = run_on(server, "aligned", manifest, tmp_path, answer_timeout=60.0)

    timeouts = statuses(first)["timeout"]
    assert timeouts >= 1
    assert all("within 2.0 s" in (sample.error or "") for sample in first.failures)
    assert statuses(second) == {"ok": ALIGNED}
    assert second.manifest.asked == timeouts


def test_a_refusal_is_an_answer(manifest: Path, tmp_path: Path) -> None:
    behaviour = Behaviour(refuses="audio content", filters="visual content")
    with serve(behaviour) as server:
        run = run_on(server, "aligned", manifest, tmp_path)

    assert statuses(run) == {"refused": ALIGNED}
    assert run.scores is not None
    assert run.scores.coverage == 1.0
    accuracy = run.scores.tasks[0].accuracy
    assert accuracy is not None
    assert (accuracy.k, accuracy.n) == (0, 6)
    reasons = {sample.ask: sample.error for sample in run.samples}
    assert reasons["audio"] == "I cannot help with that."
    assert reasons["visual"] == "the server's content filter stopped the answer"


def test_a_prompt_that_does_not_fit_is_an_overflow(manifest: Path, tmp_path: Path) -> None:
    prices = {"input_price": 1.0, "output_price": 0.0, "max_cost": 1.0}
    with serve(Behaviour(context=4_000)) as server:
        run = run_on(server, "long_context_visual,aligned_visual", manifest, tmp_path, **prices)

    by_task = {sample.task: sample.status for sample in run.samples}
    assert by_task == {"long_context_visual": "context_overflow", "aligned_visual": "ok"}
    used = run.manifest.environment.model
    assert isinstance(used["input_tokens"], int)
    assert used["cost_usd"] == pytest.approx(used["input_tokens"] / 1e6, abs=1e-6), (
        "a prompt that was turned down costs nothing"
    )


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (
            "Input length (40000) exceeds model's maximum context length (32768).",
            "context_overflow",
        ),
        (
            "The decoder prompt is longer than the maximum model length of 32768.",
            "context_overflow",
        ),
        ("blocked by content_filter", "refused"),
        ("Failed to apply Qwen3OmniMoeProcessor on data", "api_error"),
    ],
)
def test_a_bad_request_is_what_the_server_says_it_is(
    manifest: Path, tmp_path: Path, words: str, status: str
) -> None:
    said = json.dumps({"error": {"message": words, "code": 400}}).encode()
    with serve(Behaviour(faults=[Fault(400, said, where=QUESTION)])) as server:
        run = run_on(server, "aligned", manifest, tmp_path)

    assert statuses(run) == {"ok": ALIGNED - 1, status: 1}
    assert len(questions(server)) == ALIGNED, "nothing was repeated"
    (odd,) = [sample for sample in run.samples if sample.status != "ok"]
    assert words in (odd.error or "")


def test_long_context_is_measured_by_the_server(manifest: Path, tmp_path: Path) -> None:
    with serve() as server:
        run = run_on(server, "long_context_visual,aligned_visual", manifest, tmp_path)

    text = {sample.task: sample.tokens.text or 0 for sample in run.samples if sample.tokens}
    added = text["long_context_visual"] - text["aligned_visual"]
    assert 10_000 <= added <= 10_002, "10,000 tokens, a character each here, and a line break"


def test_a_server_that_drops_the_sound_is_found_out(manifest: Path, tmp_path: Path) -> None:
    with (
        serve(Behaviour(drops_sound=True)) as server,
        pytest.raises(ModelError, match="drops the sound: .*use_audio_in_video"),
    ):
        run_on(server, "aligned", manifest, tmp_path)

    assert len(server.requests) <= CANARIES, "no question was asked"


@pytest.mark.parametrize("audio", ["in_video", "input_audio"])
def test_a_cache_that_mixes_clips_is_found_out(manifest: Path, tmp_path: Path, audio: str) -> None:
    with (
        serve(Behaviour(reuses_layouts=True)) as server,
        pytest.raises(ModelError, match="--mm-processor-cache-gb 0"),
    ):
        run_on(server, "aligned", manifest, tmp_path, audio=audio)


def test_without_the_canary_a_dropped_sound_is_no_score(manifest: Path, tmp_path: Path) -> None:
    with serve(Behaviour(drops_sound=True)) as server:
        run = run_on(server, "aligned", manifest, tmp_path, canary=False)

    assert statuses(run) == {"modality_missing": ALIGNED}
    assert run.manifest.environment.model["canary"] == "skipped"


def test_a_total_alone_proves_nothing_but_the_canary(manifest: Path, tmp_path: Path) -> None:
    with serve(Behaviour(counts_media=False)) as server:
        run = run_on(server, "aligned", manifest, tmp_path)

    for sample in run.samples:
        assert sample.tokens is not None
        assert sample.tokens.evidence is Evidence.CANARY
        assert (sample.tokens.text, sample.tokens.video, sample.tokens.audio) == (None,) * 3


def test_two_servers_share_the_work(manifest: Path, tmp_path: Path) -> None:
    with serve(Behaviour(seconds=0.02)) as one, serve(Behaviour(seconds=0.02)) as two:
        run = run_on([one, two], "aligned", manifest, tmp_path)

    assert statuses(run) == {"ok": ALIGNED}
    assert questions(one), "the first had a share"
    assert questions(two), "the second had a share"
    assert len(questions(one)) + len(questions(two)) == ALIGNED, "nothing was asked twice"


def test_a_server_that_dies_leaves_its_work_to_the_other(manifest: Path, tmp_path: Path) -> None:
    mortal = Behaviour(seconds=0.02, dies_after=CANARIES + 2)
    with serve(mortal) as one, serve(Behaviour(seconds=0.02)) as two:
        run = run_on([one, two], "aligned,misalign", manifest, tmp_path, retries=2)

    assert one.dead
    assert set(statuses(run)) == {"ok"}
    assert one.answered == CANARIES + 2


def test_what_one_server_fails_another_answers(manifest: Path, tmp_path: Path) -> None:
    broken = Fault(500, b'{"error": {"message": "engine dead"}}', times=10_000, where=QUESTION)
    with serve(Behaviour(faults=[broken])) as one, serve() as two:
        run = run_on([one, two], "aligned", manifest, tmp_path, retries=1)

    assert statuses(run) == {"ok": ALIGNED}


def test_what_every_server_fails_is_put_to_each_once(manifest: Path, tmp_path: Path) -> None:
    def broken() -> Fault:
        return Fault(500, b'{"error": {"message": "engine dead"}}', times=10_000, where=QUESTION)

    with serve(Behaviour(faults=[broken()])) as one, serve(Behaviour(faults=[broken()])) as two:
        run = run_on([one, two], "aligned_audio", manifest, tmp_path, retries=0)

    assert statuses(run) == {"api_error": 6}
    assert len(questions(one)) == len(questions(two)) == 6


def test_a_run_whose_only_server_dies_goes_on_later(manifest: Path, tmp_path: Path) -> None:
    with serve(Behaviour(dies_after=CANARIES + 5)) as server:
        first = run_on(server, "aligned", manifest, tmp_path, retries=1, max_in_flight=1)
    with serve() as server:
        second = run_on(server, "aligned", manifest, tmp_path)

    assert statuses(first) == {"ok": 5, "api_error": ALIGNED - 5}
    assert any("no connection" in (sample.error or "") for sample in first.failures)
    assert statuses(second) == {"ok": ALIGNED}
    assert second.manifest.asked == ALIGNED - 5, "the address is not part of an answer's key"


def test_servers_of_different_models_do_not_share(manifest: Path, tmp_path: Path) -> None:
    with (
        serve() as one,
        serve(Behaviour(root="Qwen/Qwen3-Omni-30B-A3B-Instruct")) as two,
        pytest.raises(ModelError, match="do not serve the same model"),
    ):
        run_on([one, two], "aligned", manifest, tmp_path)


def test_a_model_that_is_not_served_is_an_error(manifest: Path, tmp_path: Path) -> None:
    with serve() as server, pytest.raises(ModelError, match=r"serves Qwen/.*, not 'other'"):
        run_on(server, "aligned", manifest, tmp_path, model="other")


def test_a_server_that_is_not_there_is_an_error(manifest: Path, tmp_path: Path) -> None:
    with serve() as server:
        pass
    with pytest.raises(ModelError, match="no connection"):
        run_on(server, "aligned", manifest, tmp_path)


def test_the_key_is_sent_and_never_shown(
    manifest: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    telling = Fault(500, f"bad header Bearer {KEY}".encode(), times=10_000, where=QUESTION)
    with serve(Behaviour(key=KEY, faults=[telling])) as server:
        run = run_on(server, "aligned", manifest, tmp_path, key_env="MY_KEY", retries=0)
        model = create_model(
            CardCatalogue().get("openai"), {"base_url": server.address, "key_env": "MY_KEY"}
        )
        model.load()

    assert statuses(run) == {"ok": 6, "api_error": 6}
    assert {headers["Authorization"] for headers in server.headers} == {f"Bearer {KEY}"}
    shown = [repr(model), repr(vars(model)), repr(model.describe()), model.fingerprint()]
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert kept
    assert not any(KEY in text for text in (*shown, caplog.text))
    assert not any(KEY.encode() in content for content in kept)


def test_a_refused_key_is_named_by_its_variable(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serve(Behaviour(key="another")) as server, pytest.raises(ModelError) as caught:
        run_on(server, "aligned", manifest, tmp_path)

    assert "HTTP 401" in str(caught.value)
    assert "OPENAI_API_KEY" in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("addresses", "said"),
    [
        ([], "set --model-args base_url="),
        ("ftp://host/v1", "must start with http"),
        (f"http://user:{KEY}@host/v1", "belongs into the environment"),
        (["http://host/v1", "http://host/v1/"], "names a server twice"),
    ],
)
def test_an_address_is_checked_before_anything_is_sent(addresses: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        create_model(CardCatalogue().get("openai"), {"base_url": addresses})
    assert KEY not in str(caught.value)


def test_the_fingerprint_is_of_the_model_not_of_its_address() -> None:
    def fingerprint(server: Served, **arguments: Any) -> str:
        card = CardCatalogue().get("openai")
        return create_model(card, {"base_url": server.address, **arguments}).fingerprint()

    with serve() as one, serve() as two, serve(Behaviour(root="another")) as other:
        own = fingerprint(one)
        assert fingerprint(two, max_in_flight=3) == own
        assert fingerprint(other) != own
        assert fingerprint(one, audio="input_audio") != own
        assert fingerprint(one, system_prompt="Be brief.") != own


def test_options_are_scored_by_the_likelihood_of_their_tokens(
    manifest: Path, tmp_path: Path
) -> None:
    with serve() as server:
        run = score_on(server, manifest, tmp_path)

    assert statuses(run) == {"ok": 6}
    for sample in run.samples:
        assert [score.option for score in sample.option_scores] == list(sample.options)
        for score in sample.option_scores:
            letters = len(score.option)
            assert score.log_likelihood == pytest.approx(letters * LETTER + CLOSING)
            assert score.tokens == letters + 1


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ("none", "tells no likelihoods of a prompt's tokens"),
        ("shifted", "where the option 'Bird' should stand"),
        ("open", "no closing token stands behind the options"),
    ],
)
def test_likelihoods_of_other_tokens_are_no_scores(
    manifest: Path, tmp_path: Path, scores: Any, said: str
) -> None:
    with serve(Behaviour(scores=scores)) as server:
        run = score_on(server, manifest, tmp_path)

    assert statuses(run) == {"api_error": 6}
    assert all(said in (sample.error or "") for sample in run.samples)


def score_on(server: Served, manifest: Path, output: Path) -> Run:
    return evaluate(
        "openai",
        "aligned_visual",
        dataset=manifest,
        answer_by="likelihood",
        output_path=output,
        model_args={"base_url": server.address},
    )


def test_a_dry_run_says_what_would_be_sent_and_asks_nothing(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve() as server:
        given = f"base_url={server.address},tokenizer=package:tiny-omni"
        said = dry_run(given, manifest, tmp_path, capsys)
        assert not server.requests
        run_on(server, "aligned", manifest, tmp_path)
        sent = sum(int(headers["Content-Length"]) for headers in server.headers[CANARIES:])
    line = re.fullmatch(
        r"16 requests, about ([\d.]+) MB to send, ([\d,]+) tokens of text, at most (\d+) tokens "
        r"out: price unknown: set .*",
        said,
    )
    assert line
    assert sent / 3 <= float(line[1]) * 1e6 <= 3 * sent
    assert 12 * 10 < int(line[2].replace(",", "")) < 12 * 200
    assert int(line[3]) == CANARIES + ALIGNED * 32


def test_a_question_by_likelihood_counts_as_a_request_for_each_option() -> None:
    prices = {"input_price": 1.0, "output_price": 2.0}
    model = create_model(
        CardCatalogue().get("openai"), {"base_url": "http://host/v1", "canary": False, **prices}
    )
    options = ScoreOptions(("Bird", "Cat", "Door"))
    question = Question("q", "", "Which?", options)
    bill = model.estimate([(Media(NoVideo(), NoAudio()), question)])
    assert bill is not None
    assert (bill.requests, bill.output) == (4, 4)
    assert bill.sent_bytes == 4 * len("Which?")
    assert bill.text is None, "no tokenizer was named, and no server is asked"
    # Every prompt may fill the context, of which only the server knows the length.
    assert bill.cost == pytest.approx((4 * LONGEST_PROMPT * 1.0 + 4 * 2.0) / 1e6)


def dry_run(given: str, manifest: Path, output: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The line of what all of it would use."""
    command = ["--model", "openai", "--model-args", given, "--tasks", "aligned", "--dry-run"]
    with pytest.raises(SystemExit) as ended:
        main([*command, "--dataset", str(manifest), "-o", str(output)])
    assert ended.value.code == 0
    return next(line for line in capsys.readouterr().out.splitlines() if "requests" in line)
