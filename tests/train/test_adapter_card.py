"""The card of an adapter says what it is of, and nothing of the machine that made it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from mma_eval.eval.scorecard import Share
from mma_eval.train.adapter_card import adapter_card
from mma_eval.train.record import BaseRecord, DataRecord, TrainingRecord, Validated
from mma_eval.train.validation import Accuracy
from tests.train.small_tuning import small_recipe


def accuracy(right: int) -> Accuracy:
    share = Share.of(right, 10)
    assert share is not None
    return Accuracy(tasks={"aligned_visual": share, "misalign_audio": share})


@pytest.fixture()
def record(tmp_path: Path) -> TrainingRecord:
    folder = str(tmp_path / "weights")
    return TrainingRecord(
        status="finished",
        recipe=small_recipe(tmp_path / "manifest.jsonl", model_args={"pretrained": folder}),
        base=BaseRecord(
            card="some-model", weights="A/B", revision="abc", license="MIT", fingerprint="f:1"
        ),
        data=DataRecord(
            dataset="manifest.jsonl",
            version="v1",
            clips={"train": 1200, "validation": 7, "test": 0},
            examples={"train": 48_000, "validation": 280, "test": 0},
            seen_classes=("Bird", "Cat"),
            unseen_classes=("Door",),
        ),
        processes=1,
        precision="bf16",
        device="cuda",
        packages={"torch": "2.13.0"},
        targets="layers",
        trained_parameters=12_345,
        before=accuracy(5),
        best=Validated(step=40, accuracy=accuracy(9)),
        steps=60,
        seconds=90.0,
    )


def test_it_says_what_was_done(record: TrainingRecord) -> None:
    card = adapter_card(record)
    head = yaml.safe_load(card.split("---")[1])
    assert head["base_model"] == "A/B"
    assert head["library_name"] == "peft"
    for said in (
        "`A/B` at revision abc",
        "`f:1`",
        "12,345 weights",
        "| train | 1,200 | 48,000 |",
        "2 classes were trained on, 1 held out.",
        "The adapter of step 40 of 60",
        "| misalign_audio | 50.0 (23.7 to 76.3) | 90.0 (59.6 to 98.2) | 10 |",
        "| mean | 50.0 | 90.0 | |",
        "under: MIT.",
        "60 steps in 1.5 minutes on cuda in bf16, 1 process: torch 2.13.0.",
    ):
        assert said in card


def test_it_names_no_place_on_this_machine(record: TrainingRecord, tmp_path: Path) -> None:
    assert str(tmp_path) in record.model_dump_json()
    assert str(tmp_path) not in adapter_card(record)


def test_without_validation_it_says_so(record: TrainingRecord) -> None:
    card = adapter_card(record.model_copy(update={"before": None, "best": None}))
    assert "Nothing was validated" in card
