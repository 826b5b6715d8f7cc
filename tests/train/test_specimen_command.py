"""The command that makes tiny-omni, run for real at a small scale."""

from __future__ import annotations

from pathlib import Path

import pytest

from mma_eval import evaluate
from mma_eval.cli.main import main


def run(*arguments: object) -> object:
    with pytest.raises(SystemExit) as stop:
        main(["train-specimen", *map(str, arguments)])
    return stop.value.code


def test_a_trial_makes_a_checkpoint_that_answers(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, manifest: Path
) -> None:
    out = tmp_path / "specimen"
    assert run(out, "--seed", 7, "--scale", 0.002) == 0
    shown = capsys.readouterr().err
    assert "864,544 weights" in shown
    assert "misaligned" in shown
    assert not (out / ".training").exists()
    done = evaluate(
        "tiny-omni",
        "aligned_visual",
        dataset=manifest,
        model_args={"pretrained": str(out)},
        output_path=tmp_path / "results",
    )
    assert not done.failures


def test_a_negative_seed_is_wrong_usage(tmp_path: Path) -> None:
    assert run(tmp_path, "--seed", "-1") == 2


def test_a_place_that_cannot_be_written_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    assert run(tmp_path / "file", "--scale", 0.002) == 2
    assert "cannot write to" in capsys.readouterr().err
