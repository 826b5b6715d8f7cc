"""A record held against what comes out on another machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from mma_eval.eval.doctor.checks import Check, Verdict
from mma_eval.eval.doctor.comparison import (
    SMALLEST_TOLERANCE,
    RecordComparison,
    compare_records,
    default_tolerance,
)
from mma_eval.eval.doctor.interview import ClipChange, Contrast
from mma_eval.eval.doctor.record import DoctorRecord, RecordedAnswer
from mma_eval.eval.rerun.comparison import Kind
from mma_eval.report.doctor_record import print_against, reason, shown_in_words
from tests.eval.doctor.examined import deaf_record, tiny_record


def compared(
    before: DoctorRecord, now: DoctorRecord, tolerance: float = SMALLEST_TOLERANCE
) -> RecordComparison:
    return compare_records(before, now, tolerance=tolerance)


def printed(before: DoctorRecord, comparison: RecordComparison) -> str:
    console = Console(width=100)
    with console.capture() as capture:
        print_against(console, before, comparison)
    return " ".join(capture.get().split())


def with_answers(change: Callable[[RecordedAnswer], dict[str, Any]]) -> DoctorRecord:
    record = tiny_record()
    answers = tuple(answer.model_copy(update=change(answer)) for answer in record.answers)
    return record.model_copy(update={"answers": answers})


def with_another_sound(record: DoctorRecord) -> DoctorRecord:
    """The same answers, after sound of which some bits were otherwise."""
    shown = tuple(
        each.model_copy(update={"samples": "0" * 16}) if each.samples else each
        for each in record.shown
    )
    return record.model_copy(update={"shown": shown})


def nudged(by: float) -> DoctorRecord:
    return with_answers(
        lambda answer: {"scores": tuple((o, (s or 0.0) + by, n) for o, s, n in answer.scores)}
    )


def test_the_same_machine_agrees() -> None:
    comparison = compared(tiny_record(), tiny_record())
    assert comparison.verdict is Verdict.OK
    assert comparison.facts == ()
    assert comparison.alike == comparison.compared
    assert comparison.compared["written answers"] == 7 * 2 + 4
    assert "agrees: all 32 answers" in printed(tiny_record(), comparison)


def test_a_model_that_hears_nothing_differs_on_the_same_clips() -> None:
    """Likelihoods after silence are not those after the sound; both are shown the same."""
    comparison = compared(tiny_record(), deaf_record())
    assert comparison.verdict is Verdict.FAIL
    assert not comparison.shown_differently
    assert {change.name: (change.before, change.now) for change in comparison.checks}["sound"] == (
        "ok",
        "FAIL",
    )
    changed = [s for s in comparison.on_the_same.samples if s.kind is Kind.CHANGED]
    assert {s.task.partition(" ")[0] for s in changed} <= {
        "own", "swapped", "sound_only", "other_sound_only", "no_picture_track"
    }  # fmt: skip
    assert "first make these as in the record: model card, backend" in reason(comparison)


def test_rounding_is_tolerated_and_more_is_not() -> None:
    assert compared(tiny_record(), nudged(5e-4)).verdict is Verdict.OK
    comparison = compared(tiny_record(), nudged(5e-3))
    assert comparison.verdict is Verdict.FAIL
    assert "only likelihoods moved, by up to 0.005 nats" in reason(comparison)
    assert comparison.alike["likeliest options"] == comparison.compared["likeliest options"]
    assert compared(tiny_record(), nudged(5e-3), tolerance=0.01).verdict is Verdict.OK


def test_what_batching_moves_here_another_machine_may_move() -> None:
    def check(name: str, moved: float) -> Check:
        contrast = Contrast("x", (ClipChange("a", False, False, moved),))
        return Check(name, Verdict.OK, "x", contrasts=(contrast,))

    assert default_tolerance([check("reference mode", 0.06), check("sound", 9.0)]) == 0.12
    assert default_tolerance([check("repetition", 0.0)]) == SMALLEST_TOLERANCE


def test_fewer_tokens_differ() -> None:
    comparison = compared(tiny_record(), with_answers(lambda answer: {"tokens": None}))
    assert comparison.verdict is Verdict.FAIL
    assert comparison.on_the_same.fields == {"tokens": 32}


def test_clips_that_were_encoded_otherwise_are_not_held_against_the_model() -> None:
    record = tiny_record()
    comparison = compared(record, with_another_sound(record))
    assert comparison.verdict is Verdict.OK, "every answer agrees all the same"
    assert "though not all that was shown is the same" in reason(comparison)
    assert "the sound of 8; the files are the same and were decoded differently" in shown_in_words(
        comparison
    )
    files = dict.fromkeys(record.clips.files, ("f" * 16,))
    elsewhere = with_another_sound(deaf_record()).model_copy(
        update={"clips": record.clips.model_copy(update={"files": files})}
    )
    comparison = compared(record, elsewhere)
    assert comparison.verdict is Verdict.CANNOT_TELL
    assert comparison.on_the_same.differing == ()
    said = printed(record, comparison)
    assert "encoded on each machine" in said
    assert "so this says nothing about the model" in said


def test_clips_that_are_not_in_both_are_left_out() -> None:
    record = tiny_record()
    others = record.model_copy(
        update={
            "clips": record.clips.model_copy(update={"files": {"elsewhere": ()}}),
            "shown": tuple(each.model_copy(update={"clip": "elsewhere"}) for each in record.shown),
        }
    )
    comparison = compared(record, others)
    assert comparison.verdict is Verdict.CANNOT_TELL
    assert "no clip was asked about on both sides" in reason(comparison)


def test_nothing_of_a_record_reaches_the_terminal_as_a_command() -> None:
    hostile = with_answers(lambda answer: {"text": "\x1b]0;owned\x07[bold]Bird", "scores": ()})
    hostile = hostile.model_copy(
        update={
            "model": hostile.model.model_copy(update={"name": "\x1b[2J", "version": "\x9b31m"}),
            "machine": {**hostile.machine, "GPU\x1b[1m": "\x07[red]"},
        }
    )
    said = printed(hostile, compared(hostile, tiny_record()))
    assert not {"\x1b", "\x07", "\x9b"} & set(said)
    assert r"\x1b]0;owned\x07[bold]Bird" in said


@pytest.mark.parametrize("field", ["python", "platform"])
def test_versions_are_told_and_not_held_against_it(field: str) -> None:
    record = tiny_record()
    environment = record.environment.model_copy(update={field: "another"})
    comparison = compared(record.model_copy(update={"environment": environment}), record)
    assert comparison.verdict is Verdict.OK
    assert [change.before for change in comparison.facts] == ["another"]
