"""Every planted fault is named from runs alone, and nothing is named that was not looked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from mma_eval import OneByOne, evaluate
from mma_eval.eval.analysis.ability import inability
from mma_eval.eval.analysis.diagnosis import Diagnosis, by_task, diagnose
from mma_eval.eval.analysis.findings import Fault, Measure, Verdict, habit_verdict
from mma_eval.eval.scorecard import Share
from mma_eval.media.source import Media
from mma_eval.models.base import Model
from mma_eval.models.card import ModelCard
from mma_eval.models.catalogue import create_model
from mma_eval.models.mock import options_in
from mma_eval.types import NONE_OF_THE_ABOVE, Question
from tests.conftest import make_clip

CLASSES = ("Bird", "Cat", "Door", "Engine", "Frog", "Goat")
CLIPS = 60
EVERYTHING = "aligned,misalign,frames_zeroed,audio_removed,misleading_caption,abstention"
MODEL = ModelCard(name="planted", backend="planted", family="mock", summary="", license="-")


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty short aligned clips of six classes."""
    folder = tmp_path_factory.mktemp("clips")
    rows = []
    for n in range(CLIPS):
        name, label = f"clip{n:02}", CLASSES[n % len(CLASSES)]
        make_clip(folder / f"{name}.mp4", shade=4 * n, pitch=200.0 + 20 * n, seconds=0.25)
        rows.append({"id": name, "video": f"{name}.mp4", "visual_label": label,
                     "audio_label": label})  # fmt: skip
    path = folder / "manifest.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


Diagnose = Callable[..., Diagnosis]


@pytest.fixture
def named(clips: Path, tmp_path: Path) -> Diagnose:
    """The diagnosis of a model, by a fault that is planted or as an object, through the harness."""

    def run(
        model: Model | None = None,
        tasks: str = EVERYTHING,
        perturb: Iterable[str] = (),
        limit: int | None = None,
        **planted: Any,
    ) -> Diagnosis:
        done = evaluate(
            model or create_model(MODEL, planted),
            tasks,
            dataset=clips,
            perturb=perturb,
            limit=limit,
            output_path=tmp_path,
        )
        assert done.scores is not None
        return diagnose(done.scores, by_task(done.samples))

    return run


def faults(diagnosis: Diagnosis) -> list[Fault]:
    return [finding.fault for finding in diagnosis.findings]


class Says(OneByOne):
    """Answers by a function of what the listed options are and what a whole model would say."""

    def __init__(self, rule: Callable[[list[str], str, str], str]) -> None:
        super().__init__(MODEL.model_copy(update={"name": rule.__name__}), self.Arguments())
        self._rule = rule
        self._whole = create_model(MODEL, {})

    def reply(self, media: Media, question: Question) -> str:
        assert isinstance(self._whole, OneByOne)
        text = question.after_media
        return self._rule(options_in(text), text, self._whole.reply(media, question))


class TestPlanted:
    @pytest.mark.parametrize(
        "fault",
        [
            "sees_only",
            "hears_only",
            "visually_dominated",
            "aurally_dominated",
            "follows_captions",
            "always_abstains",
            "position_biased",
            "random",
            "none",
        ],
    )
    def test_is_named(self, named: Diagnose, fault: str) -> None:
        assert named(fault=fault).primary == fault

    def test_a_whole_model_has_no_finding(self, named: Diagnose) -> None:
        diagnosis = named(fault="none")
        assert (faults(diagnosis), diagnosis.untested) == ([], ())

    def test_the_sentence_says_what_was_seen(self, named: Diagnose) -> None:
        (finding, *_) = named(fault="visually_dominated", strength=1.0, skill=1.0).findings
        assert finding.sentence.startswith(
            "Asked what it hears, it names what it sees in 100 % [94-100] of 60 conflict clips"
        )
        assert finding.sentence.endswith(
            ", although with the sound alone it is right in 100 % [94-100]."
        )
        assert "misalign_audio" in finding.tasks


