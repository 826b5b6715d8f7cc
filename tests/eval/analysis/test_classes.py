"""A task by class, counted by hand."""

from __future__ import annotations

from mma_eval.eval.analysis.classes import class_table, class_tables
from mma_eval.eval.scorecard import ClassTable, Share
from mma_eval.types import Status
from tests.eval.analysis.crowd import record


def cells(table: ClassTable) -> dict[tuple[str, str | None], int]:
    return {(cell.target, cell.named): cell.count for cell in table.confusion}


def test_accuracy_and_confusion_of_each_class() -> None:
    table = class_table(
        "aligned_audio",
        [
            record("t", "a", "audio", "Bird", heard="Bird"),
            record("t", "b", "audio", "Fire", heard="Bird"),
            record("t", "c", "audio", "Fire", heard="Bird"),
            record("t", "d", "audio", "hm", heard="Bird"),
            record("t", "e", "audio", "Rain", heard="Rain"),
            record("t", "f", "audio", "", heard="Rain", status=Status.TIMEOUT),
        ],
    )
    assert table is not None
    assert [(one.label, one.accuracy) for one in table.classes] == [
        ("Bird", Share.of(1, 4)),
        ("Rain", Share.of(1, 1)),
    ]
    assert cells(table) == {
        ("Bird", "Bird"): 1,
        ("Bird", "Fire"): 2,
        ("Bird", None): 1,
        ("Rain", "Rain"): 1,
    }


def test_two_spellings_are_one_class() -> None:
    table = class_table(
        "t",
        [
            record("t", "a", "audio", "Train", heard="Train"),
            record("t", "b", "audio", "Train", heard="trains"),
        ],
    )
    assert table is not None
    assert cells(table) == {("Train", "Train"): 2}


def test_neither_controls_nor_ill_posed_questions_have_a_table() -> None:
    answers = [record("t", "a", "audio", "Bird")]
    gone = [record("t", "a", "audio", "Bird", removed=["audio"])]
    tables = class_tables(
        {
            "aligned_audio": answers,
            "audio_removed_audio": gone,
            "abstention_audio.control_aligned": answers,
        }
    )
    assert [table.task for table in tables] == ["aligned_audio"]
