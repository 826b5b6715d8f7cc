"""Bad input: one clear line on standard error, exit code 2 for usage and 1 for failures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mma_eval.cli.main import main
from tests.conftest import make_clip


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """Exit code and the one line on standard error."""
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    lines = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert len(lines) == 1, lines
    code = stop.value.code
    assert isinstance(code, int)
    return code, lines[0]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--tasks", "misalgn_audio"], "unknown task 'misalgn_audio'; did you mean"),
        (["--model", "mok"], "unknown model 'mok'; did you mean 'mock'?"),
        (["--perturb", "zero_frame"], "unknown perturbation 'zero_frame'; did you mean"),
        (["--perturb", "long_context:token=3"], "did you mean 'tokens'?"),
        (["--perturb", "caption", "--perturb", "caption"], "'caption' is given twice"),
        (
            ["--perturb", "strip_audio", "--perturb", "swap_audio"],
            "'swap_audio' comes after 'strip_audio'",
        ),
        (["--dataset", "demmo"], "unknown dataset 'demmo'; did you mean 'demo'?"),
        (["--model-args", "behavior=first"], "no argument 'behavior'; did you mean 'behaviour'?"),
        (["--model-args", "first"], "is not key=value"),
        (["--gen-kwargs", "temp=1"], "unknown key 'temp'; did you mean 'temperature'?"),
        (["--seed", "pair=1"], "unknown seed 'pair'; did you mean 'pairing'?"),
        (["--limit", "0"], "'limit'"),
        (["--limt", "1"], "--limit"),
        (["--answer-by", "likelihood", "--tasks", "cot_aligned"], "has no likelihood"),
        (["--seed", "0", "--seeds", "1,2"], "exclude each other"),
    ],
)
def test_usage_errors(
    capsys: pytest.CaptureFixture[str],
    manifest: Path,
    tmp_path: Path,
    arguments: list[str],
    sentence: str,
) -> None:
    given = {"--model": "mock", "--tasks": "aligned", "--dataset": str(manifest)}
    words: list[str] = ["--output-path", str(tmp_path)]
    for option, value in given.items():
        if option not in arguments:
            words += [option, value]
    code, line = run(capsys, *words, *arguments)
    assert code == 2
    assert sentence in line


def test_mma_bench_says_what_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    code, line = run(capsys, "--model", "mock", "--tasks", "aligned")
    assert code == 2
    for part in ("MMA_EVAL_DATA", "visual_label", "huggingface.co", "--dataset demo"):
        assert part in line


ROW = {"id": "a", "video": "a.mp4", "visual_label": "Bird", "audio_label": "Bird"}
OTHER = ROW | {"id": "b", "visual_label": "Cat", "audio_label": "Cat"}


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([], "the manifest is empty"),
        ([ROW, '{"id": "b",'], "manifest.jsonl:2: is not valid JSON"),
        ([ROW, ROW], "manifest.jsonl:2: the id 'a' is already on line 1"),
        ([ROW, OTHER | {"video": "c.mp4"}], "manifest.jsonl:2: the video file"),
        ([ROW | {"visual_lable": "x"}], "unknown column 'visual_lable'; did you mean"),
        ([{"id": "a", "video": "a.mp4", "audio_label": "Bird"}], "has no visual_label"),
        ([{"video": "a.mp4"}], "manifest.jsonl:1: the column 'id' is missing"),
        ([ROW | {"start": 2, "end": 1}], "end 1.0 is not after start 2.0"),
        ([ROW], "class"),
    ],
)
def test_bad_manifests(
    capsys: pytest.CaptureFixture[str],
    manifest: Path,
    tmp_path: Path,
    rows: list[dict[str, object] | str],
    sentence: str,
) -> None:
    shutil.copy(manifest.parent / "clip0.mp4", tmp_path / "a.mp4")
    path = tmp_path / "manifest.jsonl"
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("".join(line + "\n" for line in lines))
    code, line = run(
        capsys, "--model", "mock", "--tasks", "misalign_audio", "--dataset", path, "-o", tmp_path
    )
    assert code == 2
    assert sentence in line


@pytest.mark.parametrize("damage", ["truncated", "one frame", "no sound", "empty", "text"])
def test_damaged_media_fail_their_own_samples_only(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, damage: str
) -> None:
    good = make_clip(tmp_path / "good.mp4", shade=20, pitch=300)
    bad = tmp_path / "bad.mp4"
    if damage == "one frame":
        make_clip(bad, seconds=1 / 8)
    elif damage == "no sound":
        make_clip(bad, sound=False)
    else:
        whole = good.read_bytes()
        kept = {"truncated": whole[: len(whole) // 2], "empty": b"", "text": b"not a clip\n"}
        bad.write_bytes(kept[damage])
    path = tmp_path / "manifest.jsonl"
    rows = [ROW | {"id": name, "video": f"{name}.mp4"} for name in ("good", "bad")]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    code, line = run(
        capsys, "--model", "mock", "--tasks", "aligned_audio", "--dataset", path, "-o", tmp_path,
        "--model-args", "decode=true",
    )  # fmt: skip

    assert code == 1
    assert "1 of 2 samples failed (decode_error)" in line
    assert "bad.mp4" in line
    (folder,) = (tmp_path / "mock").iterdir()
    statuses = [
        json.loads(text)["status"] for text in (folder / "samples.jsonl").read_text().splitlines()
    ]
    assert statuses == ["ok", "decode_error"]


def test_no_write_permission(
    capsys: pytest.CaptureFixture[str], manifest: Path, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    code, line = run(
        capsys, "--model", "mock", "--tasks", "aligned", "--dataset", manifest, "-o", blocked
    )
    assert code == 1
    assert "choose another --output-path" in line


def test_a_config_file_with_a_wrong_key(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    config = tmp_path / "run.yaml"
    config.write_text("model: mock\ntasks: [aligned]\nlimt: 3\n")
    code, line = run(capsys, "--config", config, "--dataset", "demo")
    assert code == 2
    assert "run.yaml:3: unknown key 'limt'; did you mean 'limit'?" in line
