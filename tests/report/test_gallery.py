"""The gallery holds every kind of answer, and the same clips throughout."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from mma_eval import evaluate
from mma_eval.eval.analysis.subject import Subject, read_subjects
from mma_eval.report.gallery import choose_exhibits


@pytest.fixture(scope="module")
def subjects(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Subject, ...]:
    folder = tmp_path_factory.mktemp("runs")
    for behaviour in ("first", "random"):
        evaluate(
            "mock",
            "aligned,misalign",
            dataset=manifest,
            model_args={"behaviour": behaviour},
            output_path=folder / behaviour,
        )
    return read_subjects([folder])


def test_few_samples_are_all_shown_in_order(subjects: tuple[Subject, ...]) -> None:
    chosen = choose_exhibits(subjects, 1000)
    assert [exhibit.sample for exhibit in chosen] == [
        sample for subject in subjects for sample in subject.samples
    ]
    assert choose_exhibits(subjects, None) == chosen
    assert choose_exhibits(subjects, 0) == ()


def test_no_kind_of_answer_is_missing(subjects: tuple[Subject, ...]) -> None:
    def kinds(limit: int | None) -> Counter[tuple[object, ...]]:
        return Counter(
            (e.subject, e.sample.task, e.sample.outcome, e.sample.attribution)
            for e in choose_exhibits(subjects, limit)
        )

    everything = kinds(None)
    chosen = kinds(len(everything) + 2)
    assert set(chosen) == set(everything)
    assert max(chosen.values()) <= 2
    assert chosen.total() == len(everything) + 2


def test_the_choice_is_the_same_each_time_and_grows(subjects: tuple[Subject, ...]) -> None:
    few, more = choose_exhibits(subjects, 10), choose_exhibits(subjects, 20)
    assert few == choose_exhibits(subjects, 10)
    assert set(few) < set(more)
    assert set(choose_exhibits(subjects, 10, seed=1)) != set(few)


def test_the_same_clips_are_drawn_for_all(subjects: tuple[Subject, ...]) -> None:
    twice = (subjects[1], subjects[1])
    kinds = {(s.task, s.outcome, s.attribution) for s in subjects[1].samples}
    chosen = choose_exhibits(twice, 2 * len(kinds))
    one, other = ([e.sample.clip for e in chosen if e.subject == at] for at in (0, 1))
    assert one == other
    assert len(one) == len(kinds) < len(subjects[1].samples)
