"""What a row is made of: other scores, columns, what a card says."""

from __future__ import annotations

import pytest

from mma_eval.eval.scorecard import Share
from mma_eval.leaderboard.alternatives import WORST_AMONG, alternatives_of
from mma_eval.leaderboard.board import Cell, Number
from mma_eval.leaderboard.conditions import columns_of
from mma_eval.leaderboard.facts import facts_of, is_open, is_specimen, web_address
from mma_eval.models.card import ModelCard
from mma_eval.models.catalogue import CardCatalogue
from tests.leaderboard.boards import example_board


def cells(**values: float) -> dict[str, Cell]:
    return {
        task: Cell(metric="accuracy", number=Number(value=value)) for task, value in values.items()
    }


def card(**facts: object) -> ModelCard:
    told = {"name": "m", "backend": "mock", "family": "f", "summary": "s", "license": "MIT"}
    return ModelCard.model_validate({**told, **facts})


def test_perfect_sight_without_hearing_has_a_mean_of_one_half() -> None:
    found = alternatives_of(
        cells(misalign_visual=1.0, misalign_audio=0.0, aligned_visual=1.0, aligned_audio=0.9),
        sound=Share.of(0, 50),
        sight=Share.of(40, 50),
    )
    assert found.mean_misaligned == 0.5
    assert (found.drop_visual, found.drop_audio, found.drop) == (0.0, 0.9, 0.45)
    assert found.other_modality is not None
    assert (found.other_modality.k, found.other_modality.n) == (40, 100)
    assert found.follows_sight is not None
    assert found.follows_sight.value == 0.8


def test_a_row_that_skips_a_hard_condition_has_no_worst() -> None:
    every = cells(**{task: 0.5 + at / 100 for at, task in enumerate(WORST_AMONG)})
    worst = alternatives_of(every).worst
    assert worst is not None
    assert (worst.task, worst.number.value) == ("aligned_visual", 0.5)
    del every["misleading_caption_audio"]
    assert alternatives_of(every).worst is None


def test_columns_stand_in_the_order_of_the_catalogue() -> None:
    row = example_board().rows[0]
    named = cells(
        qa=0.1, abstention_audio=0.1, misalign_audio=0.1, misalign_visual=0.1, aligned_audio=0.1
    )
    columns = columns_of([row.model_copy(update={"cells": named})])
    assert [(column.task, column.ask) for column in columns] == [
        ("aligned_audio", "audio"),
        ("misalign_visual", "visual"),
        ("misalign_audio", "audio"),
        ("abstention_audio", "audio"),
        ("qa", None),
    ]
    assert columns[1].title == "misaligned"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("qwen2.5-omni", True), ("tiny-omni", True), ("gemini-2.5-pro", False), ("openai", None)],
)
def test_open_is_what_can_be_downloaded(name: str, expected: bool | None) -> None:
    assert is_open(CardCatalogue().get(name)) is expected


def test_the_specimen_is_known_by_its_name_and_by_its_weights() -> None:
    assert is_specimen(CardCatalogue().get("tiny-omni"))
    assert is_specimen(card(name="renamed", weights="package:tiny-omni"))
    assert not is_specimen(card(weights="someone/tiny-omni-like"))


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", 'https://a.example/"onclick=x', "data:text/html,x", "//a.example", ""],
)
def test_only_web_addresses_are_links(address: str) -> None:
    assert web_address(address) is None
    assert facts_of(card(links={"paper": address, "code": "https://a.example/b"})).links == {
        "code": "https://a.example/b"
    }
