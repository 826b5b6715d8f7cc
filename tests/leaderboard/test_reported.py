"""The paper's rows: their numbers and sources, what is left out, and what stands below them."""

from __future__ import annotations

import pytest

from mma_eval.leaderboard.board import BoardRow
from mma_eval.leaderboard.footnotes import Footnotes
from mma_eval.leaderboard.reported import bounds, reported_rows
from mma_eval.models.catalogue import CardCatalogue
from mma_eval.report.paper.published import read_paper

FOOTNOTES = Footnotes()


@pytest.fixture(scope="module")
def rows() -> dict[str, BoardRow]:
    found = reported_rows(read_paper(), CardCatalogue(), FOOTNOTES)
    return {row.model.title: row for row in found}


def told(numbers: tuple[int, ...]) -> str:
    texts = {footnote.number: footnote.text for footnote in FOOTNOTES.all()}
    return "\n".join(texts[number] for number in numbers)


def test_the_slip_of_the_readme_is_corrected_with_a_footnote(rows: dict[str, BoardRow]) -> None:
    cell = rows["Qwen3-Omni-30B-Instruct"].cells["misalign_visual"]
    assert cell.number.value == 0.8373
    assert cell.source == "arXiv 2511.22826, Table 3"
    assert "76.68 (leaderboard in the README of the authors' repository" in told(cell.footnotes)


def test_the_repeated_columns_of_the_abstention_tables_are_no_ablations(
    rows: dict[str, BoardRow],
) -> None:
    cell = rows["ChatBridge"].cells["audio_removed_visual"]
    assert cell.number.value == 0.526
    assert cell.source == "arXiv 2511.22826, Figure 22 (supplement, Figure 12)"
    assert "repeats the misaligned visual column of Table 3" in told(cell.footnotes)
    older = rows["Gemini-1.5-Pro"]
    assert not {"audio_removed_visual", "frames_zeroed_audio"} & older.cells.keys()
    assert older.cells["abstention_visual"].metric == "abstention"


def test_a_bar_that_is_another_models_is_not_shown(rows: dict[str, BoardRow]) -> None:
    row = rows["Qwen3-Omni-30B-Instruct"]
    assert "long_context_visual" not in row.cells
    assert "The long-context bars of Qwen3-Omni" in told(row.footnotes)


def test_the_removed_stream_is_a_leak(rows: dict[str, BoardRow]) -> None:
    cells = rows["Qwen2.5-Omni-7B"].cells
    assert (cells["audio_removed_audio"].metric, cells["frames_zeroed_audio"].metric) == (
        "leak",
        "accuracy",
    )


def test_both_right_is_bounded_and_never_ranked(rows: dict[str, BoardRow]) -> None:
    tuned = rows["Qwen2.5-Omni-7B+Ours"].both_right["misalign"]
    assert (tuned.number, tuned.low, tuned.high) == (None, 0.7416, 0.7979)
    assert all(row.standing.rank is None and row.standing.unranked for row in rows.values())
    assert not any(row.answered for row in rows.values())


@pytest.mark.parametrize(
    ("visual", "audio", "low", "high"),
    [(1.0, 0.0, 0.0, 0.0), (0.9, 0.8, 0.7, 0.8), (0.4, 0.5, 0.0, 0.4), (1.0, 1.0, 1.0, 1.0)],
)
def test_bounds(visual: float, audio: float, low: float, high: float) -> None:
    found = bounds(visual, audio)
    assert (found.low, found.high) == pytest.approx((low, high))


def test_a_contradiction_about_another_model_is_no_footnote(rows: dict[str, BoardRow]) -> None:
    assert "Qwen3-Omni 76.68" in told(rows["Qwen3-Omni-30B-Instruct"].footnotes)
    assert "Qwen3-Omni 76.68" not in told(rows["PandaGPT"].footnotes)
