"""Tables of the paper as they read on 80 columns, as files and as pictures."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

from mma_eval.errors import StoreError
from mma_eval.eval.analysis.subject import Subject, read_subjects
from mma_eval.report.paper.files import csv_text, plain_text, write_tables
from mma_eval.report.paper.picture import picture
from mma_eval.report.paper.published import Paper, read_paper
from mma_eval.report.paper.show import print_list, print_table, print_unmade
from mma_eval.report.paper.table import Cell, PaperTable, make_table
from tests.report.paper.runs import as_benchmark, scripted_run


@pytest.fixture(scope="module")
def paper() -> Paper:
    return read_paper()


@pytest.fixture(scope="module")
def subject(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """4 of 6 right when asked what is seen, 6 of 6 when asked what is heard."""
    folder = tmp_path_factory.mktemp("run")
    run = scripted_run(folder, manifest, {"aligned_visual": 4, "aligned_audio": 6})
    (found,) = read_subjects([run])
    return found


def shown(table: PaperTable, width: int = 80) -> str:
    output = io.StringIO()
    print_table(Console(file=output, width=width, color_system=None), table)
    return output.getvalue()


def row(text: str, name: str) -> list[str]:
    """The cells of the first row whose name begins like this."""
    line = next(line for line in text.splitlines() if line.strip().startswith(f"{name} "))
    return line.strip().removeprefix(name).split()


def test_measured_first_then_reported_with_its_source(paper: Paper, subject: Subject) -> None:
    text = shown(make_table(paper, paper.find("table3"), [subject]))
    assert "Table 3: Aligned and misaligned clips, nine models, %" in text
    measured, reported = text.split("reported: arXiv 2511.22826, Table 3")
    assert row(measured, "mock") == ["66.67", "-", "100.00", "-", "6"]
    assert "[30-90]" in measured.splitlines()[-2]
    assert row(reported, "Qwen2.5-Omni-7B") == ["76.68", "58.72", "46.60", "25.16"]
    assert "mock" not in reported.split("\n\n")[0]


def test_the_reported_row_of_a_measured_model_stands_below_it(
    paper: Paper, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = as_benchmark(manifest, tmp_path, monkeypatch)
    run = scripted_run(
        tmp_path, dataset, {"aligned_visual": 6, "aligned_audio": 3}, model="qwen2.5-omni"
    )
    table = make_table(paper, paper.find("figure6"), read_subjects([run]))
    text = shown(table)
    assert row(text, "qwen2.5-omni") == ["100.0", "-", "50.0", "-", "6"]
    assert row(text, "Qwen2.5-Omni-7B, reported") == ["76.7", "58.7", "46.6", "25.2"]
    assert row(text, "difference") == ["+23.3", "+3.4"]


def test_counts_that_differ_are_a_range(paper: Paper, subject: Subject) -> None:
    table = make_table(paper, paper.find("table3"), [subject])
    counted = tuple(Cell(50.0, 20.0, 80.0, n) for n in (6, 4, 5, 6))
    row_of_counts = replace(table.measured[0], cells=counted)
    text = shown(replace(table, measured=(row_of_counts,)))
    assert row(text, "mock") == ["50.00", "50.00", "50.00", "50.00", "4-6"]


def test_a_number_in_doubt_carries_a_question_mark(paper: Paper) -> None:
    text = shown(make_table(paper, paper.find("table10"), []))
    assert row(text, "Gemini-2.0-Flash") == ["96.71", "91.91?", "3.04"]
    assert "repeats the misaligned visual column of Table 3" in " ".join(text.split())


@pytest.mark.parametrize("width", [80, 100])
def test_every_table_fits(paper: Paper, subject: Subject, width: int) -> None:
    long = replace(subject, name="tiny-omni + an-adapter-of-mine, demo, seed 12, 30 clips")
    for exhibit in paper.measurable:
        text = shown(make_table(paper, exhibit, [subject, long]), width)
        lines = [line for line in text.splitlines() if "mma-eval --model" not in line]
        assert max(map(len, lines)) <= width, exhibit.id
        assert "\u2026" not in text


def test_a_command_stays_on_one_line(paper: Paper, subject: Subject) -> None:
    text = shown(make_table(paper, paper.find("figure8"), [subject]))
    (command,) = [line for line in text.splitlines() if "mma-eval --model" in line]
    assert command.endswith("--tasks long_context")


def test_the_list_has_a_line_for_each(paper: Paper) -> None:
    output = io.StringIO()
    print_list(Console(file=output, width=80, color_system=None), paper)
    lines = output.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    named = [line.split()[0] for line in lines if line.startswith("  ")]
    assert sorted(named) == sorted(exhibit.id for exhibit in paper.exhibits)


def test_what_is_not_made_says_why(paper: Paper) -> None:
    output = io.StringIO()
    console = Console(file=output, width=80, color_system=None)
    for name in ("table6", "table8", "figure16"):
        print_unmade(console, paper, paper.find(name))
    text = " ".join(output.getvalue().split())
    assert "before and after tuning Not made here: AVHBench is another benchmark" in text
    assert "Table 8: Settings of the tuning Shown by: mma-eval show modality_aware" in text
    assert "Contradiction: Batch 4 with 4 accumulation steps" in text
    assert "-o attention - heads_by_mass and heads_per_token in the folder" in text


def test_csv_has_a_line_for_each_number(paper: Paper, subject: Subject) -> None:
    table = make_table(paper, paper.find("table10"), [subject])
    rows = list(csv.DictReader(io.StringIO(csv_text([table]))))
    measured = [row for row in rows if row["kind"] == "measured"]
    assert [(row["task"], row["value"], row["n"]) for row in measured] == [
        ("aligned_visual", "66.6667", "6"),
        ("aligned_audio", "100.0", "6"),
    ]
    reported = {(row["row"], row["task"]): row for row in rows if row["kind"] == "reported"}
    assert len(reported) == 7 * 6
    declined = reported["ChatBridge", "abstention_audio"]
    assert (declined["value"], declined["metric"]) == ("37.69", "abstention")
    assert declined["source"] == "arXiv 2511.22826, Table 10"
    assert reported["ChatBridge", "audio_removed_visual"]["doubt"]
    assert not declined["doubt"]


def test_a_picture_has_a_bar_for_each_number_that_stands(paper: Paper, subject: Subject) -> None:
    drawn = picture(make_table(paper, paper.find("table10"), [subject]))
    text = " ".join(ElementTree.fromstring(drawn).itertext())
    assert "mock, aligned, visual question: 66.7 % (measured)" in text
    assert "ChatBridge, abstention, audio question: 37.7 % (reported)" in text
    assert "audio removed" not in text
    assert "no baseline" in " ".join(text.split())


def test_files_of_a_table(paper: Paper, subject: Subject, tmp_path: Path) -> None:
    table = make_table(paper, paper.find("table3"), [subject])
    written = write_tables(tmp_path / "new" / "folder", [table])
    assert [path.name for path in written] == ["table3.txt", "table3.csv", "table3.svg"]
    assert written[0].read_text(encoding="utf-8") == plain_text(table)
    assert "\x1b" not in plain_text(table)


def test_a_folder_that_cannot_be_written(paper: Paper, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be written"):
        write_tables(tmp_path / "file", [make_table(paper, paper.find("table3"), [])])
