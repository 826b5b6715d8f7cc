"""Measured numbers in the right cells, reported ones beside them, and what has to be known."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from scipy.stats import binomtest

from mma_eval import evaluate
from mma_eval.eval.analysis.subject import read_subjects
from mma_eval.report.paper.notes import selection
from mma_eval.report.paper.published import Paper, read_paper
from mma_eval.report.paper.table import Cell, PaperTable, TableRow, make_table
from tests.report.paper.runs import as_benchmark, scripted_run

TABLE_3 = {"aligned_visual": 4, "misalign_visual": 3, "aligned_audio": 6, "misalign_audio": 0}
"""Right answers of six."""


@pytest.fixture(scope="module")
def paper() -> Paper:
    return read_paper()


@pytest.fixture(scope="module")
def run(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tasks of Table 3 on six clips that are not the benchmark's."""
    return scripted_run(tmp_path_factory.mktemp("run"), manifest, TABLE_3)


def table(paper: Paper, name: str, *runs: Path) -> PaperTable:
    return make_table(paper, paper.find(name), read_subjects(runs))


def cells(row: TableRow) -> list[Cell]:
    assert None not in row.cells
    return [cell for cell in row.cells if cell is not None]


def texts(made: PaperTable) -> str:
    return "\n".join(note.text for note in made.notes)


def test_measured_numbers_stand_under_their_conditions(paper: Paper, run: Path) -> None:
    made = table(paper, "table3", run)
    assert [column.task for column in made.columns] == list(TABLE_3)
    (row,) = made.measured
    assert (row.name, row.kind) == ("mock", "measured")
    for cell, right in zip(cells(row), TABLE_3.values(), strict=True):
        interval = binomtest(right, 6).proportion_ci(method="wilson")
        assert cell.value == pytest.approx(100 * right / 6)
        assert (cell.low, cell.high) == pytest.approx((100 * interval.low, 100 * interval.high))
        assert cell.n == 6


def test_the_paper_s_rows_follow_as_printed(paper: Paper, run: Path) -> None:
    made = table(paper, "table3", run)
    assert {row.kind for row in made.reported} == {"reported"}
    rows = {row.name: [cell.value for cell in cells(row)] for row in made.reported}
    assert len(rows) == 9
    assert rows["Qwen2.5-Omni-7B"] == [76.68, 58.72, 46.6, 25.16]
    assert made.source.source == "arXiv 2511.22826, Table 3"


def test_without_runs_there_are_only_reported_rows(paper: Paper) -> None:
    for exhibit in paper.measurable:
        made = make_table(paper, exhibit, ())
        assert made.measured == ()
        assert len(made.reported) == len(made.source.rows)


def test_removed_streams_are_leaks_and_abstention_is_recall(
    paper: Paper, manifest: Path, tmp_path: Path
) -> None:
    removed = scripted_run(
        tmp_path / "removed",
        manifest,
        {
            "frames_zeroed_visual": 3,
            "frames_zeroed_audio": 2,
            "audio_removed_audio": 5,
            "audio_removed_visual": 6,
            "abstention_visual": 2,
            "abstention_audio": 1,
        },
    )
    unimodal = table(paper, "figure4", removed)
    values = dict(zip([c.task for c in unimodal.columns], unimodal.measured[0].cells, strict=True))
    assert {task: cell and round(cell.value, 6) for task, cell in values.items()} == {
        "aligned_visual": None,
        "audio_removed_visual": 100,
        "frames_zeroed_visual": 50,
        "aligned_audio": None,
        "audio_removed_audio": pytest.approx(500 / 6),
        "frames_zeroed_audio": pytest.approx(200 / 6),
    }
    assert "lower is better" in texts(unimodal)
    declining = table(paper, "table10", removed)
    places = {column.task: at for at, column in enumerate(declining.columns)}
    row = declining.measured[0].cells
    seen, heard = row[places["abstention_visual"]], row[places["abstention_audio"]]
    assert seen is not None
    assert heard is not None
    assert (seen.value, heard.value) == pytest.approx((200 / 6, 100 / 6))


def test_other_clips_are_no_baseline(paper: Paper, manifest: Path, tmp_path: Path) -> None:
    run = scripted_run(tmp_path, manifest, TABLE_3, model="qwen2.5-omni")
    made = table(paper, "table3", run)
    assert [row.kind for row in made.measured] == ["measured", "reported"]
    assert f"was asked about {manifest.parent.name}, not mma_bench" in texts(made)
    assert "no baseline" in texts(made)


