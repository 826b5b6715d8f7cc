"""What scoring holds of a run: as little as gives the same numbers."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest

from mma_eval import evaluate
from mma_eval.eval.analysis.diagnosis import by_task, diagnose
from mma_eval.eval.evaluate import score_samples
from mma_eval.eval.log import SampleRecord, from_line, to_line
from mma_eval.eval.run import Run
from mma_eval.eval.scored import lean
from mma_eval.types import OptionScore


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Every task and control on twelve clips, the options in another order for each."""
    out = tmp_path_factory.mktemp("lean")
    return evaluate(
        "mock",
        "mma_bench",
        dataset="demo",
        limit=12,
        perturb=["shuffle_options"],
        model_args={"behaviour": "random"},
        output_path=out,
    )


def test_lean_samples_give_the_scores_of_whole_records(run: Run) -> None:
    tasks = run.manifest.tasks
    whole = score_samples(tasks, run.samples)

    assert score_samples(tasks, lean(run.samples)) == whole == run.scores


def test_lean_samples_give_the_diagnosis_of_whole_records(run: Run) -> None:
    assert run.scores is not None
    assert diagnose(run.scores, run.by_task) == diagnose(run.scores, by_task(run.samples))


def test_likelihoods_are_known_from_texts(run: Run) -> None:
    text = run.samples[0]
    scores = tuple(OptionScore(option, -1.0, 1) for option in text.options)
    likelihood = replace(text, answer=None, option_scores=scores)
    assert [one.by_likelihood for one in lean([text, likelihood])] == [False, True]


def test_options_that_differ_in_their_order_are_the_same_strings(run: Run) -> None:
    samples = run.by_task["aligned_visual+shuffle_options"]
    orders = {sample.options for sample in samples}
    assert len(orders) > 1
    assert len({id(option) for options in orders for option in options}) == len(
        {option for options in orders for option in options}
    )


def test_a_lean_sample_is_half_of_a_record_or_less(run: Run) -> None:
    lines = [
        to_line(replace(run.samples[0], id=f"clip{number}/visual", clip=f"clip{number}"))
        for number in range(3_000)
    ]

    def held(read: Callable[[Iterator[SampleRecord]], Sequence[object]]) -> int:
        before = tracemalloc.get_traced_memory()[0]
        samples = read(map(from_line, lines))
        assert len(samples) == len(lines)
        return tracemalloc.get_traced_memory()[0] - before

    tracemalloc.start()
    try:
        slim, whole = held(lambda samples: list(lean(samples))), held(list)
    finally:
        tracemalloc.stop()
    assert slim < whole / 2
