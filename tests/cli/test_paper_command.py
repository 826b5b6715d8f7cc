"""`mma-eval paper` as it is typed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mma_eval import evaluate
from mma_eval.cli.main import main
from tests.conftest import REPOSITORY

MAP = (REPOSITORY / "docs" / "paper-map.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"`mma-eval paper (\S+) RUN`", MAP)


@pytest.fixture(scope="module")
def everything(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of every task of the benchmark but the long ones, which say the first option."""
    run = evaluate(
        "mock",
        "mma_bench,-long_context*",
        dataset=manifest,
        output_path=tmp_path_factory.mktemp("runs"),
    )
    return run.folder


def run(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> str:
    with pytest.raises(SystemExit) as stop:
        main(["paper", *map(str, arguments)])
    captured = capsys.readouterr()
    assert stop.value.code == code, captured.err
    return captured.err if code else captured.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_map_runs(
    name: str, everything: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = run(capsys, name, everything)
    assert "measured" in shown
    assert "reported: arXiv 2511.22826" in shown
    assert ("lacks" in shown) == ("long_context" in shown)


def test_runs_of_one_model_are_joined(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first option is the class of two clips of six, and of two sounds however swapped."""
    for tasks in ("aligned", "misalign"):
        evaluate("mock", tasks, dataset=manifest, output_path=tmp_path)
    (row,) = [line for line in run(capsys, "table3", tmp_path).splitlines() if "mock  " in line]
    assert row.split() == ["mock", "33.33", "33.33", "33.33", "33.33", "6"]


def test_without_a_name_the_list_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    listed = run(capsys)
    assert "supplement-figure16" in listed
    assert "From runs: mma-eval paper NAME RUN..." in listed


def test_a_name_alone_shows_what_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    shown = run(capsys, "table5")
    assert "reported: arXiv 2511.22826, Table 5" in shown
    assert "measured" not in shown


def test_the_map_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--map") == MAP


def test_all_into_a_folder(
    everything: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "tables"
    assert f"63 files in {folder}" in run(capsys, "all", everything, "-o", folder)
    assert {path.stem for path in folder.iterdir()} == set(COMMANDS)
    assert {path.suffix for path in folder.iterdir()} == {".txt", ".csv", ".svg"}


def test_files_beside_the_table(
    everything: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers, drawing = tmp_path / "t.csv", tmp_path / "t.svg"
    shown = run(capsys, "figure6", everything, "--csv", numbers, "--svg", drawing)
    assert "Figure 6" in shown
    assert numbers.read_text().startswith("exhibit,row,kind,source,task,metric,value")
    assert drawing.read_text().startswith("<svg")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["tabel3"], "unknown table or figure 'tabel3'; did you mean 'table3'?"),
        (["table3", "nowhere"], "there is no such run"),
        (["table9", "nowhere"], "no such run"),
        (["all", "--svg", "all.svg"], "--svg draws one table or figure"),
        (["--csv", "x.csv"], "name a table or figure to write, or all"),
        (
            ["figure9", "--csv", "x.csv"],
            "Figure 9 is not made from runs; see mma-eval diagnose --model MODEL",
        ),
        (
            ["table6", "--csv", "x.csv"],
            "Table 6 cannot be made here: AVHBench is another benchmark",
        ),
    ],
)
def test_wrong_usage_is_one_sentence(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert complaint in run(capsys, *arguments, code=2)
