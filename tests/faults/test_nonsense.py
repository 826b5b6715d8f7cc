"""Backends that raise, hang or return nonsense: each fault is one sentence."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from mma_eval import evaluate
from mma_eval.errors import StoppedError
from mma_eval.eval.receive import LONGEST_TEXT
from mma_eval.eval.run import Run
from mma_eval.eval.run_files import read_run
from mma_eval.media.source import Media
from mma_eval.models.base import Model
from mma_eval.types import (
    Answer,
    Evidence,
    OptionScore,
    Question,
    ScoreOptions,
    Status,
    TokenCounts,
)
from tests.faults.backends import Answering, Replying, bird, hang

TASK = "aligned_visual"


def run(model: Model, manifest: Path, tmp_path: Path, **settings: Any) -> Run:
    return evaluate(model, TASK, dataset=manifest, output_path=tmp_path, **settings)


def sound(question: Question) -> Answer:
    request = question.request
    scores = request.options if isinstance(request, ScoreOptions) else ()
    return Answer(
        question.id,
        Status.OK,
        text=None if scores else "Bird",
        option_scores=tuple(OptionScore(option, -1.0, 1) for option in scores),
    )


def scores(question: Question, *log_likelihoods: float) -> Answer:
    assert isinstance(question.request, ScoreOptions)
    options = question.request.options
    return Answer(
        question.id,
        Status.OK,
        option_scores=tuple(
            OptionScore(option, value, 1)
            for option, value in zip(options, log_likelihoods, strict=False)
        ),
    )


def any_answer(question: Question, status: Any, **fields: Any) -> Answer:
    """An answer as a backend without type checks may make it."""
    return Answer(question.id, status, **fields)


@pytest.mark.parametrize(
    ("nonsense", "sentence"),
    [
        (lambda q: any_answer(q, Status.OK), "returned no text"),
        (lambda q: any_answer(q, Status.OK, text=b"Bird"), "its text as bytes, not as str"),
        (lambda q: any_answer(q, Status.OK, text=3), "its text as int, not as str"),
        (
            lambda q: any_answer(q, Status.OK, text="Bird " * 10**6),
            f"a text of 5,000,000 characters, more than {LONGEST_TEXT:,}",
        ),
        (lambda q: any_answer(q, "great", text="Bird"), "the status 'great', which is none of ok"),
        (lambda q: any_answer(q, None, text="Bird"), "the status None, which is none of ok"),
        (lambda q: any_answer(q, Status.OK, text="Bird", seconds=math.nan), "nan as its seconds"),
        (lambda q: any_answer(q, Status.OK, text="Bird", tokens=(1, 2)), "token counts as tuple"),
        (
            lambda q: any_answer(
                q, Status.OK, text="Bird", tokens=TokenCounts(1, -5, 1, Evidence.COUNTED)
            ),
            "-5 as its number of video tokens",
        ),
        (lambda q: any_answer(q, Status.REFUSED, error=ValueError("no")), "error as ValueError"),
    ],
)
def test_a_nonsensical_answer_fails_its_own_question(
    manifest: Path, tmp_path: Path, nonsense: Callable[[Question], Answer], sentence: str
) -> None:
    def answers(question: Question) -> list[Answer]:
        return [nonsense(question) if "clip2" in question.id else sound(question)]

    first = run(Answering(answers), manifest, tmp_path)
    (failed,) = first.failures
    assert (failed.clip, failed.status) == ("clip2", Status.API_ERROR)
    assert sentence in str(failed.error)
    assert first.manifest.error is None
    assert read_run(first.folder)[1] == first.samples

    second = run(Answering(lambda question: [sound(question)]), manifest, tmp_path)
    assert second.manifest.asked == 1, "only the nonsense is asked again"
    assert not second.failures


@pytest.mark.parametrize(
    ("nonsense", "sentence"),
    [
        (lambda q: scores(q, math.nan, -1, -1, -1), "the log-likelihood nan for 'Bird'"),
        (lambda q: scores(q, -1, -math.inf, -1, -1), "the log-likelihood -inf for 'Cat'"),
        (lambda q: scores(q, -1, -1), "scores for other options than were asked (Door, Frog)"),
        (lambda q: Answer(q.id, Status.OK, text="Bird"), "no option scores"),
        (
            lambda q: Answer(
                q.id,
                Status.OK,
                option_scores=tuple(OptionScore(o, -1.0, -1) for o in q.request.options),
            ),
            "-1 as the tokens of 'Bird'",
        ),
    ],
)
def test_nonsensical_likelihoods_fail_their_own_question(
    manifest: Path, tmp_path: Path, nonsense: Callable[[Question], Answer], sentence: str
) -> None:
    def answers(question: Question) -> list[Answer]:
        return [nonsense(question) if "clip2" in question.id else sound(question)]

    made = run(Answering(answers), manifest, tmp_path, answer_by="likelihood")
    (failed,) = made.failures
    assert failed.clip == "clip2"
    assert sentence in str(failed.error)


def test_a_status_in_plain_words_is_the_status(manifest: Path, tmp_path: Path) -> None:
    tokens = TokenCounts(1, 1, 0, Evidence.COUNTED)

    def answers(question: Question) -> list[Answer]:
        return [Answer(question.id, "ok", text="Bird", tokens=tokens)]  # type: ignore[arg-type]

    made = run(Answering(answers), manifest, tmp_path)
    assert {sample.status for sample in made.samples} == {Status.MODALITY_MISSING}


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        (
            lambda q: [sound(q), sound(q)],
            "answered 'aligned_visual:clip0/visual', which was not asked or has",
        ),
        (lambda q: [Answer("who", Status.OK, text="Bird")], "answered 'who', which was not asked"),
        (lambda q: ["Bird"], "returned str instead of an Answer"),
        (lambda q: [None], "returned NoneType instead of an Answer"),
    ],
)
def test_what_answers_no_question_is_a_broken_backend(
    manifest: Path,
    tmp_path: Path,
    answers: Callable[[Question], Iterable[Answer]],
    sentence: str,
) -> None:
    made = run(Answering(answers), manifest, tmp_path)
    assert sentence in str(made.manifest.error)
    assert all(sentence in str(sample.error) for sample in made.failures)
    again = run(Answering(lambda question: [sound(question)]), manifest, tmp_path)
    assert not again.failures


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("a \x00 nul and \x1b[31m red", "a \x00 nul and \x1b[31m red"),
        ("half \ud83d a pair", "half \ufffd a pair"),
        ("\ud83e\udd86 in two halves", "\U0001f986 in two halves"),
        ("line\u2028separator\x85next\r\n", "line\u2028separator\x85next\r\n"),
        ("", ""),
    ],
)
def test_any_text_survives_store_and_log(
    manifest: Path, tmp_path: Path, said: str, kept: str
) -> None:
    first = run(Replying(lambda media, question: said), manifest, tmp_path)
    again = run(Replying(bird), manifest, tmp_path)
    assert again.manifest.asked == 0, "the answers come from the store"
    for made in (first.samples, again.samples, read_run(again.folder)[1]):
        assert {sample.answer for sample in made} == {kept}


def test_any_words_of_an_exception_survive(manifest: Path, tmp_path: Path) -> None:
    def raises(media: Media, question: Question) -> str:
        raise ValueError("at \udcff in a file name, \x00 and\n two lines")

    made = run(Replying(raises), manifest, tmp_path)
    _, samples = read_run(made.folder)
    assert samples[0].error == "ValueError: at \ufffd in a file name, \x00 and two lines"


def test_a_question_that_hangs_is_a_timeout_and_the_next_is_asked(
    manifest: Path, tmp_path: Path
) -> None:
    def reply(media: Media, question: Question) -> str:
        if "clip2" in question.id:
            hang()
        return "Bird"

    model = Replying(reply, answer_timeout=0.3)
    made = run(model, manifest, tmp_path)
    (failed,) = made.failures
    assert (failed.clip, failed.status) == ("clip2", Status.TIMEOUT)
    assert failed.error == "TimeoutError: no answer within 0.3 s"
    assert len(model.asked) == 6

    again = run(Replying(bird), manifest, tmp_path)
    assert again.manifest.asked == 1, "a time limit is no part of an answer's key"


def test_an_error_within_the_time_limit_is_itself(manifest: Path, tmp_path: Path) -> None:
    def reply(media: Media, question: Question) -> str:
        raise MemoryError("too much")

    made = run(Replying(reply, answer_timeout=30), manifest, tmp_path)
    assert {sample.status for sample in made.samples} == {Status.OUT_OF_MEMORY}


def test_a_run_without_answers_ends_at_its_stall_limit(manifest: Path, tmp_path: Path) -> None:
    def reply(media: Media, question: Question) -> str:
        if "clip4" in question.id:
            hang()
        return "Bird"

    with pytest.raises(StoppedError, match=r"no answer came for 0\.5 s \(--stall-limit\)"):
        run(Replying(reply), manifest, tmp_path, stall_limit=0.5)
    again = run(Replying(bird), manifest, tmp_path, stall_limit=60)
    assert again.manifest.asked == 2, "four of six answers were kept"
    assert not again.failures


def test_fail_fast_stops_at_the_first_failure(manifest: Path, tmp_path: Path) -> None:
    def reply(media: Media, question: Question) -> str:
        if "clip2" in question.id:
            raise ValueError("a fault of its own")
        return "Bird"

    model = Replying(reply)
    with pytest.raises(StoppedError, match=r"clip2/visual: api_error: ValueError: a fault of its"):
        run(model, manifest, tmp_path, fail_fast=True)
    assert len(model.asked) == 3
    slow = run(Replying(reply), manifest, tmp_path)
    assert slow.manifest.asked == 4
    assert len(slow.failures) == 1
    with pytest.raises(StoppedError):
        run(Replying(reply), manifest, tmp_path, fail_fast=True)
    again = run(Replying(bird), manifest, tmp_path, fail_fast=True)
    assert (again.manifest.asked, again.folder) == (1, slow.folder)


def test_fail_fast_stops_at_a_damaged_clip(manifest: Path, tmp_path: Path) -> None:
    folder = tmp_path / "dataset"
    folder.mkdir()
    for file in manifest.parent.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "clip1.mp4").write_bytes(b"not a clip")
    with pytest.raises(StoppedError, match=r"clip1/visual: decode_error: .*clip1\.mp4"):
        run(Replying(bird), folder / "manifest.jsonl", tmp_path, fail_fast=True)
