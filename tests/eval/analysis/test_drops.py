"""What a condition costs, on answers small enough to count by hand."""

from __future__ import annotations

import pytest

from mma_eval.eval.analysis.drops import drops
from mma_eval.eval.log import SampleRecord
from mma_eval.types import NONE_OF_THE_ABOVE, Ask
from tests.eval.analysis.crowd import CLASSES, Asked, Crowd, record

RIGHT = "Bird"


def told(task: str, answers: str, ask: Ask = "audio") -> list[SampleRecord]:
    """One clip a letter: r right, w wrong."""
    return [
        record(task, f"c{at}", ask, RIGHT if letter == "r" else "Fire")
        for at, letter in enumerate(answers)
    ]


class TestOneDrop:
    def test_counts_pairs(self) -> None:
        (drop,) = drops(
            {
                "aligned_audio": told("aligned_audio", "rrrrrrrrrw"),
                "long_context_audio": told("long_context_audio", "rrrwwwwwwr"),
            }
        )
        assert (drop.task, drop.baseline) == ("long_context_audio", "aligned_audio")
        assert (drop.pairs, drop.lost, drop.gained) == (10, 6, 1)
        assert (drop.before, drop.after) == (0.9, 0.4)
        assert drop.difference.value == pytest.approx(-0.5)
        assert drop.difference.low < -0.5 < drop.difference.high
        # Binomial, 7 flips: 2 (1 + 7) / 2^7.
        assert drop.p == drop.p_holm == pytest.approx(0.125)

    def test_a_swap_pairs_on_the_sound(self) -> None:
        """Sounds c0 and c1 are exchanged; c0 alone is heard wrong when aligned."""
        swapped = [
            record("misalign_audio", "c0", "audio", "Bird", seen="Fire", sound="c1"),
            record("misalign_audio", "c1", "audio", "Fire", seen="Fire", sound="c0"),
        ]
        (drop,) = drops({"aligned_audio": told("a", "wr"), "misalign_audio": swapped})
        assert (drop.pairs, drop.lost, drop.gained) == (2, 0, 0)

    def test_nothing_lost_is_no_certainty(self) -> None:
        same = told("t", "r" * 30)
        (drop,) = drops({"aligned_audio": same, "long_context_audio": same})
        assert drop.p == 1.0
        assert drop.difference.low < -0.05 < 0.05 < drop.difference.high


class TestWhichDrops:
    def baselines(self, *tasks: str) -> dict[str, str]:
        found = drops({task: told(task, "rrw") for task in tasks})
        return {drop.task: drop.baseline for drop in found}

    def test_each_against_the_same_question_without_the_condition(self) -> None:
        assert self.baselines(
            "aligned_audio",
            "aligned_visual",
            "aligned_audio@class_name",
            "misalign_audio",
            "misalign_audio@class_name",
            "frames_zeroed_audio@stripped",
            "cot_aligned_audio",
            "cot_misalign_audio",
            "aligned_audio+swap_audio",
            "abstention_audio.control_aligned",
            "qa",
            "qa+zero_frames",
        ) == {
            "misalign_audio": "aligned_audio",
            "misalign_audio@class_name": "aligned_audio@class_name",
            "frames_zeroed_audio@stripped": "aligned_audio",
            "cot_misalign_audio": "cot_aligned_audio",
            "aligned_audio+swap_audio": "aligned_audio",
            "qa+zero_frames": "qa",
        }

    def test_none_without_the_baseline(self) -> None:
        assert self.baselines("misalign_audio", "aligned_visual", "cot_misalign_audio") == {}

    def test_none_for_an_ill_posed_question(self) -> None:
        gone = [record("t", "c0", "audio", RIGHT, removed=["audio"])]
        assert drops({"aligned_audio": told("a", "r"), "audio_removed_audio": gone}) == ()

    def test_none_where_declining_is_right(self) -> None:
        declined = record(
            "abstention_audio",
            "c0",
            "audio",
            "None of the above",
            removed=["audio"],
            target=NONE_OF_THE_ABOVE,
            options=(*CLASSES, NONE_OF_THE_ABOVE),
        )
        assert drops({"aligned_audio": told("a", "r"), "abstention_audio": [declined]}) == ()


def test_all_drops_of_a_run_are_one_family() -> None:
    found = drops(
        {
            "aligned_audio": told("a", "r" * 12),
            "long_context_audio": told("l", "w" * 8 + "r" * 4),
            "misleading_caption_audio": told("m", "w" * 6 + "r" * 6),
            "frames_zeroed_audio": told("f", "w" + "r" * 11),
        }
    )
    # 8, 6 and 1 flips one way: 2 / 2^8, 2 / 2^6 and 1; times 3, 2 and 1.
    assert [drop.p for drop in found] == pytest.approx([2 / 256, 2 / 64, 1.0])
    assert [drop.p_holm for drop in found] == pytest.approx([6 / 256, 4 / 64, 1.0])


def test_a_model_that_only_sees_loses_every_sound() -> None:
    def only_sees(asked: Asked) -> str:
        return asked.seen or "Fire"

    tasks = ("aligned_visual", "aligned_audio", "misalign_visual", "misalign_audio")
    visual, audio = drops(Crowd(50).run(tasks, only_sees))
    assert (visual.lost, visual.gained, visual.pairs) == (0, 0, 50)
    assert (audio.before, audio.after, audio.lost) == (1.0, 0.0, 50)
    assert audio.difference.value == -1.0 and audio.difference.high < -0.8
