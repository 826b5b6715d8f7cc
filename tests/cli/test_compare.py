"""What `compare` prints, writes and refuses."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from rich.console import Console

from mma_eval import evaluate
from mma_eval.cli.main import main
from mma_eval.eval.analysis.compare import compare
from mma_eval.eval.analysis.operands import read_operand
from mma_eval.report.compare import print_comparison

HOSTILE = "=cmd() [red]Cat[/red]\x1b[31m\nand a very long sentence that goes on and on and on"


def command(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(["compare", *map(str, arguments)])
    captured = capsys.readouterr()
    assert isinstance(stop.value.code, int)
    return stop.value.code, captured.out, captured.err


@pytest.fixture(scope="module")
def runs(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A model that is always right, and one that says Bird, once in a hostile way."""
    folder = tmp_path_factory.mktemp("runs")
    labels = ("Bird", "Cat", "Door") * 2
    says = {
        "right": {f"clip{at}/{ask}": labels[at] for at in range(6) for ask in ("visual", "audio")},
        "bird": {f"clip{at}/{ask}": "Bird" for at in range(6) for ask in ("visual", "audio")},
    }
    says["bird"]["clip0/visual"] = HOSTILE
    for name, answers in says.items():
        script = folder / f"{name}.json"
        script.write_text(json.dumps(answers))
        evaluate(
            "mock", "aligned", dataset=manifest, output_path=folder / name,
            model_args={"behaviour": "script", "script": str(script)},
        )  # fmt: skip
    return folder / "right", folder / "bird"


def test_numbers_and_flips(capsys: pytest.CaptureFixture[str], runs: tuple[Path, Path]) -> None:
    code, shown, _ = command(capsys, *runs)
    assert code == 0
    (row,) = [line.split() for line in shown.splitlines() if line.startswith("aligned_audio ")]
    # Cat and Door are lost, on two clips each: 4 flips one way, p = 2 / 2^4. The other task has 5,
    # p = 2 / 2^5, which Holm doubles as the smaller of two; the larger one stays.
    assert row[1:4] == ["6", "100", "33.3"]
    assert row[-4:] == ["4", "0", "0.125", "0.125"]
    assert "-66.7" in row
    assert "Flips in aligned_visual: 5 of 6 pairs" in shown
    assert "   model arguments (" in shown
    assert "Not significant: aligned_visual, aligned_audio; 6 pairs" in shown


def test_at_80_columns_without_colour(runs: tuple[Path, Path]) -> None:
    console = Console(width=80, record=True, no_color=True, file=None, force_terminal=False)
    with console.capture() as captured:
        found = compare(*(read_operand(str(run)) for run in runs))
        print_comparison(console, found, flips=None)
    lines = captured.get().splitlines()
    paths = [line for line in lines if line.startswith(("A  ", "B  "))]
    assert len(paths) == 2, "paths stay on one line, to be copied"
    assert max(len(line) for line in lines if line not in paths) <= 80
    assert "\x1b" not in captured.get()
    assert "[red]Cat[/red]" in captured.get().replace("\n", ""), "an answer is text, not markup"


def test_how_many_flips(capsys: pytest.CaptureFixture[str], runs: tuple[Path, Path]) -> None:
    assert "6 more flips: --flips all" in command(capsys, *runs, "--flips", 3)[1]
    assert "9 more flips" in command(capsys, *runs, "--flips", 0)[1]
    assert "more flips" not in command(capsys, *runs, "--flips", "all")[1]
    code, _, error = command(capsys, *runs, "--flips", "many")
    assert (code, error) == (2, "mma-eval: --flips takes a number or 'all', not 'many'\n")


def test_flips_as_a_file(
    capsys: pytest.CaptureFixture[str], runs: tuple[Path, Path], tmp_path: Path
) -> None:
    file = tmp_path / "flips.csv"
    assert command(capsys, *runs, "--flips-to", file)[0] == 0
    with file.open(newline="", encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    assert len(rows) == 9
    assert rows[0]["second_answer"] == f"'{HOSTILE}", "whole, and no formula"
    code, _, error = command(capsys, *runs, "--flips-to", file)
    assert code == 2 and "is there already" in error


def test_for_a_program(capsys: pytest.CaptureFixture[str], runs: tuple[Path, Path]) -> None:
    found = json.loads(command(capsys, *runs, "--json")[1])
    visual, audio = found["tasks"]
    assert (visual["only_first"], audio["only_first"]) == (5, 4)
    assert len(visual["flips"]) == 5


def test_allowed_differences_head_the_page(
    capsys: pytest.CaptureFixture[str], runs: tuple[Path, Path]
) -> None:
    sides = f"{runs[0]}:aligned_visual", f"{runs[0]}:aligned_audio"
    code, _, error = command(capsys, *sides)
    assert code == 2 and "modality asked (visual against audio)" in error
    code, shown, _ = command(capsys, *sides, "--allow-differences")
    assert code == 0
    assert shown.startswith("The two sides were not asked the same")
