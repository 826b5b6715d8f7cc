"""The whole benchmark on ten real clips, through the real backend with small random weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mma_eval.cli.main import main
from tests.models.checkpoint import build_checkpoint

SMALL = "min_pixels=784,max_pixels=12544,max_frames=6"


@pytest.mark.slow
def test_all_tasks_on_real_clips(
    capsys: pytest.CaptureFixture[str], clips_folder: Path, tmp_path: Path
) -> None:
    checkpoint = build_checkpoint(tmp_path / "checkpoint")
    with pytest.raises(SystemExit) as stop:
        main([
            "--model", "qwen2.5-omni", "--model-args", f"pretrained={checkpoint},{SMALL}",
            "--dataset", str(clips_folder / "manifest.jsonl"), "--tasks", "mma_bench",
            "--gen-kwargs", "max_new_tokens=4", "-o", str(tmp_path / "out"),
        ])  # fmt: skip
    captured = capsys.readouterr()
    assert stop.value.code == 0, captured.err
    (file,) = (tmp_path / "out").glob("*/*/samples.jsonl")
    samples = [json.loads(line) for line in file.read_text().splitlines()]
    swapped, aligned, conditions = 8, 2, 18
    assert len(samples) == 4 * swapped + (conditions - 4) * aligned + 4 * aligned
    for sample in samples:
        assert sample["status"] == "ok", sample["error"]
        assert sample["tokens"]["evidence"] == "counted"
        assert sample["tokens"]["video"] > 0
        assert sample["tokens"]["audio"] > 0
        assert sample["tokens"]["text"] > 20
        if sample["task"].startswith("long_context"):
            assert sample["tokens"]["text"] > 10_000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("perturb", "absent"), [("strip_audio", "audio"), ("strip_video", "video")]
)
def test_a_stripped_stream_has_no_tokens(
    capsys: pytest.CaptureFixture[str],
    clips_folder: Path,
    tmp_path: Path,
    perturb: str,
    absent: str,
) -> None:
    checkpoint = build_checkpoint(tmp_path / "checkpoint")
    with pytest.raises(SystemExit) as stop:
        main([
            "--model", "qwen2.5-omni", "--model-args", f"pretrained={checkpoint},{SMALL}",
            "--dataset", str(clips_folder / "manifest.jsonl"), "--tasks", "aligned",
            "--perturb", perturb, "--answer-by", "likelihood", "-o", str(tmp_path / "out"),
        ])  # fmt: skip
    assert stop.value.code == 0, capsys.readouterr().err
    (file,) = (tmp_path / "out").glob("*/*/samples.jsonl")
    for line in file.read_text().splitlines():
        sample = json.loads(line)
        counts = {name: sample["tokens"][name] for name in ("audio", "video")}
        assert counts.pop(absent) == 0
        assert all(count > 0 for count in counts.values())
        assert len(sample["option_scores"]) == len(sample["options"])
