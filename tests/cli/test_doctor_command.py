"""`mma-eval doctor`: exit codes, one line a check, and JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mma_eval.cli.main import main
from tests.eval.doctor.lossy import write_card


def doctor(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(["doctor", *(str(argument) for argument in arguments)])
    captured = capsys.readouterr()
    assert isinstance(stop.value.code, int)
    return stop.value.code, captured.out, captured.err


def line_of(shown: str, name: str) -> str:
    (line,) = (line for line in shown.splitlines() if f"  {name}  " in f"  {line}  ")
    return line


def aligned_run(card: Path, output_path: Path) -> list[str]:
    return [
        "--model", str(card), "--tasks", "aligned", "--dataset", "demo:count=12", "--limit", "1",
        "-o", str(output_path),
    ]  # fmt: skip


def test_the_machine_alone(capsys: pytest.CaptureFixture[str]) -> None:
    code, shown, _ = doctor(capsys)
    assert code == 0
    for name in ("H.264 decoder", "HEVC decoder", "AV1 decoder", "VP9 decoder", "cache folder"):
        assert line_of(shown, name).startswith("ok")
    assert "pyav" in line_of(shown, "AV1 decoder"), "decord cannot open it"
    for word in ("mma-eval", "Python", "torch", "CPU", "MMA_EVAL_DATA"):
        assert word in shown


def test_a_sound_model(capsys: pytest.CaptureFixture[str]) -> None:
    code, shown, _ = doctor(capsys, "--model", "tiny-omni", "--clips", 2)
    assert code == 0
    for fact in ("fp32", "sdpa", "batched", "package:tiny-omni"):
        assert fact in shown
    assert line_of(shown, "reference mode").startswith("ok")
    assert "nothing has to be downloaded" in shown
    assert "Every check that applies passed." in shown


def test_a_model_that_lies_about_its_sound(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    card = write_card(tmp_path, "feeds-silence")
    code, shown, _ = doctor(capsys, "--model", card, "--clips", 2)
    assert code == 1
    assert line_of(shown, "sound").startswith("FAIL")
    assert line_of(shown, "sound tokens").startswith("ok")
    assert "-> the sound is dropped by the backend or its server" in " ".join(shown.split())
    assert "FAILED: sound" in shown


def test_a_model_that_drops_the_sound_gets_no_score(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    card = write_card(tmp_path, "drops-sound")
    with pytest.raises(SystemExit) as stop:
        main(aligned_run(card, tmp_path / "out"))
    captured = capsys.readouterr()
    assert stop.value.code == 1
    assert "2 of 2 samples failed (modality_missing)" in captured.err
    (samples,) = (tmp_path / "out").glob("*/*/samples.jsonl")
    for line in samples.read_text().splitlines():
        record = json.loads(line)
        assert (record["status"], record["outcome"]) == ("modality_missing", None)


def test_a_model_without_counts_is_warned_about(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    card = write_card(tmp_path, "writes-only")
    with pytest.raises(SystemExit):
        main(aligned_run(card, tmp_path / "out"))
    assert "2 answers came without token counts" in capsys.readouterr().out


def test_json_holds_the_evidence(capsys: pytest.CaptureFixture[str], manifest: Path) -> None:
    code, shown, _ = doctor(
        capsys, "--model", "mock", "--dataset", manifest, "--clips", 2, "--json"
    )
    assert code == 1, "the mock is deaf and blind"
    found = json.loads(shown)
    assert found["installation"]["packages"]["torch"]
    checks = {check["name"]: check for check in found["examination"]["checks"]}
    assert checks["sound"]["verdict"] == "FAIL"
    first = checks["sound"]["contrasts"][0]["changes"][0]
    assert first["text"] is False
    assert first["clip"] in found["examination"]["clips"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--model", "tiny-omi"], "did you mean 'tiny-omni'"),
        (["--model", "mock", "--model-args", "behavior=last"], "takes no argument 'behavior'"),
        (["--model", "mock", "--dataset", "nowhere.jsonl"], "nowhere.jsonl"),
        (["--model", "mock", "--clips", "0"], "--clips"),
        (["--model-args", "dtype=bf16"], "need --model"),
    ],
)
def test_wrong_usage(capsys: pytest.CaptureFixture[str], arguments: list[str], told: str) -> None:
    code, _, errors = doctor(capsys, *arguments)
    assert code == 2
    assert told in errors
    assert len(errors.strip().splitlines()) == 1


def test_weights_that_are_not_here(capsys: pytest.CaptureFixture[str]) -> None:
    code, shown, errors = doctor(
        capsys, "--model", "tiny-omni", "--model-args", "pretrained=nobody/nothing"
    )
    assert code == 2
    assert "software" in shown, "what is known without the model is shown"
    assert "cannot be reached" in errors


def test_a_cache_that_cannot_be_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MMA_EVAL_CACHE", str(tmp_path / "file" / "cache"))
    code, shown, _ = doctor(capsys)
    assert code == 1
    assert line_of(shown, "cache folder").startswith("FAIL")
    assert "set MMA_EVAL_CACHE" in shown
