"""Which two answers are about the same stimulus."""

from __future__ import annotations

from dataclasses import replace

from mma_eval.eval.analysis.pairing import Pair, pair_records
from mma_eval.eval.log import SampleRecord
from mma_eval.types import Ask, Status
from tests.eval.analysis.crowd import record


def plain(clip: str, ask: Ask = "audio", *, task: str = "aligned") -> SampleRecord:
    return record(task, clip, ask, "Bird")


def swapped(clip: str, sound: str, ask: Ask = "audio") -> SampleRecord:
    return record("misalign", clip, ask, "Bird", sound=sound, heard="Fire")


def names(pairs: tuple[Pair[SampleRecord], ...]) -> list[tuple[str, str]]:
    return [(pair.first.clip, pair.second.clip) for pair in pairs]


class TestSources:
    def test_the_audio_question_goes_with_the_clip_that_the_sound_came_from(self) -> None:
        found = pair_records([plain("a"), plain("b")], [swapped("a", "b"), swapped("b", "a")])
        assert names(found.pairs) == [("a", "b"), ("b", "a")]
        assert (found.left_first, found.left_second) == (0, 0)

    def test_the_visual_question_goes_with_the_clip_of_the_picture(self) -> None:
        aligned = [plain("a", "visual"), plain("b", "visual")]
        found = pair_records(aligned, [swapped("a", "b", "visual"), swapped("b", "a", "visual")])
        assert names(found.pairs) == [("a", "a"), ("b", "b")]

    def test_a_question_about_both_goes_with_its_clip(self) -> None:
        found = pair_records([plain("a", "both")], [swapped("a", "b", "both")])
        assert names(found.pairs) == [("a", "a")]

    def test_a_borrowed_sound_pairs_twice(self) -> None:
        found = pair_records([plain("a")], [swapped("b", "a"), swapped("c", "a")])
        assert names(found.pairs) == [("a", "b"), ("a", "c")]

    def test_two_runs_of_one_swap_pair_by_sample(self) -> None:
        one = [swapped("b", "a"), swapped("c", "a")]
        other = [swapped("c", "a"), swapped("d", "a"), swapped("b", "a")]
        found = pair_records(one, other)
        assert names(found.pairs) == [("b", "b"), ("c", "c")]
        assert (found.left_first, found.left_second) == (0, 1)

    def test_what_has_no_partner_is_counted(self) -> None:
        found = pair_records([plain("a"), plain("b"), plain("c")], [swapped("x", "a")])
        assert (len(found.pairs), found.left_first, found.left_second) == (1, 2, 0)
        nothing = pair_records([], [plain("a")])
        assert (nothing.pairs, nothing.left_second) == ((), 1)

    def test_a_failed_answer_has_no_pair(self) -> None:
        failed = record("aligned", "a", "audio", "", status=Status.TIMEOUT)
        found = pair_records([failed], [swapped("b", "a")])
        assert (found.pairs, found.left_first, found.left_second) == ((), 0, 1)

    def test_a_sound_of_unknown_origin_only_meets_itself(self) -> None:
        unknown = replace(swapped("a", "b"), audio_source=None)
        assert pair_records([plain("a"), plain("b")], [unknown]).pairs == ()
        assert names(pair_records([unknown], [unknown]).pairs) == [("a", "a")]


def test_rows_of_a_question_set_pair_with_themselves() -> None:
    first = [record("qa", "a", "audio", "Bird", row=row) for row in ("q1", "q2")]
    second = [record("qa+zero_frames", "a", "audio", "Fire", row=row) for row in ("q2", "q3")]
    found = pair_records(first, second)
    assert [(pair.first.id, pair.second.id) for pair in found.pairs] == [("q2/audio", "q2/audio")]
    assert (found.left_first, found.left_second) == (1, 1)


def test_a_pair_is_resampled_by_the_picture_and_the_sound_that_it_depends_on() -> None:
    (by_sound,) = pair_records([plain("a")], [swapped("b", "a")]).pairs
    assert (by_sound.video, by_sound.sound) == ("b", "a")
    (by_picture,) = pair_records([swapped("b", "a", "visual")], [plain("b", "visual")]).pairs
    assert (by_picture.video, by_picture.sound) == ("b", "a")
    (unchanged,) = pair_records([plain("a")], [plain("a", task="long_context")]).pairs
    assert (unchanged.video, unchanged.sound) == ("a", "a")
