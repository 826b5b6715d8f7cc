"""Following net of inability: models whose true following is known by construction."""

from __future__ import annotations

import numpy as np
import pytest

from mma_eval.eval.analysis.following import (
    followings,
    shuffled_distractor_rates,
    uncaptioned_rates,
)
from mma_eval.eval.scorecard import Following, Share
from mma_eval.types import Attribution
from tests.eval.analysis.crowd import CLASSES, Asked, Crowd, Rule, guesser, record

CONFLICT = ("aligned_visual", "aligned_audio", "misalign_visual", "misalign_audio")
ALONE = ("audio_removed_visual", "frames_zeroed_audio")
CAPTION = ("aligned_visual", "misleading_caption_visual")


def of(task: str, *found: Following) -> Following:
    (one,) = [following for following in found if following.task == task]
    return one


def coverage(clips: int, trials: int, tasks: tuple[str, ...], rule: Rule, truth: float) -> float:
    held = []
    for seed in range(trials):
        (found,) = followings(Crowd(clips, seed).run(tasks, rule))
        assert found.net is not None
        held.append(found.net.low <= truth <= found.net.high)
    return sum(held) / trials


class TestExpected:
    def test_a_shuffled_distractor_by_hand(self) -> None:
        """Pictures Bird, Bird, Fire, Rain, and sounds of other classes; asked what is heard."""
        samples = [
            record("misalign_audio", name, "audio", said, seen=seen, heard=heard)
            for name, seen, heard, said in [
                ("a", "Bird", "Fire", "Bird"),
                ("b", "Bird", "Rain", "Fire"),
                ("c", "Fire", "Rain", "Rain"),
                ("d", "Rain", "Bird", "hm"),
            ]
        ]
        assert shuffled_distractor_rates(samples) == [
            # Others that are no Fire: the Bird of b and the Rain of d; one is named.
            pytest.approx(1 / 2),
            # Others that are no Rain: Bird of a, Fire of c.
            pytest.approx(1 / 2),
            0.0,
            0.0,
        ]

    def test_a_single_conflict_has_no_other_distractor(self) -> None:
        one = record("misalign_audio", "a", "audio", "Bird", heard="Fire")
        assert shuffled_distractor_rates([one]) == [0.0]

    def test_the_rate_of_a_captions_class_without_captions_by_hand(self) -> None:
        plain = [
            record("aligned_audio", name, "audio", said, heard=heard)
            for name, heard, said in [
                ("a", "Bird", "Fire"),
                ("b", "Bird", "Bird"),
                ("c", "Fire", "Fire"),
                ("d", "Rain", "hm"),
            ]
        ]
        captioned = [
            record("t", "a", "audio", "Bird", heard="Bird", caption=caption)
            for caption in ("Fire", "Rain")
        ]
        # Fire is named for one of the three that are not Fire, Rain for none.
        assert uncaptioned_rates(captioned, plain) == [pytest.approx(1 / 3), 0.0]
        assert uncaptioned_rates(captioned, plain[2:3]) is None


