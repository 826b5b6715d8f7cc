"""What a run comes to beside its scores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mma_eval import evaluate
from mma_eval.eval.log import SampleRecord
from mma_eval.eval.tally import Counting, FailureKind, Tally
from mma_eval.types import Status


@pytest.fixture
def samples(manifest: Path, tmp_path: Path) -> list[SampleRecord]:
    return evaluate("mock", "aligned", dataset=manifest, output_path=tmp_path).samples


def tally(samples: list[SampleRecord]) -> Tally:
    counting = Counting()
    assert list(counting.passing(samples)) == samples
    return counting.tally()


def test_a_run_without_incident(samples: list[SampleRecord]) -> None:
    found = tally(samples)
    assert (found.samples, found.unproved, found.notes, found.failed) == (12, 0, {}, 0)


def test_failures_are_counted_by_kind_with_the_first_as_example(
    samples: list[SampleRecord],
) -> None:
    status = {1: Status.TIMEOUT, 4: Status.API_ERROR, 7: Status.TIMEOUT, 8: Status.REFUSED}
    odd = [
        replace(sample, status=status.get(at, Status.OK), error=f"reason {at}")
        for at, sample in enumerate(samples)
    ]
    assert tally(odd).failures == (
        FailureKind(Status.TIMEOUT, 2, f"{samples[1].id}: reason 1"),
        FailureKind(Status.API_ERROR, 1, f"{samples[4].id}: reason 4"),
    )
    assert tally(odd).failed == 3, "a refusal is an answer"


def test_notes_and_unproved_answers(samples: list[SampleRecord]) -> None:
    odd = [replace(samples[0], notes=("late", "short")), replace(samples[1], notes=("late",))]
    odd += [replace(samples[2], tokens=None)]
    odd += [replace(samples[3], tokens=None, status=Status.TIMEOUT)]
    found = tally(odd)
    assert found.notes == {"late": 2, "short": 1}
    assert found.unproved == 1, "what failed has nothing to prove"


def test_equal_questions_have_an_equal_digest_in_any_order(samples: list[SampleRecord]) -> None:
    asked = tally(samples).asked
    assert asked.keys() == {"aligned_visual", "aligned_audio"}
    assert asked["aligned_visual"] != asked["aligned_audio"]
    assert tally(samples[::-1]).asked == asked
    assert tally([replace(sample, answer="Cat", seconds=9.0) for sample in samples]).asked == asked


@pytest.mark.parametrize(
    "change",
    [
        {"id": "clip9/visual"},
        {"prompt": "?"},
        {"filler": "10,000 tokens"},
        {"options": ("Cat", "Bird")},
        {"video_hash": "0"},
        {"audio_hash": "0"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_was_asked_otherwise_changes_the_digest(
    samples: list[SampleRecord], change: dict[str, object]
) -> None:
    changed = [replace(samples[0], **change), *samples[1:]]  # type: ignore[arg-type]
    assert tally(changed).asked["aligned_visual"] != tally(samples).asked["aligned_visual"]
    assert tally(changed).asked["aligned_audio"] == tally(samples).asked["aligned_audio"]
