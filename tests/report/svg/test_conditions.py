"""Tasks by what was done to their clips."""

from __future__ import annotations

import pytest

from mma_eval.eval.scorecard import Drop, Estimate, Share
from mma_eval.models.card import Reported
from mma_eval.report.svg.conditions import Condition, aligned_share, by_condition, sources_note
from tests.report.svg.scores import scores_of, task


@pytest.mark.parametrize(
    ("name", "words", "family"),
    [
        ("misalign_audio", "Sound of another clip", "misalign"),
        ("long_context_visual@before", "Long irrelevant text @before", "long_context@before"),
        ("aligned_audio+noise", "Nothing changed +noise", "aligned+noise"),
        ("my_task_visual", "my_task", "my_task"),
        ("speech", "speech", "speech"),
    ],
)
def test_a_condition_has_plain_words_and_the_name_of_its_tasks(
    name: str, words: str, family: str
) -> None:
    assert Condition.of(name) == Condition(words, family)


def test_both_questions_of_a_condition_stand_together_and_controls_nowhere() -> None:
    names = ("b_audio", "a_visual", "b_visual", "abstention_audio.control_aligned")
    rows = by_condition(map(task, names))
    assert [[score.task for score in row.tasks] for row in rows] == [
        ["b_audio", "b_visual"],
        ["a_visual"],
    ]


def test_a_task_is_measured_against_the_baseline_of_its_drop() -> None:
    drop = Drop(
        task="cot_misalign_audio",
        baseline="cot_aligned_audio",
        pairs=100,
        before=0.7,
        after=0.2,
        difference=Estimate(value=-0.5, low=-0.6, high=-0.4, n=100),
        lost=50,
        gained=0,
        p=0.001,
        p_holm=0.001,
    )
    tasks = (
        task("aligned_audio", right=90),
        task("cot_aligned_audio", right=70),
        task("cot_misalign_audio", right=20),
    )
    without = scores_of(*tasks)
    with_drop = without.model_copy(update={"drops": (drop,)})
    assert aligned_share(without, tasks[2]) == Share.of(90, 100)
    assert aligned_share(with_drop, tasks[2]) == Share.of(70, 100)
    assert aligned_share(without, tasks[0]) is None


def test_places_in_one_work_are_listed_once() -> None:
    sources = ("arXiv 1, Table 3", "arXiv 1, Table 4", "arXiv 1, Table 3", "A page")
    results = [Reported(task="t", metric="accuracy", value=1, source=text) for text in sources]
    assert sources_note(results) == ["Reported: arXiv 1, Table 3, Table 4; A page."]
    assert sources_note([]) == []