def test_a_model_of_the_paper_stands_beside_its_reported_numbers(
    paper: Paper, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = as_benchmark(manifest, tmp_path, monkeypatch)
    run = scripted_run(tmp_path, dataset, TABLE_3, model="qwen2.5-omni")
    made = table(paper, "table3", run)
    own, theirs, difference = made.measured
    assert (own.name, theirs.name) == ("qwen2.5-omni", "Qwen2.5-Omni-7B")
    assert [row.kind for row in made.measured] == ["measured", "reported", "difference"]
    assert [round(cell.value, 2) for cell in cells(difference)] == [-10.01, -8.72, 53.4, -25.16]
    assert "Qwen2.5-Omni-7B" not in [row.name for row in made.reported]
    assert "baseline" not in texts(made)


def test_an_adapter_stands_beside_the_tuned_model_of_the_paper(
    paper: Paper, manifest: Path, tmp_path: Path
) -> None:
    run = scripted_run(tmp_path, manifest, TABLE_3, model="qwen2.5-omni")
    (plain,) = read_subjects([run])
    settings = plain.manifest.settings.model_copy(update={"adapter": Path("mine")})
    tuned = replace(plain, manifest=plain.manifest.model_copy(update={"settings": settings}))
    made = make_table(paper, paper.find("table3"), [plain, tuned])
    assert [row.name for row in made.measured if row.kind == "reported"] == [
        "Qwen2.5-Omni-7B",
        "Qwen2.5-Omni-7B+Ours",
    ]


def test_nothing_is_subtracted_from_a_number_in_doubt(
    paper: Paper, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = as_benchmark(manifest, tmp_path, monkeypatch)
    run = scripted_run(
        tmp_path, dataset, {"aligned_visual": 6, "audio_removed_visual": 6}, model="qwen2.5-omni"
    )
    made = table(paper, "table10", run)
    difference = made.measured[2]
    assert difference.kind == "difference"
    assert difference.cells[0] is not None
    assert difference.cells[1] is None
    assert "?: audio_removed_visual of every model" in texts(made)


def test_a_task_that_lacks_comes_with_the_command_that_asks_it(
    paper: Paper, manifest: Path, run: Path
) -> None:
    made = table(paper, "figure7", run)
    assert [cell is None for cell in made.measured[0].cells] == [False, True, False, True]
    note = made.notes[0]
    assert "mock lacks misleading_caption_visual, misleading_caption_audio." in note.text
    assert note.command is not None
    words = shlex.split(note.command)
    assert words[words.index("--tasks") + 1] == "misleading_caption"
    assert words[words.index("--dataset") + 1] == str(manifest)


def test_what_differs_from_the_paper_s_setting_is_told(
    paper: Paper, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = as_benchmark(manifest, tmp_path, monkeypatch)
    made = table(paper, "table3", scripted_run(tmp_path, dataset, TABLE_3, limit=2))
    assert "mock saw a draw of 2 clips, the paper all of them." in texts(made)


def test_samples_that_failed_are_told(paper: Paper, manifest: Path, tmp_path: Path) -> None:
    failed = evaluate(
        "mock",
        "aligned_visual",
        dataset=manifest,
        model_args={"behaviour": "fail"},
        output_path=tmp_path,
    )
    made = table(paper, "table3", failed.folder)
    assert made.measured[0].cells[0] is None
    assert "mock did not answer everything: aligned_visual 0 of 6." in texts(made)


def test_several_models_are_a_row_each(paper: Paper, manifest: Path, tmp_path: Path) -> None:
    runs = [
        scripted_run(tmp_path / model, manifest, {"aligned_visual": right}, model=model)
        for model, right in (("one", 2), ("two", 5))
    ]
    made = table(paper, "figure6", *runs)
    assert [(row.name, row.cells[0] and round(row.cells[0].value)) for row in made.measured] == [
        ("one", 33),
        ("two", 83),
    ]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("table3", "Qwen3-Omni-30B-Instruct 76.68? (leaderboard in the README"),
        ("table10", "Qwen2.5-Omni-7B 71.49 (Table 4)"),
        ("figure4", "94.89 (Table 3; supplement, Table 4; the authors' project page)"),
        ("supplement-figure14", "VideoLLaMA2"),
        ("table4", "58.72? (Table 10; supplement, Table 5)"),
    ],
)
def test_other_numbers_for_the_same_thing_are_shown(paper: Paper, name: str, told: str) -> None:
    assert told in texts(table(paper, name))


def test_rounding_is_no_contradiction(paper: Paper) -> None:
    """Figure 6 prints Table 3 with one decimal less, but for one bar of Figure 4."""
    found = [note.text for note in table(paper, "figure6").notes if "elsewhere" in note.text]
    assert found == ["Printed elsewhere for aligned_visual: Gemini-2.0-Flash-Lite 95.0 (Figure 4)."]


def test_contradictions_are_told_where_they_belong(paper: Paper) -> None:
    assert "Contradiction: The two columns without None of the above" in texts(
        table(paper, "table10")
    )
    assert "None of the above" not in texts(table(paper, "figure6"))


def test_a_family_stands_for_both_of_its_questions() -> None:
    tasks = ("aligned_visual", "cot_aligned_audio", "aligned_audio", "abstention_visual")
    assert selection(tasks) == "aligned,cot_aligned_audio,abstention_visual"
