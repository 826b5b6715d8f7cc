"""Records on disk: put in any order, read in the plan's."""

from __future__ import annotations

from pathlib import Path

import pytest

from mma_eval import evaluate
from mma_eval.eval.log import AnswerRecord, field_names
from mma_eval.eval.spool import RecordSpool


@pytest.fixture
def records(manifest: Path, tmp_path: Path) -> list[AnswerRecord]:
    run = evaluate("mock", "aligned", dataset=manifest, output_path=tmp_path)
    names = field_names(AnswerRecord)
    return [AnswerRecord(**{name: getattr(s, name) for name in names}) for s in run.samples]


def test_records_come_back_in_the_order_of_their_places(
    records: list[AnswerRecord], tmp_path: Path
) -> None:
    with RecordSpool(tmp_path, len(records)) as spool:
        for place in reversed(range(len(records))):
            spool.put(place, records[place])
        assert list(spool.in_order()) == records


def test_places_without_a_record_are_passed_over(
    records: list[AnswerRecord], tmp_path: Path
) -> None:
    with RecordSpool(tmp_path, 3) as spool:
        spool.put(2, records[0])
        assert [place in spool for place in range(3)] == [False, False, True]
        assert list(spool.in_order()) == [records[0]]


def test_nothing_stays_in_the_folder(records: list[AnswerRecord], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    with RecordSpool(folder, 1) as spool:
        spool.put(0, records[0])
        assert not list(folder.iterdir())
    assert not list(folder.iterdir())
