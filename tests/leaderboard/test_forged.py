"""Submissions whose lines say what is not so: each is refused with its reason."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

from mma_eval.leaderboard.findings import Weight
from tests.leaderboard.forging import Forgery, Genuine, Object, reasons

SCRIPT = "<script>alert(1)</script>"


def head(path: str, value: object) -> Forgery:
    """Put `value` at a dotted place of the header."""

    def forge(header: Object, answers: list[Object]) -> None:
        _put(header, path, value)

    return forge


def line(path: str, value: object, *, at: int = 0) -> Forgery:
    """Put `value` at a dotted place of one answer."""

    def forge(header: Object, answers: list[Object]) -> None:
        _put(answers[at], path, value)

    return forge


def _put(tree: Any, path: str, value: object) -> None:
    *above, last = [int(part) if part.isdecimal() else part for part in path.split(".")]
    for part in above:
        tree = tree[part]
    tree[last] = value


def drop_a_line(header: Object, answers: list[Object]) -> None:
    answers.pop()


def drop_a_wrong_answer(header: Object, answers: list[Object]) -> None:
    answers.pop()
    header["answers"] -= 1


def double_a_line(header: Object, answers: list[Object]) -> None:
    answers.append(answers[0])
    header["answers"] += 1


def answer_twice_and_leave_one_out(header: Object, answers: list[Object]) -> None:
    answers[1] = {**answers[0]}


def edit_all_scores(header: Object, answers: list[Object]) -> None:
    for claim in header["claimed"]:
        if claim["accuracy"]:
            claim["accuracy"]["k"] = claim["accuracy"]["n"]
            claim["correct"], claim["wrong"] = claim["n"], 0


def edit_a_hash(header: Object, answers: list[Object]) -> None:
    header["runs"][0]["tasks"][0]["hash"] = "0" * 16


def edit_prompts(header: Object, answers: list[Object]) -> None:
    for answer in answers:
        answer["prompt"] = "f" * 16


def swap_tasks(header: Object, answers: list[Object]) -> None:
    for answer in answers:
        answer["id"] = answer["id"].replace("/audio", "/visual")


def mix_versions(header: Object, answers: list[Object]) -> None:
    header["runs"].append({**header["runs"][0], "fingerprint": "0" * 64, "tasks": []})
    header["runs"][1]["tasks"] = [header["runs"][0]["tasks"].pop()]


def mix_seeds(header: Object, answers: list[Object]) -> None:
    mix_versions(header, answers)
    header["runs"][1]["fingerprint"] = header["runs"][0]["fingerprint"]
    header["runs"][1]["seeds"] = {**header["runs"][0]["seeds"], "sampling": 3}


def same_task_in_two_runs(header: Object, answers: list[Object]) -> None:
    header["runs"].append(header["runs"][0])


def blind(header: Object, answers: list[Object]) -> None:
    for answer in answers:
        answer["tokens"]["video"] = 0


def fail_one(header: Object, answers: list[Object]) -> None:
    answers[0] |= {"status": "timeout", "answer": None}


def scores_and_text(header: Object, answers: list[Object]) -> None:
    answers[0]["scores"] = [{"option": "Bird", "log_likelihood": -1.0, "tokens": 1}]


def by_likelihood(header: Object, answers: list[Object], probability: float = 0.1) -> None:
    header["runs"][0]["answer_by"] = "likelihood"
    options = ("Bird", "Cat", "Door", "Frog")
    for answer in answers:
        answer["answer"] = None
        answer["scores"] = [
            {"option": option, "log_likelihood": math.log(probability), "tokens": 1}
            for option in options
        ]


def certain_of_everything(header: Object, answers: list[Object]) -> None:
    by_likelihood(header, answers, probability=1.0)


def score_other_options(header: Object, answers: list[Object]) -> None:
    by_likelihood(header, answers)
    answers[0]["scores"][0]["option"] = "Unicorn"


def all_unreadable(header: Object, answers: list[Object]) -> None:
    for answer in answers:
        answer["answer"] = "well"


FORGERIES: dict[str, tuple[Forgery, str]] = {
    "path in the model's name": (head("card.name", "../../etc/passwd"), r"card\.name"),
    "absolute path as name": (head("card.name", "/etc/passwd"), r"card\.name"),
    "bidi override in the name": (head("card.name", "mock\u202e"), r"card\.name"),
    "cyrillic letter in the name": (head("card.name", "m\u043eck"), r"card\.name"),
    "zero-width in the family": (head("card.family", "Qwen\u200b2.5"), r"unseen .*U\+200B"),
    "bidi isolate in the summary": (head("card.summary", "\u2066good\u2069"), r"U\+2066"),
    "escape code in the licence": (head("card.license", "\x1b[31mMIT"), r"U\+001B"),
    "nul in the notes": (head("card.notes", "a\x00b"), r"U\+0000"),
    "half a character": (head("card.summary", "\ud800"), r"line 1: .*header"),
    "piled accents": (head("card.family", "Z" + "\u0301" * 50), r"piles accents"),
    "javascript link": (head("card.links", {"paper": "javascript:alert(1)"}), r"links.*https"),
    "data link": (head("card.links", {"paper": "data:text/html,x"}), r"links.*https"),
    "plain http link": (head("card.links", {"paper": "http://example.org"}), r"links.*https"),
    "link with a quote": (head("card.links", {"a": 'https://e.org/"onload=x'}), r"plain address"),
    "link with a password": (head("card.links", {"a": "https://a:b@example.org/"}), r"public host"),
    "script as contact": (head("contact", "https://example.org/" + SCRIPT), r"contact"),
    "contact on this machine": (head("contact", "https://localhost/"), r"public host"),
    "script as a link's name": (head("card.links", {SCRIPT: "https://example.org"}), r"links"),
    "no licence": (head("card.license", ""), r"card\.license"),
    "endless notes": (head("card.notes", "a" * 5_000), r"card\.notes"),
    "unknown key of the header": (head("trusted", True), r"trusted: is a key that no"),
    "kind claimed": (head("kind", "reproduced"), r"kind: is a key that no"),
    "unknown key of the card": (head("card.path", "/root/.ssh/id"), r"card\.path: is a key"),
    "unknown key of an answer": (line("outcome", "correct"), r"line 2.*outcome: is a key"),
    "target brought along": (line("target", "Bird"), r"target: is a key"),
    "missing card": (lambda header, _: header.pop("card"), r"card: is missing"),
    "another format": (head("format", 2), r"format"),
    "a thousand million samples": (head("answers", 10**9), r"line 1: .*answers"),
    "fewer answers than said": (drop_a_line, r"holds 59 answers and says that it holds 60"),
    "more answers than said": (head("answers", 59), r"more answers than the 59"),
    "no answers": (head("answers", 0), r"answers"),
    "an inconvenient answer left out": (drop_a_wrong_answer, r"lacks samples of all samples: 1"),
    "an answer twice": (double_a_line, r"more than once: 1 \(clip"),
    "one for another": (answer_twice_and_leave_one_out, r"(?s)more than once.*lacks samples"),
    "unknown id": (line("id", "clip99/visual"), r"does not have: 1 \(clip99/visual\)"),
    "path as id": (line("id", "../../../etc/passwd"), r"does not have: 1 \(\.\./"),
    "escape codes as id": (line("id", "\x1b[2J"), r"does not have: 1 \(\\x1b\[2J\)"),
    "ids of another question": (swap_tasks, r"does not have"),
    "answer to a task that was not run": (line("task", "cot_aligned_audio"), r"tasks that no run"),
    "edited prompts": (edit_prompts, r"other words than the registered"),
    "edited task hash": (edit_a_hash, r"registered is version 1 with"),
    "task version of tomorrow": (head("runs.0.tasks.0.version", 2), r"is version 2"),
    "unregistered task": (head("runs.0.tasks.0.name", "my_task"), r"my_task: is not registered"),
    "one score edited": (head("claimed.0.correct", 6), r"correct is claimed as 6 and is"),
    "all scores edited": (edit_all_scores, r"accuracy is claimed as 6 of 6 and is \d of 6"),
    "a score too many": (
        lambda header, _: header["claimed"].append({**header["claimed"][0], "task": "x"}),
        r"not of the tasks",
    ),
    "a score twice": (
        lambda header, _: header["claimed"].append(header["claimed"][0]),
        r"one twice",
    ),
    "an answer improved": (line("answer", "none of it"), r"aligned_visual: the claimed scores"),
    "unregistered dataset version": (
        head("dataset.version", "demo-1-seed0-n100:0123456789abcdef"),
        r"is not registered",
    ),
    "path as dataset version": (head("dataset.version", "../../datasets/x"), r"not registered"),
    "another name for the clips": (head("dataset.name", "easy"), r"and the file names it easy"),
    "rows claimed": (head("dataset.rows", 7), r"has 6 rows and is said to have 7"),
    "mixed weights": (mix_versions, r"different models or weights"),
    "mixed seeds": (mix_seeds, r"different seeds"),
    "another pairing": (head("runs.0.seeds.pairing", 1), r"pairing is 1"),
    "a limit that was not there": (head("runs.0.limit", 3), r"said to have 6 samples, and has 3"),
    "a task in two runs": (same_task_in_two_runs, r"is in two runs"),
    "a blind model": (blind, r"no video token reached the model"),
    "negative tokens": (line("tokens.video", -1), r"tokens\.video"),
    "tokens as text": (line("tokens.video", "12"), r"tokens\.video"),
    "endless tokens": (line("tokens.text", 10**30), r"tokens\.text"),
    "status that is none": (line("status", "superb"), r"line 2.*status"),
    "failed machinery": (fail_one, r"1 failed with timeout"),
    "evidence that is none": (line("tokens.evidence", "sworn"), r"evidence"),
    "answer that is no text": (line("answer", 12), r"answer"),
    "no answer at all": (line("answer", None), r"has no text"),
    "answer without end": (line("answer", "a" * 30_000), r"answer"),
    "answer with half a character": (line("answer", "\ud83d"), r"line 2"),
    "scores beside text": (scores_and_text, r"option scores in a run that asked for text"),
    "probabilities above one": (certain_of_everything, r"sum to more than one"),
    "scores of other options": (score_other_options, r"no score for each of the options"),
    "positive log-likelihood": (
        line("scores", [{"option": "Bird", "log_likelihood": 3.0, "tokens": 1}]),
        r"log_likelihood",
    ),
    "nan as score": (
        line("scores", [{"option": "Bird", "log_likelihood": math.nan, "tokens": 1}]),
        r"holds NaN",
    ),
    "infinite temperature": (head("card.decoding.temperature", math.inf), r"holds Infinity"),
    "minus infinity": (head("card.decoding.top_p", -math.inf), r"holds -Infinity"),
    "huge number": (head("card.parameters", 10**400), r"parameters|not a JSON object"),
    "number beyond reading": (head("claimed.0.k", 1), r"claimed\.0\.k: is a key"),
    "deep nesting": (
        head("card.arguments", json.loads('{"a":' * 90 + "1" + "}" * 90)),
        r"nested deeper",
    ),
    "unreadable answers": (
        all_unreadable,
        r"in 100\.0 % of 60 answers no option",
    ),
}
FIELDS_OF_TEXT = (
    "card.name",
    "card.backend",
    "card.family",
    "card.summary",
    "card.license",
    "card.weights",
    "card.revision",
    "card.system_prompt",
    "card.notes",
    "dataset.name",
    "dataset.version",
    "runs.0.fingerprint",
    "runs.0.split",
    "runs.0.mma_eval",
    "runs.0.git_commit",
    "runs.0.python",
    "runs.0.platform",
    "runs.0.tasks.0.name",
    "runs.0.tasks.0.hash",
    "claimed.0.task",
    "submitter",
    "contact",
)


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_refused_with_its_reason(genuine: Genuine, tmp_path: Path, name: str) -> None:
    forgery, reason = FORGERIES[name]
    path = genuine.forged(tmp_path, forgery)
    verdict = genuine.check(path)
    assert not verdict.ok
    assert re.search(reason, reasons(verdict)), reasons(verdict)
    assert all(found.todo for found in verdict.findings if found.weight is Weight.ERROR)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("field", FIELDS_OF_TEXT)
def test_a_script_in_a_field_is_refused(genuine: Genuine, tmp_path: Path, field: str) -> None:
    verdict = genuine.check(genuine.forged(tmp_path, head(field, SCRIPT)))
    assert not verdict.ok
    assert field in reasons(verdict)
    assert SCRIPT not in reasons(verdict)


def test_a_script_as_an_answer_is_text(genuine: Genuine, tmp_path: Path) -> None:
    """What a model says is kept; it only fails to be the answer that was claimed."""
    verdict = genuine.check(genuine.forged(tmp_path, line("answer", SCRIPT)))
    assert verdict.rescored is not None
    first = verdict.rescored.records_by_task["aligned_visual"][0]
    assert first.answer == SCRIPT
