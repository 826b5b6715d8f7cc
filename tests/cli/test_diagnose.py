"""`mma-eval diagnose`: from a model or a run to numbers and figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from mma_eval import evaluate
from mma_eval.cli.main import main
from mma_eval.diagnose.blocks import BlockingRun
from mma_eval.diagnose.measured import AttentionRun
from tests.cli.commands import run

ARGUMENTS = {"max_frames": 2}


def test_a_model_is_looked_into(
    capsys: pytest.CaptureFixture[str], manifest: Path, tmp_path: Path
) -> None:
    out = tmp_path / "attention"
    asked = ("--model", "tiny-omni", "--dataset", manifest, "--model-args", "max_frames=2")
    command = ("diagnose", *asked, "--limit", 3, "-o", out, "--block", "--query", "question")
    said = run(capsys, *command)

    assert "Cohen's d" in said
    assert "with a stream hidden" in said
    measured = AttentionRun.load(out)
    assert measured.query == "question"
    assert [len(one.samples) for one in measured.measured] == [3] * 4
    assert {one.block.stream for one in BlockingRun.load(out).tasks} == {"video", "audio"}
    assert {"effects.csv", "effects.json", "token_map_1.json"} <= {p.name for p in out.iterdir()}
    assert run(capsys, *command) == said


def test_a_run_is_looked_into_and_compared(
    capsys: pytest.CaptureFixture[str], manifest: Path, tmp_path: Path
) -> None:
    made = evaluate(
        "tiny-omni",
        "aligned",
        dataset=manifest,
        limit=3,
        model_args=ARGUMENTS,
        output_path=tmp_path / "results",
    )
    first, second = tmp_path / "first", tmp_path / "second"
    run(capsys, "diagnose", made.folder, "--tasks", "aligned", "-o", first, "--token-maps", 0)
    assert not (first / "token_map_1.json").exists()
    given = ("diagnose", made.folder, "--tasks", "aligned", "-o", second)
    said = run(capsys, *given, "--token-maps", 0, "--before", first)
    assert "less before" in said
    refused = run(capsys, *given, "--before", first, "--query", "question", code=2)
    assert "--before is of another query, answer and not question" in " ".join(refused.split())


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ((), "give the folder of a run, or a model with --model"),
        (("--model", "mock"), "mock cannot be looked into"),
        (("--model", "tiny-omni", "--query", "answers"), "unknown query 'answers'"),
        (("--model", "tiny-omni", "--before", "nowhere"), "cannot be read"),
        (("nowhere",), "nowhere"),
        (("--model", "tiny-omni", "--tasks", "aligned_visual"), "no condition was measured"),
    ],
)
def test_what_cannot_be_diagnosed_is_one_sentence(
    capsys: pytest.CaptureFixture[str],
    manifest: Path,
    tmp_path: Path,
    given: tuple[str, ...],
    sentence: str,
) -> None:
    where = ("--dataset", manifest, "--limit", 2, "-o", tmp_path / "out")
    with pytest.raises(SystemExit) as stop:
        main([str(part) for part in ("diagnose", *given, *where)])
    said = " ".join(capsys.readouterr().err.split())
    assert stop.value.code in (1, 2)
    assert sentence in said
    assert "Traceback" not in said


def test_a_run_settles_its_own_model(
    capsys: pytest.CaptureFixture[str], manifest: Path, tmp_path: Path
) -> None:
    said = run(capsys, "diagnose", tmp_path, "--model", "tiny-omni", code=2)
    assert "says that itself" in said
