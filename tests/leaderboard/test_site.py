"""The leaderboard's page as text: complete, escaped, the same each time, of bounded weight."""

from __future__ import annotations

import gzip
import random
import re

import pytest

from mma_eval.leaderboard.board import Board, BoardRow, ModelFacts
from mma_eval.leaderboard.site.render import render_site
from mma_eval.models.card import Exposure
from tests.leaderboard.boards import example_board, share
from tests.leaderboard.site_reading import PlainPage, ReadTable

HOSTILE = "</script></bdi><img src=x onerror=window.hacked=1>{{7*7}}\u202egnp\u2066\x00"


@pytest.fixture(scope="module")
def board() -> Board:
    return example_board()


@pytest.fixture(scope="module")
def page(board: Board) -> PlainPage:
    return PlainPage(render_site(board))


def table_of(page: PlainPage, row: str) -> ReadTable:
    (found,) = (table for table in page.tables if row in table.rows)
    return found


def test_without_a_script_every_number_of_every_row_is_in_a_table(
    board: Board, page: PlainPage
) -> None:
    for row in board.rows:
        cells = table_of(page, row.id).rows[row.id]
        assert any(row.model.title in cell for cell in cells)
        for task, cell in row.cells.items():
            number = cell.number
            if number.low is None or number.high is None:
                text = f"{100 * number.value:.{cell.decimals}f}"
            else:
                value = f"{100 * number.value:.1f}".replace("100.0", "100")
                text = f"{value if number.value else '0'} {100 * number.low:.0f}–"
            assert any(shown.startswith(text) for shown in cells), (row.id, task)


def test_rows_of_two_kinds_never_share_a_table(board: Board, page: PlainPage) -> None:
    rows = {row.id: row for row in board.rows}
    for table in page.tables:
        held = [rows[row] for row in table.rows]
        assert len({(row.kind, row.specimen, row.dataset_version) for row in held}) == 1
    assert sum(len(table.rows) for table in page.tables) == len(board.rows)


def test_what_each_kind_is_worth_is_said(page: PlainPage) -> None:
    assert "they could be forged" in page.text
    assert "A maintainer ran the model" in page.text
    assert "is known only to lie between two bounds" in page.text
    assert "What the score does not mean" in page.text


def test_tied_rows_show_the_same_rank(page: PlainPage) -> None:
    rows = table_of(page, "qwen2.5-omni").rows
    assert [cells[0] for cells in rows.values()] == ["1", "2", "2"]
    assert "tied with 1 other" in rows["qwen2.5-omni"][1]


def test_an_unranked_row_says_why(page: PlainPage) -> None:
    cells = table_of(page, "half-omni").rows["half-omni"]
    assert cells[0] == ""
    assert "not ranked: answered 301 of 658 conflict clips" in cells[1]


def test_rows_state_their_clips_and_coverage(page: PlainPage) -> None:
    table = table_of(page, "half-omni")
    assert "Clips" in table.head and "Coverage" in table.head
    assert "301" in table.rows["half-omni"]
    assert "45.74 %" in table.rows["half-omni"]


def test_reported_rows_have_bounds_sources_and_footnotes_and_no_rank(page: PlainPage) -> None:
    table = table_of(page, "reported-gemini-2.5-pro")
    assert "Rank" not in table.head
    cells = table.rows["reported-gemini-2.5-pro"]
    assert "20.23 to 24.95" in cells
    assert "arXiv 2511.22826, Table 3" in cells
    assert "83.731" in table.rows["reported-qwen3-omni-30b-instruct"]
    assert "note-1" in page.fragments


def test_the_specimen_stands_apart_without_a_rank(page: PlainPage) -> None:
    table = table_of(page, "tiny-omni")
    assert set(table.rows) == {"tiny-omni", "tiny-omni-tiny_demo"}
    assert "Rank" not in table.head


def test_every_link_within_the_page_leads_somewhere(page: PlainPage) -> None:
    assert page.fragments <= page.anchors
    assert len(page.anchors) == sum(name == "id" for name, _ in page.attributes)


