"""`mma-eval rerun`: what it prints and how it ends."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mma_eval import evaluate
from mma_eval.cli.main import main
from tests.conftest import make_clip


def rerun(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(["rerun", *(str(argument) for argument in arguments)])
    captured = capsys.readouterr()
    assert isinstance(stop.value.code, int)
    return stop.value.code, captured.out, captured.err


@pytest.fixture
def data(manifest: Path, tmp_path: Path) -> Path:
    shutil.copytree(manifest.parent, tmp_path / "data")
    return tmp_path / "data" / manifest.name


def test_identical(capsys: pytest.CaptureFixture[str], data: Path, tmp_path: Path) -> None:
    evaluate("mock", "aligned", dataset=data, output_path=tmp_path / "runs")
    code, shown, _ = rerun(capsys, tmp_path / "runs")
    assert code == 0
    assert "are as they were" in shown
    assert shown.strip().splitlines()[-1] == "identical: 12 of 12 answers"


def test_a_difference(capsys: pytest.CaptureFixture[str], data: Path, tmp_path: Path) -> None:
    evaluate("mock", "aligned", dataset=data, output_path=tmp_path / "runs")
    make_clip(data.with_name("clip2.mp4"), shade=250, pitch=1234.0)
    code, shown, _ = rerun(capsys, tmp_path / "runs")
    assert code == 1
    assert "changed: 2\n  in video_hash 2, audio_hash 2" in shown
    assert "aligned_visual:clip2/visual" in shown
    assert shown.strip().splitlines()[-1] == "identical: 10 of 12 answers"
    code, shown, _ = rerun(capsys, tmp_path / "runs", "--json")
    found = json.loads(shown)
    assert code == 1
    assert (found["identical"], found["compared"]) == (10, 12)
    assert {sample["id"] for sample in found["differing"]} == {"clip2/visual", "clip2/audio"}


def test_a_run_made_from_a_file(
    capsys: pytest.CaptureFixture[str], data: Path, tmp_path: Path
) -> None:
    config = tmp_path / "run.yaml"
    config.write_text(
        f"model: mock\ntasks: [misalign]\ndataset: {data}\nlimit: 4\nperturb: [caption]\n"
        f"model_args: {{behaviour: random}}\nseed: {{pairing: 3}}\noutput_path: {tmp_path / 'a'}\n"
    )
    with pytest.raises(SystemExit):
        main(["--config", str(config)])
    capsys.readouterr()
    config.unlink()
    code, shown, _ = rerun(capsys, tmp_path / "a")
    assert code == 0
    assert "identical: 8 of 8" in shown


def test_kept_where_it_is_told(
    capsys: pytest.CaptureFixture[str], data: Path, tmp_path: Path
) -> None:
    run = evaluate("mock", "aligned", dataset=data, output_path=tmp_path / "runs")
    code, _, _ = rerun(capsys, run.folder, "-o", tmp_path / "kept", "--limit", 2)
    assert code == 0
    (kept,) = (tmp_path / "kept").glob("mock/*/samples.jsonl")
    assert len(kept.read_text().splitlines()) == 4
    code, _, errors = rerun(capsys, run.folder, "-o", tmp_path / "runs")
    assert code == 2
    assert "a folder of its own" in errors


def test_a_backend_that_is_gone(
    capsys: pytest.CaptureFixture[str], data: Path, tmp_path: Path
) -> None:
    run = evaluate("mock", "aligned", dataset=data, output_path=tmp_path / "runs")
    path = run.folder / "run.json"
    recorded = json.loads(path.read_text())
    recorded["card"]["backend"] = "mokk"
    path.write_text(json.dumps(recorded))
    code, _, errors = rerun(capsys, run.folder)
    assert code == 2
    assert "did you mean 'mock'" in errors
    assert len(errors.strip().splitlines()) == 1


def test_nothing_to_repeat(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, errors = rerun(capsys, tmp_path / "nowhere")
    assert code == 2
    assert "there is no such run" in errors
