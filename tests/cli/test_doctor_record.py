"""`mma-eval doctor --save` and `--against`: files, exit codes and what is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mma_eval.cli.main import main
from mma_eval.eval.doctor.record import read_record, write_record
from tests.cli.test_doctor_command import doctor
from tests.eval.doctor.examined import deaf_record


def test_a_record_is_written_and_agrees_with_itself(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, shown, _ = doctor(capsys, "--model", "tiny-omni", "--save", "--clips", 1)
    assert code == 0
    assert "Wrote doctor-tiny-omni.json: 32 answers on 1 clip," in shown
    assert list(read_record(tmp_path / "doctor-tiny-omni.json").clips.files) == ["demo-00008"]
    code, shown, _ = doctor(
        capsys, "--model", "tiny-omni", "--against", "doctor-tiny-omni.json", "--save", "here.json"
    )
    assert code == 0
    assert "Shown bit for bit the same: 9 of 9" in shown
    assert "agrees: all 32 answers" in shown
    assert (tmp_path / "here.json").is_file()


def test_a_difference_ends_with_1(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    write_record(path, deaf_record())
    code, shown, _ = doctor(capsys, "--model", "tiny-omni", "--against", path, "--json")
    assert code == 1
    found = json.loads(shown)["against"]
    assert found["verdict"] == "FAIL"
    assert found["shown_differently"] == []


def test_ten_clips_and_a_record_even_where_a_check_fails(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "record.json"
    code, _, _ = doctor(capsys, "--model", "mock", "--save", path)
    assert code == 1, "the mock is deaf and blind"
    assert len(read_record(path).clips.files) == 10


def test_a_record_that_came_in_is_shown_with_its_card(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mma_eval.eval.doctor.record.data_folder", lambda kind: tmp_path / kind)
    place = tmp_path / "model_cards" / "records" / "tiny-omni" / "some-gpu.json"
    write_record(place, deaf_record())
    with pytest.raises(SystemExit):
        main(["show", "tiny-omni"])
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "some-gpu.json" in line)
    assert "fp32" in line
    assert "1 FAIL" in line


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--save"], "--save and --against need --model"),
        (["--against", "record.json"], "--save and --against need --model"),
        (["--model", "mock", "record.json"], "is the file of --save"),
        (["--model", "mock", "--tolerance", "1"], "--tolerance needs --against"),
        (["--model", "mock", "--against", "nowhere.json"], "nowhere.json: cannot be read"),
        (["--model", "mock", "--against", "notes.txt"], "is not a record of the doctor"),
        (["--model", "mock", "--save", "notes.txt"], "holds something else than a record"),
        (["--model", "mock", "--against", "own.json"], "name it with --dataset"),
    ],
)
def test_wrong_usage(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("notes\n")
    record = deaf_record()
    clips = record.clips.model_copy(update={"dataset": None})
    write_record(tmp_path / "own.json", record.model_copy(update={"clips": clips}))
    code, _, errors = doctor(capsys, *arguments)
    assert code == 2
    assert told in errors
    assert len(errors.strip().splitlines()) == 1
