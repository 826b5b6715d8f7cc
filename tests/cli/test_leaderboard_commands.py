"""The leaderboard's commands as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mma_eval.cli.main import main
from mma_eval.leaderboard.registered import read_registered
from tests.leaderboard.forging import Genuine, make_genuine


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory, manifest: Path) -> Genuine:
    return make_genuine(tmp_path_factory.mktemp("typed"), manifest)


def run(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> str:
    with pytest.raises(SystemExit) as stop:
        main(["leaderboard", *map(str, arguments)])
    captured = capsys.readouterr()
    assert stop.value.code == code, captured.err
    return captured.out + captured.err


def test_three_commands_to_a_row(
    capsys: pytest.CaptureFixture[str], genuine: Genuine, manifest: Path, tmp_path: Path
) -> None:
    datasets, submissions = tmp_path / "datasets", tmp_path / "submissions"
    said = run(capsys, "register", manifest, "-o", datasets)
    (file,) = datasets.iterdir()
    assert " tasks, 216 samples" in said and read_registered(file).rows == 6
    said = run(
        capsys,
        *("submit", genuine.run.folder, "--card", "mock", "-o", submissions),
        *("--datasets", datasets, "--by", "A. Tester", "--contact", "https://example.org/me"),
    )
    assert "passes" in said and "60 answers re-scored, coverage 100.0 %" in said
    (submission,) = submissions.iterdir()
    said = run(capsys, "check", submission, "--datasets", datasets, "--json")
    (verdict,) = json.loads(said)
    assert verdict["ok"] and verdict["coverage"] == 1.0 and len(verdict["scores"]) == 10


def test_a_refusal_says_what_where_and_what_to_do(
    capsys: pytest.CaptureFixture[str], genuine: Genuine, tmp_path: Path
) -> None:
    bad = genuine.written(tmp_path, genuine.path.read_bytes()[:-9])
    said = run(capsys, "check", genuine.path, bad, "--datasets", genuine.registered.folder, code=1)
    assert f"{genuine.path.name}  passes" in said and f"{bad.name}  refused" in said
    assert "is cut off" in said and "submit" in said


def test_hostile_words_do_not_reach_the_terminal(
    capsys: pytest.CaptureFixture[str], genuine: Genuine, tmp_path: Path
) -> None:
    def forge(header: dict[str, object], answers: list[dict[str, object]]) -> None:
        answers[0]["id"] = "\x1b[2J\u202e[red]"

    path = genuine.forged(tmp_path, forge)
    said = run(capsys, "check", path, "--datasets", genuine.registered.folder, code=1)
    assert "\x1b[2J" not in said and "\u202e" not in said and "[red]" in said


def test_a_file_that_is_not_there(
    capsys: pytest.CaptureFixture[str], genuine: Genuine, tmp_path: Path
) -> None:
    said = run(capsys, "check", tmp_path / "no.gz", "--datasets", genuine.registered.folder, code=1)
    assert "cannot be read (No such file" in said


def test_no_registered_datasets(capsys: pytest.CaptureFixture[str], genuine: Genuine) -> None:
    said = run(capsys, "check", genuine.path, "--datasets", "nowhere", code=2)
    assert "--datasets nowhere: is not a folder" in said


def test_the_registered_demo_ships(capsys: pytest.CaptureFixture[str], genuine: Genuine) -> None:
    (verdict,) = json.loads(run(capsys, "check", genuine.path, "--json", code=1))
    (finding,) = verdict["findings"]
    assert "registered: 1 (demo-1-seed0-n100:26230279c3a266ba)" in finding["what"]
