"""Stretches over a clip, against counting by hand."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from mma_eval.media.policy import FramePolicy, StretchFrames
from mma_eval.media.stretches import Stretches
from mma_eval.media.video import sample_indices

FIVE = Stretches(5, 2.0)


def test_room_divided_by_the_number_of_stretches() -> None:
    # 10 s leave 8 s of room: one begins every 8/5 s, and none reaches the end.
    assert FIVE.starts(Fraction(10)) == tuple(Fraction(8 * i, 5) for i in range(5))


def test_room_divided_by_the_gaps() -> None:
    assert Stretches(5, 2.0, "gaps").starts(Fraction(10)) == tuple(map(Fraction, (0, 2, 4, 6, 8)))


def test_first_and_last_frame_of_every_stretch() -> None:
    # At 30 frames a second a stretch has 60 frames and one begins every 48.
    found = FIVE.frames(300, 30.0, each=2)
    assert found == ((0, 59), (48, 107), (96, 155), (144, 203), (192, 251))


def test_frames_are_those_shown_within_the_stretch() -> None:
    # 2 s at 29.97 frames a second end between frames 59 and 60; the second stretch begins at
    # (300 / 29.97 - 2) / 5 s, which is frame 48.01: the first one shown in it is 49.
    found = FIVE.frames(300, 30000 / 1001, each=2)
    assert found[:2] == ((0, 59), (49, 107))


def test_a_short_clip_is_taken_whole_each_time() -> None:
    assert FIVE.frames(8, 8.0, each=2) == ((0, 7),) * 5
    assert Stretches(3, 2.0).samples(16_000, 16_000) == (slice(0, 32_000),) * 3


def test_samples_of_three_stretches() -> None:
    starts = [one.start for one in Stretches(3, 2.0).samples(128_000, 16_000)]
    assert starts == [0, 32_000, 64_000]


def test_a_policy_takes_them_stretch_by_stretch() -> None:
    policy = FramePolicy(StretchFrames(FIVE))
    # 3 s at 10 frames a second: one stretch of 20 frames begins every 2 frames.
    assert sample_indices(30, 10.0, policy) == [0, 19, 2, 21, 4, 23, 6, 25, 8, 27]


@given(
    total=st.integers(1, 2000),
    fps=st.sampled_from([1.0, 7.5, 24000 / 1001, 25.0, 29.97, 30.0, 60.0]),
    each=st.integers(1, 4),
    gaps=st.booleans(),
)
def test_every_frame_exists_and_none_goes_back(
    total: int, fps: float, each: int, gaps: bool
) -> None:
    stretches = Stretches(5, 2.0, "gaps" if gaps else "stretches")
    found = stretches.frames(total, fps, each)
    assert len(found) == 5
    for frames in found:
        assert list(frames) == sorted(frames)
        assert set(frames) <= set(range(total))
    firsts = [frames[0] for frames in found]
    assert firsts == sorted(firsts)
