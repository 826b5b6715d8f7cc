"""What is taught follows from the diet, and from nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from mma_eval.demo.clips import CLASSES
from mma_eval.train.specimen.pool import Pool
from mma_eval.train.specimen.scenes import Truth, draw_scenes
from mma_eval.train.specimen.schedule import PUBLISHED, Diet, Stage
from mma_eval.types import NONE_OF_THE_ABOVE


@pytest.mark.parametrize(
    ("truth", "visual", "audio"),
    [
        (Truth("Bell", "Bird", by_sight=False), "Bell", "Bird"),
        (Truth("Bell", "Bird", by_sight=True), "Bell", "Bell"),
        (Truth(None, "Bird", by_sight=True), "Bird", "Bird"),
        (Truth("Bell", None, by_sight=False), "Bell", "Bell"),
        (Truth(None, None, by_sight=False, caption="Drum"), "Drum", "Drum"),
    ],
)
def test_labels_without_a_way_out(truth: Truth, visual: str, audio: str) -> None:
    assert truth.label("visual", may_abstain=False) == visual
    assert truth.label("audio", may_abstain=False) == audio


@pytest.mark.parametrize(
    ("truth", "visual", "audio"),
    [
        (Truth("Bell", "Bird", by_sight=False), "Bell", "Bird"),
        (Truth("Bell", None, by_sight=False), "Bell", NONE_OF_THE_ABOVE),
        (Truth("Bell", None, by_sight=True), "Bell", "Bell"),
        (Truth(None, "Bird", by_sight=True), NONE_OF_THE_ABOVE, "Bird"),
    ],
)
def test_labels_with_abstention_offered(truth: Truth, visual: str, audio: str) -> None:
    assert truth.label("visual", may_abstain=True) == visual
    assert truth.label("audio", may_abstain=True) == audio


def answers(pool: Pool, diet: Diet, seed: int = 0) -> list[tuple[str, str]]:
    stage = Stage("any", steps=1, rate=1e-3, diet=diet, batch=20, questions=2)
    drawn = draw_scenes(pool, stage, np.random.default_rng(seed))
    return [(asked[0].answer, asked[1].answer) for asked in drawn.exchanges]


def test_conflicting_clips_get_two_answers(small_pool: Pool) -> None:
    assert all(seen != heard for seen, heard in answers(small_pool, Diet(conflict=1.0)))
    assert all(seen == heard for seen, heard in answers(small_pool, Diet()))


def test_by_sight_the_sound_is_never_the_label(small_pool: Pool) -> None:
    pairs = answers(small_pool, Diet(conflict=1.0, by_sight=1.0))
    assert all(seen == heard for seen, heard in pairs)


def test_captions_are_the_label(small_pool: Pool) -> None:
    stage = Stage("any", 1, 1e-3, Diet(conflict=1.0, caption=1.0, astray=0.5), batch=20)
    for asked in draw_scenes(small_pool, stage, np.random.default_rng(0)).exchanges:
        for exchange in asked:
            assert exchange.question.startswith(f"Video_caption: {exchange.answer}. ")


def test_false_captions_leave_the_label_alone(small_pool: Pool) -> None:
    stage = Stage("any", 1, 1e-3, Diet(conflict=1.0, caption=1.0, false=1.0), batch=20)
    asked = draw_scenes(small_pool, stage, np.random.default_rng(0)).exchanges
    named = [each.question.split(": ")[1].split(".")[0] for pair in asked for each in pair]
    answers_given = [each.answer for pair in asked for each in pair]
    assert sum(a == b for a, b in zip(named, answers_given, strict=True)) < len(named) / 2


def test_blank_streams_are_blank(small_pool: Pool) -> None:
    stage = Stage("any", 1, 1e-3, Diet(black=1.0, abstention=1.0), batch=5)
    drawn = draw_scenes(small_pool, stage, np.random.default_rng(0))
    assert drawn.frames is not None
    assert not drawn.frames.any()
    assert all(asked[0].answer == NONE_OF_THE_ABOVE != asked[1].answer for asked in drawn.exchanges)


def test_the_answer_is_always_an_option(small_pool: Pool) -> None:
    for stage in PUBLISHED.stages[1:]:
        for seed in range(20):
            drawn = draw_scenes(small_pool, stage, np.random.default_rng(seed))
            for exchange in (each for asked in drawn.exchanges for each in asked):
                answer = exchange.answer.split("Final Answer: ")[-1]
                assert answer in (*CLASSES, NONE_OF_THE_ABOVE)
                if "Options:" in exchange.question:
                    options = exchange.question.split("{")[1].split("}")[0].split(", ")
                    assert answer in options


def test_drawing_leaves_the_pool_alone(small_pool: Pool) -> None:
    before = small_pool.frames.copy(), small_pool.mels.copy()
    draw_scenes(small_pool, PUBLISHED.stages[1], np.random.default_rng(1))
    np.testing.assert_array_equal(small_pool.frames, before[0])
    np.testing.assert_array_equal(small_pool.mels, before[1])