class TestLookalikes:
    def test_a_missing_sense_and_whole_dominance(self, named: Diagnose) -> None:
        """Apart with the sound alone; alike, and called so, without."""
        assert named(fault="sees_only").primary is Fault.SEES_ONLY
        dominated = {"fault": "visually_dominated", "strength": 1.0}
        assert named(**dominated).primary is Fault.VISUALLY_DOMINATED
        for planted in ({"fault": "sees_only"}, dominated):
            diagnosis = named(tasks="aligned,misalign", **planted)
            assert diagnosis.primary is Fault.FOLLOWS_SIGHT
            assert "frames_zeroed_audio" in diagnosis.findings[0].sentence

    def test_chance_under_one_question_is_not_yet_deafness(self, named: Diagnose) -> None:
        """A guesser asked about sound only: nothing shows that it sees."""
        diagnosis = named(fault="random", tasks="aligned_audio,frames_zeroed_audio")
        assert faults(diagnosis) == []

    def test_a_favourite_place_and_a_favourite_class(self, named: Diagnose) -> None:
        def cats(options: list[str], text: str, whole: str) -> str:
            return "Cat"

        fixed = named(Says(cats), "aligned")
        assert fixed.primary is Fault.POSITION_BIASED
        assert "--perturb shuffle_options tells" in fixed.findings[0].sentence
        shuffled = named(Says(cats), "aligned", ["shuffle_options"])
        assert shuffled.primary is Fault.FAVOURS_A_CLASS
        place = named(fault="position_biased", tasks="aligned", perturb=["shuffle_options"])
        assert place.primary is Fault.POSITION_BIASED
        assert "whichever it is" in place.findings[0].sentence

    def test_declining_only_where_it_is_offered(self, named: Diagnose) -> None:
        def shy(options: list[str], text: str, whole: str) -> str:
            return NONE_OF_THE_ABOVE if NONE_OF_THE_ABOVE in options else whole

        diagnosis = named(Says(shy))
        assert diagnosis.primary is Fault.ALWAYS_ABSTAINS
        ruled_out = {c.fault for c in diagnosis.checks if c.verdict is Verdict.RULED_OUT}
        assert {Fault.RANDOM, Fault.SEES_ONLY, Fault.VISUALLY_DOMINATED} <= ruled_out

    def test_two_faults_at_once_are_both_listed(self, named: Diagnose) -> None:
        def gullible(options: list[str], text: str, whole: str) -> str:
            captioned = text.partition("Video_caption: ")[2].partition(".")[0]
            return captioned or whole

        model = Says(gullible)
        model._whole = create_model(MODEL, {"fault": "aurally_dominated"})
        found = faults(named(model))
        assert found[:2] == [Fault.AURALLY_DOMINATED, Fault.FOLLOWS_CAPTIONS]


class TestRestraint:
    def test_untouched_clips_alone_show_little(self, named: Diagnose) -> None:
        diagnosis = named(fault="visually_dominated", tasks="aligned")
        assert diagnosis.primary is Fault.UNDECIDED
        assert {finding.fault: finding.tasks for finding in diagnosis.untested} == {
            Fault.SEES_ONLY: ("frames_zeroed_audio",),
            Fault.HEARS_ONLY: ("audio_removed_visual",),
            Fault.VISUALLY_DOMINATED: ("misalign_audio",),
            Fault.AURALLY_DOMINATED: ("misalign_visual",),
            Fault.FOLLOWS_CAPTIONS: ("misleading_caption",),
            Fault.LEAKS: ("frames_zeroed_visual", "audio_removed_audio"),
            Fault.NEVER_ABSTAINS: ("abstention",),
        }

    @pytest.mark.parametrize("fault", ["sees_only", "always_abstains", "random", "none"])
    def test_nine_clips_decide_nothing(self, named: Diagnose, fault: str) -> None:
        diagnosis = named(fault=fault, limit=9)
        assert (diagnosis.primary, diagnosis.findings) == (Fault.UNDECIDED, ())

    def test_without_answers_there_is_nothing_to_say(self, clips: Path, tmp_path: Path) -> None:
        run = evaluate(
            "mock", "aligned", dataset=clips, output_path=tmp_path, model_args={"behaviour": "fail"}
        )
        assert run.scores is not None
        diagnosis = diagnose(run.scores, by_task(run.samples))
        assert diagnosis.primary is Fault.UNDECIDED
        assert {check.verdict for check in diagnosis.checks} == {Verdict.UNTESTED}


class TestThresholds:
    @pytest.mark.parametrize(
        ("k", "n", "verdict"),
        [
            # Wilson's ends by hand: 6 of 30 is 9.5 to 37.3 %, 7 of 30 is 11.8 to 40.9 %.
            (6, 30, Verdict.OPEN),
            (7, 30, Verdict.FOUND),
            # 0 of 30 ends at 11.4 %, 1 of 30 at 16.7 %, 2 of 30 at 21.3 %.
            (0, 30, Verdict.RULED_OUT),
            (1, 30, Verdict.RULED_OUT),
            (2, 30, Verdict.OPEN),
            # 15 of 100 is 9.3 to 23.3 %, 16 of 100 is 10.1 to 24.4 %.
            (15, 100, Verdict.OPEN),
            (16, 100, Verdict.FOUND),
            (9, 9, Verdict.OPEN),
        ],
    )
    def test_a_habit(self, k: int, n: int, verdict: Verdict) -> None:
        share = Share.of(k, n)
        assert share is not None
        assert habit_verdict(Measure.of("named", share)) is verdict

    @pytest.mark.parametrize(
        ("low", "high", "n", "verdict"),
        [
            (-0.1, 0.24, 30, Verdict.FOUND),
            (0.26, 0.9, 30, Verdict.RULED_OUT),
            (0.2, 0.3, 30, Verdict.OPEN),
            (-0.1, 0.24, 9, Verdict.OPEN),
        ],
    )
    def test_an_inability(self, low: float, high: float, n: int, verdict: Verdict) -> None:
        assert inability(Measure("ability", (low + high) / 2, low, high, n)) is verdict
