"""From runs to a submission and back: the same numbers, and nothing of the machine."""

from __future__ import annotations

import getpass
import gzip
import json
import platform
import shutil
from pathlib import Path
from typing import Any

import pytest

from mma_eval import evaluate
from mma_eval.errors import CardError, MmaEvalError, UsageError
from mma_eval.eval.run import Run
from mma_eval.leaderboard.check import check
from mma_eval.leaderboard.likeness import likeness_of
from mma_eval.leaderboard.read_submission import read_submission
from mma_eval.leaderboard.register import register
from mma_eval.leaderboard.registered import RegisteredDatasets, write_registered
from mma_eval.leaderboard.submission import write_submission
from mma_eval.leaderboard.submit import prepare
from mma_eval.task.dataset import open_dataset
from tests.leaderboard.forging import Genuine, reasons


def submitted(folder: Path, card: str | Path, *runs: Run) -> Path:
    prepared = prepare([run.folder for run in runs], str(card), submitter=None, contact=None)
    return write_submission(folder, prepared.header, prepared.answers)


def quick(folder: Path, manifest: Path, tasks: str, **settings: Any) -> Run:
    arguments = {"behaviour": "random", **settings.pop("model_args", {})}
    return evaluate(
        "mock", tasks, dataset=manifest, output_path=folder, model_args=arguments, **settings
    )


def test_what_is_scored_again_is_what_the_run_says(genuine: Genuine) -> None:
    verdict = genuine.check(genuine.path)
    assert verdict.ok, reasons(verdict)
    assert verdict.rescored is not None
    assert verdict.rescored.scores == genuine.run.scores
    assert verdict.rescored.coverage == 1.0
    assert verdict.rescored.card.name == "mock"


def test_every_sample_is_scored_as_in_the_run(genuine: Genuine) -> None:
    rescored = genuine.check(genuine.path).rescored
    assert rescored is not None
    for sample in genuine.run.samples:
        (again,) = (r for r in rescored.records_by_task[sample.task] if r.id == sample.id)
        for name in ("answer", "outcome", "option", "attribution", "target", "prompt", "options"):
            assert getattr(again, name) == getattr(sample, name)


def test_the_specimen_goes_round(tmp_path: Path) -> None:
    clips = "demo:count=3"
    run = evaluate("tiny-omni", "misalign", dataset=clips, limit=2, output_path=tmp_path)
    path = submitted(tmp_path / "submissions", "tiny-omni", run)
    write_registered(tmp_path / "datasets", register(open_dataset(clips)))
    verdict = check(path, RegisteredDatasets(tmp_path / "datasets"))
    assert verdict.ok, reasons(verdict)
    assert "least is misalign_visual with 66.7 % of 3" in reasons(verdict)
    assert verdict.rescored is not None
    assert verdict.rescored.scores == run.scores


def test_several_runs_make_one_row(genuine: Genuine, tmp_path: Path, manifest: Path) -> None:
    """Both right is of two tasks, whichever runs they come from."""
    runs = [quick(tmp_path, manifest, f"misalign_{ask}") for ask in ("visual", "audio")]
    verdict = genuine.check(submitted(tmp_path / "submissions", "mock", *runs))
    assert verdict.ok, reasons(verdict)
    assert verdict.rescored is not None
    (pair,) = verdict.rescored.scores.pairs
    assert pair.both_right.n == 6


def test_answers_by_likelihood_go_round(tmp_path: Path, manifest: Path, genuine: Genuine) -> None:
    run = evaluate(
        "tiny-omni",
        "aligned_visual",
        dataset=manifest,
        limit=1,
        answer_by="likelihood",
        output_path=tmp_path,
    )
    verdict = genuine.check(submitted(tmp_path / "submissions", "tiny-omni", run))
    assert verdict.ok, reasons(verdict)


def test_the_same_runs_make_the_same_answers(genuine: Genuine, tmp_path: Path) -> None:
    again = submitted(tmp_path, "mock", genuine.run)
    assert again.name == genuine.path.name
    assert read_submission(again).answers == read_submission(genuine.path).answers


def test_nothing_of_the_machine_is_in_it(
    tmp_path: Path, manifest: Path, genuine: Genuine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "sk-1234567890")
    script = tmp_path / "own" / "script.json"
    script.parent.mkdir()
    said = {s.id: f"Bird, see {script}, key sk-1234567890" for s in genuine.run.samples}
    script.write_text(json.dumps(said))
    run = quick(
        tmp_path, manifest, "aligned", model_args={"behaviour": "script", "script": str(script)}
    )
    path = submitted(tmp_path / "submissions", "mock", run)
    content = gzip.decompress(path.read_bytes()).decode()
    for told in (str(tmp_path), str(manifest.parent), str(Path.home()), "sk-1234567890"):
        assert told not in content
    header = content.splitlines()[0]
    assert platform.node() not in header and f'"{getpass.getuser()}"' not in header
    assert "Bird, see [path], key [key]" in content