class TestDominance:
    def test_seventy_percent(self) -> None:
        """Names what it sees in 7 of 10 clips, else guesses.

        Of 200 clips, 180 have a picture of another class than the target, less the clip itself:
        179, 19 of them of the class it named. Guessing nets to nothing, so the truth is
        0.7 (1 - 19 / 179).
        """
        random = np.random.default_rng(1)
        guess = guesser(random)

        def dominated(asked: Asked) -> str:
            return asked.other if asked.other and random.random() < 0.7 else guess(asked)

        truth = 0.7 * (1 - 19 / 179)
        nets = []
        for seed in range(40):
            (found,) = followings(Crowd(200, seed).run(["misalign_audio"], dominated))
            assert found.source is Attribution.OTHER_MODALITY and found.net is not None
            nets.append(found.net)
        assert np.mean([net.value for net in nets]) == pytest.approx(truth, abs=0.02)
        assert sum(net.low <= truth <= net.high for net in nets) >= 35

    def test_guessing_nets_to_nothing(self) -> None:
        rule = guesser(np.random.default_rng(2))
        assert 0.925 <= coverage(60, 200, ("misalign_audio",), rule, 0.0) <= 0.99

    def test_a_favourite_class_is_not_dominance(self) -> None:
        random = np.random.default_rng(3)

        def favours_fire(asked: Asked) -> str:
            return "Fire" if random.random() < 0.6 else asked.target or "Fire"

        assert coverage(100, 100, ("misalign_visual",), favours_fire, 0.0) >= 0.925

    def test_only_sees_and_the_clips_it_knows(self) -> None:
        """It sees, but not birds; without a picture it names the sound right."""

        def sees(asked: Asked) -> str:
            if asked.seen == "Bird":
                return "Fire"
            return asked.seen or asked.heard or "Fire"

        found = followings(Crowd(50).run((*CONFLICT, *ALONE), sees))
        assert [each.task for each in found] == ["misalign_visual", "misalign_audio"]
        heard = of("misalign_audio", *found)
        # Five of fifty pictures are birds; where the sound is Fire, answering Fire is right.
        assert heard.share.k == 45
        assert heard.able_share == Share.of(45, 45)
        assert heard.able_by == ALONE
        assert heard.able_net is not None and heard.net is not None
        assert heard.able_net.value > heard.net.value > 0.7

    def test_without_the_unimodal_tasks_able_is_by_the_aligned_ones(self) -> None:
        run = Crowd(20).run(CONFLICT, lambda asked: asked.target or "")
        heard = of("misalign_audio", *followings(run))
        assert heard.able_by == ("aligned_visual", "aligned_audio")
        assert heard.share == heard.able_share == Share.of(0, 20)
        assert heard.net is not None and heard.net.high > 0.0, "20 clips show no certain zero"

    def test_without_either_there_is_none(self) -> None:
        (found,) = followings(Crowd(20).run(["misalign_visual"], lambda asked: asked.heard or ""))
        assert (found.able_share, found.able_net, found.able_by) == (None, None, ())
        assert found.net is not None and found.net.value == pytest.approx(1 - 1 / 17)

    def test_agreeing_labels_have_no_other_modality(self) -> None:
        assert followings(Crowd(10).run(["aligned_audio"], lambda asked: "Fire")) == ()


class TestCaption:
    def test_a_favourite_class_nets_to_nothing(self) -> None:
        random = np.random.default_rng(4)

        def favours_fire(asked: Asked) -> str:
            return "Fire" if random.random() < 0.6 else asked.target or "Fire"

        assert coverage(150, 80, CAPTION, favours_fire, 0.0) >= 0.925

    def test_guessing_nets_to_nothing(self) -> None:
        rule = guesser(np.random.default_rng(5))
        assert 0.925 <= coverage(60, 120, CAPTION, rule, 0.0) <= 0.99

    def test_believing_every_caption(self) -> None:
        run = Crowd(40).run(CAPTION, lambda asked: asked.caption or asked.target or "")
        (found,) = followings(run)
        assert (found.source, found.share) == (Attribution.CAPTION, Share.of(40, 40))
        assert found.expected == 0.0 and found.able_by == ("aligned_visual",)
        assert found.net is not None and found.net.value == 1.0 and found.net.low < 0.97

    def test_without_the_aligned_task_nothing_tells_what_to_expect(self) -> None:
        run = Crowd(20).run(["misleading_caption_visual"], lambda asked: asked.caption or "")
        (found,) = followings(run)
        assert found.share == Share.of(20, 20)
        assert (found.expected, found.net, found.able_share) == (None, None, None)

    def test_able_leaves_out_the_clips_that_it_does_not_know(self) -> None:
        """Half of the classes are unknown to it, and there it believes the caption."""
        known = CLASSES[:5]

        def unsure(asked: Asked) -> str:
            sure = asked.target in known
            return (asked.target if sure else asked.caption) or "hm"

        (found,) = followings(Crowd(40).run(CAPTION, unsure))
        assert (found.share, found.able_share) == (Share.of(20, 40), Share.of(0, 20))