def test_cards_and_samples_are_reached_from_each_row(page: PlainPage) -> None:
    links = {value for name, value in page.attributes if name == "href"}
    assert "../../model_cards/qwen2.5-omni.yaml" in links
    assert "I hear a <b>dog</b>" in page.text
    assert "model-omni-api" in page.fragments


def hostile(row: BoardRow) -> BoardRow:
    model = ModelFacts(
        name=HOSTILE,
        title=HOSTILE,
        summary=HOSTILE,
        family=HOSTILE,
        license=HOSTILE,
        weights=HOSTILE,
        revision=HOSTILE,
        adapter=HOSTILE,
        adapter_facts={HOSTILE: HOSTILE},
        links={HOSTILE: "javascript:window.hacked=1", "paper": f"https://x/\"'>{HOSTILE}"},
        card=HOSTILE,
    )
    examples = tuple(
        example.model_copy(
            update=dict.fromkeys(("task", "id", "seen", "answer", "outcome", "target"), HOSTILE)
        )
        for example in row.examples
    )
    update = {"model": model, "submitter": HOSTILE, "contact": "javascript:window.hacked=1"}
    named = {"submission": HOSTILE, "source": HOSTILE, "examples": examples}
    return row.model_copy(update={**update, **named})


def test_hostile_text_stays_text_in_every_field(board: Board) -> None:
    attacked = board.model_copy(update={"rows": tuple(hostile(row) for row in board.rows)})
    html = render_site(attacked)
    page = PlainPage(html)
    assert page.elements.count("script") == 1
    assert not {"img", "iframe", "object", "form"} & set(page.elements)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert not [value for _, value in page.attributes if value.startswith("javascript:")]
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00]", html)
    assert "<img src=x onerror=window.hacked=1>{{7*7}}⟨U+202E RIGHT-TO-LEFT OVERRIDE⟩" in page.text


def test_nothing_on_the_page_is_loaded(page: PlainPage) -> None:
    assert not [value for name, value in page.attributes if name in ("src", "srcset")]
    assert not {"link", "img", "iframe"} & set(page.elements)
    assert any(value.startswith("default-src 'none'") for _, value in page.attributes)


def test_the_same_board_gives_the_same_page(board: Board) -> None:
    assert render_site(board) == render_site(Board.model_validate_json(board.model_dump_json()))


def test_an_empty_board_says_so() -> None:
    empty = example_board().model_copy(
        update={"rows": (), "columns": (), "rankings": (), "footnotes": (), "generated_from": ()}
    )
    page = PlainPage(render_site(empty))
    assert page.tables == []
    assert page.text.count("There is no such row yet.") == 3
    assert page.fragments <= page.anchors


def many_rows(board: Board, count: int) -> Board:
    """Rows whose numbers all differ, as strangers' would."""
    draw = random.Random(0)
    models = [row for row in board.rows if row.kind == "re-scored"]
    shares = [share(k, 658) for k in range(659)]
    rows = []
    for at in range(count):
        row = models[at % len(models)]
        cells = {
            task: cell.model_copy(update={"number": draw.choice(shares)})
            for task, cell in row.cells.items()
        }
        name = f"model-{draw.randrange(16**8):08x}"
        model = row.model.model_copy(
            update={
                "title": name,
                "weights": f"someone/{name}",
                "revision": f"{draw.randrange(16**40):040x}",
                "parameters": draw.randrange(10**8, 10**11),
                "exposure": Exposure(judged_clip_selection=draw.choice((True, False, None))),
            }
        )
        rows.append(row.model_copy(update={"id": f"row-{at}", "model": model, "cells": cells}))
    return board.model_copy(update={"rows": tuple(rows)})


def test_two_thousand_rows_weigh_little(board: Board) -> None:
    html = render_site(many_rows(board, 2000)).encode()
    assert html.count(b"data-row=") == 2000
    assert len(html) < 5_000_000
    assert len(gzip.compress(html)) < 700_000