@pytest.mark.parametrize(
    ("tasks", "settings", "said"),
    [
        ("cot_aligned_audio", {"seed": 1}, "different seeds"),
        ("cot_aligned_audio", {"model_args": {"behaviour": "first"}}, "different weights, arg"),
        ("cot_aligned_audio", {"gen_kwargs": {"top_p": 0.5}}, "different generation settings"),
        ("aligned_visual", {"limit": 2}, "aligned_visual is in"),
    ],
)
def test_runs_that_make_no_one_row(
    genuine: Genuine,
    tmp_path: Path,
    manifest: Path,
    tasks: str,
    settings: dict[str, Any],
    said: str,
) -> None:
    other = quick(tmp_path, manifest, tasks, **settings)
    with pytest.raises(UsageError, match=said):
        submitted(tmp_path / "submissions", "mock", genuine.run, other)
    assert not (tmp_path / "submissions").exists()


def test_other_clips_make_another_row(genuine: Genuine, tmp_path: Path, manifest: Path) -> None:
    shutil.copytree(manifest.parent, tmp_path / "others")
    labels = tmp_path / "others" / "labels.txt"
    labels.write_text(labels.read_text() + "Gong\n")
    other = quick(tmp_path, tmp_path / "others" / manifest.name, "cot_aligned_audio")
    with pytest.raises(UsageError, match="different dataset versions"):
        submitted(tmp_path / "submissions", "mock", genuine.run, other)


def test_a_failed_sample_bars_it(tmp_path: Path, manifest: Path) -> None:
    run = quick(tmp_path, manifest, "aligned_visual", model_args={"behaviour": "fail"})
    with pytest.raises(UsageError, match="the machinery failed on 6 .*asks them again"):
        submitted(tmp_path / "submissions", "mock", run)


def test_a_run_without_scores_is_scored_first(tmp_path: Path, manifest: Path) -> None:
    run = quick(tmp_path, manifest, "aligned_visual", predict_only=True)
    with pytest.raises(UsageError, match="mma-eval score"):
        submitted(tmp_path / "submissions", "mock", run)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("name: other", "says name: other, and the runs were made with mock"),
        ("links: {paper: 'http://example.org'}", "links.paper: must be an https"),
        ("notes: '<img src=x>'", "notes: holds '<' before a letter"),
        ('family: "Mock\\u202e"', r"family: holds the unseen character U\+202E"),
        ("context_length: 12", "says context_length: 12"),
    ],
)
def test_a_card_that_cannot_be_shown_or_is_of_another_model(
    genuine: Genuine, tmp_path: Path, change: str, said: str
) -> None:
    import yaml

    card = json.loads(genuine.run.manifest.card.model_dump_json(exclude={"path"}))
    card |= yaml.safe_load(change)
    path = tmp_path / "card.yaml"
    path.write_text(json.dumps(card))
    with pytest.raises(CardError, match=said):
        submitted(tmp_path / "submissions", path, genuine.run)
    assert not (tmp_path / "submissions").exists()


def test_a_contact_that_is_no_address(genuine: Genuine) -> None:
    with pytest.raises(MmaEvalError, match="--contact: "):
        prepare([genuine.run.folder], "mock", submitter=None, contact="mail me")


def test_copies_are_flagged(genuine: Genuine, tmp_path: Path) -> None:
    mine = likeness_of("mine.submission.gz", read_submission(genuine.path))

    def rename(header: dict[str, Any], answers: list[dict[str, Any]]) -> None:
        header["card"]["name"] = "better-mock"

    def reword(header: dict[str, Any], answers: list[dict[str, Any]]) -> None:
        rename(header, answers)
        answers[0]["tokens"]["text"] += 1

    name = genuine.path.name.replace("mock@", "better-mock@")
    for forgery, weight in ((rename, "error"), (reword, "warning")):
        path = genuine.forged(tmp_path, forgery).rename(tmp_path / name)
        verdict = check(path, genuine.registered, [mine])
        assert f"{weight} the answers: " in reasons(verdict)
        assert "those of mine.submission.gz" in reasons(verdict)
        assert verdict.ok == (weight == "warning")
