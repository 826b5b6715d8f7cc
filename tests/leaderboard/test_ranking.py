"""Ranks: who is surely better, on which clips, and who is not ranked."""

from __future__ import annotations

from mma_eval.leaderboard.ranking import Contender, rank

CLIPS = 200
ALL = (1 << CLIPS) - 1


def right_on(first: int, last: int) -> int:
    """The clips from `first` to before `last`."""
    return ((1 << last) - 1) ^ ((1 << first) - 1)


def test_rows_that_no_test_separates_share_a_rank() -> None:
    ranked = rank(
        [
            Contender("nearly", ALL, right_on(0, 148)),
            Contender("best", ALL, right_on(0, 150)),
            Contender("far", ALL, right_on(0, 50)),
        ],
        CLIPS,
    )
    assert ranked.order == ("best", "nearly", "far")
    assert [ranked.standings[name].rank for name in ranked.order] == [1, 1, 3]
    assert [ranked.standings[name].tied_with for name in ranked.order] == [1, 1, 0]
    assert ranked.comparisons == 3


def test_the_same_share_on_other_clips_is_a_tie() -> None:
    ranked = rank(
        [Contender("a", ALL, right_on(0, 100)), Contender("b", ALL, right_on(100, 200))], CLIPS
    )
    assert {standing.rank for standing in ranked.standings.values()} == {1}


def test_more_rows_need_stronger_evidence() -> None:
    """Ten clips lost and one gained is p = 0.012, which Holm's correction of many takes away."""
    first, second = Contender("a", ALL, right_on(1, 111)), Contender("b", ALL, right_on(0, 101))
    alone = rank([first, second], CLIPS)
    assert alone.standings["b"].rank == 2
    copies = [Contender(f"z{at}", ALL, right_on(0, 101)) for at in range(4)]
    crowd = rank([first, second, *copies], CLIPS)
    assert crowd.standings["b"].rank == 1


def test_rows_are_compared_on_the_clips_that_all_answered() -> None:
    lacking = right_on(20, 200)
    ranked = rank(
        [Contender("whole", ALL, right_on(0, 120)), Contender("less", lacking, right_on(20, 120))],
        CLIPS,
    )
    assert ranked.common == 180
    for standing in ranked.standings.values():
        assert standing.common is not None
        assert (standing.common.k, standing.common.n) == (100, 180)


def test_a_row_below_the_floor_is_not_ranked_and_takes_no_clips() -> None:
    ranked = rank(
        [Contender("whole", ALL, ALL), Contender("half", right_on(0, 100), right_on(0, 100))], CLIPS
    )
    assert ranked.order == ("whole",)
    assert ranked.common == CLIPS
    assert ranked.standings["half"].unranked == (
        "answered 100 of 200 conflict clips; 160 are needed"
    )


def test_the_row_that_lacks_more_gives_way_where_both_would_leave_too_few() -> None:
    ranked = rank(
        [
            Contender("lacks-the-end", right_on(0, 165), right_on(0, 165)),
            Contender("lacks-the-start", right_on(30, 200), right_on(30, 200)),
        ],
        CLIPS,
    )
    assert ranked.order == ("lacks-the-start",)
    assert ranked.standings["lacks-the-end"].unranked == (
        "shares 135 conflict clips with the ranked rows; 160 are needed"
    )


def test_a_handful_of_clips_ranks_nobody() -> None:
    few = (1 << 20) - 1
    ranked = rank([Contender("a", few, few), Contender("b", few, 0)], 20)
    assert ranked.order == ()
    assert ranked.standings["a"].unranked == "answered 20 of 20 conflict clips; 30 are needed"
