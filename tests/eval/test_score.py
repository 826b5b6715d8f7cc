"""Denominators, leak, pairs and abstention, on answers small enough to count by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mma_eval.eval.log import AnswerRecord, SampleRecord, field_names
from mma_eval.eval.score import (
    RunScores,
    Share,
    abstention_summary,
    both_right,
    is_control,
    score_answer,
    score_run,
    score_task,
    twin_of,
)
from mma_eval.eval.scorecard import Estimate, keep_requested
from mma_eval.types import (
    FAILURES,
    NONE_OF_THE_ABOVE,
    Ask,
    Attribution,
    OptionScore,
    Outcome,
    Status,
)

OPTIONS = ("Bird", "Cat", "Dog", "Frog")


def answered(
    answer: str | None,
    *,
    clip: str = "c",
    ask: Ask = "audio",
    seen: str | None = "Dog",
    heard: str | None = "Dog",
    target: str | None = None,
    status: Status = Status.OK,
    removed: Sequence[str] = (),
    caption: str | None = None,
    options: tuple[str, ...] = OPTIONS,
    scores: tuple[OptionScore, ...] = (),
) -> AnswerRecord:
    return AnswerRecord(
        id=f"{clip}/{ask}",
        task="task",
        clip=clip,
        ask=ask,
        prompt="Which class?",
        options=options,
        target=target or (seen if ask == "visual" else heard) or "",
        visual_label=seen,
        audio_label=heard,
        caption=caption,
        removed=tuple(removed),
        video_source=clip,
        audio_source=clip,
        video_hash="v",
        audio_hash="a",
        edits=(),
        filler=None,
        status=status,
        answer=answer,
        option_scores=scores,
        tokens=None,
        seconds=None,
        finish_reason=None,
        model_version=None,
        error=None,
    )


def scored(*records: AnswerRecord) -> list[SampleRecord]:
    return [score_answer(record, "option") for record in records]


def apart(*records: AnswerRecord) -> list[AnswerRecord]:
    """Each about a clip of its own."""
    return [
        replace(record, id=f"c{at}/{record.ask}", clip=f"c{at}")
        for at, record in enumerate(records)
    ]


def rate(share: Share | None) -> float | None:
    return share.rate if share else None


def value(estimate: Estimate | None) -> float | None:
    return estimate.value if estimate else None


class TestOneAnswer:
    def test_keeps_the_answer_and_adds_its_reading(self) -> None:
        record = answered("It is a cat.", seen="Cat")
        sample = score_answer(record, "option")
        assert all(
            getattr(sample, name) == getattr(record, name) for name in field_names(AnswerRecord)
        )
        assert (sample.outcome, sample.option) == (Outcome.WRONG, "Cat")
        assert sample.attribution is Attribution.OTHER_MODALITY

    def test_can_be_scored_again(self) -> None:
        sample = score_answer(answered("Final Answer: Dog"), "final_answer")
        assert score_answer(sample, "final_answer") == sample
        assert score_answer(sample, "option").outcome is Outcome.CORRECT

    def test_lenient_reading_stands_beside(self) -> None:
        sample = score_answer(answered("It is clear. A dog, not a cat."), "option")
        assert sample.outcome is Outcome.UNPARSED
        assert (sample.lenient_option, sample.lenient_outcome) == ("Dog", Outcome.CORRECT)

    def test_reasoning_is_read_leniently_after_the_final_answer_where_there_is_one(self) -> None:
        finished = score_answer(answered("A cat? Final Answer: Dog"), "final_answer")
        cut_off = score_answer(answered("A dog? Perhaps a cat, for"), "final_answer")
        assert finished.lenient_option == "Dog"
        assert (cut_off.outcome, cut_off.lenient_option) == (Outcome.UNPARSED, "Dog")

    def test_letters(self) -> None:
        assert score_answer(answered("(C)"), "letter").outcome is Outcome.CORRECT

    def test_likelihood(self) -> None:
        scores = (
            OptionScore(option="Cat", log_likelihood=-3.0, tokens=1),
            OptionScore(option="Dog", log_likelihood=-2.0, tokens=4),
        )
        sample = score_answer(answered(None, scores=scores), "option")
        assert (sample.outcome, sample.option) == (Outcome.CORRECT, "Dog")
        assert sample.lenient_outcome is None

    @pytest.mark.parametrize("status", [*sorted(FAILURES), Status.NOT_APPLICABLE])
    def test_without_an_answer_there_is_no_outcome(self, status: Status) -> None:
        sample = score_answer(answered("Dog", status=status), "option")
        assert (sample.outcome, sample.attribution) == (None, None)

    @pytest.mark.parametrize("status", [Status.REFUSED, Status.CONTEXT_OVERFLOW])
    def test_saying_nothing_is_wrong_but_not_unparsed(self, status: Status) -> None:
        sample = score_answer(answered(None, status=status), "option")
        assert (sample.outcome, sample.attribution) == (Outcome.WRONG, Attribution.NOTHING)

    def test_an_empty_answer_is_unparsed(self) -> None:
        assert score_answer(answered(None), "option").outcome is Outcome.UNPARSED


class TestOneTask:
    def test_denominators(self) -> None:
        score = score_task(
            "aligned_audio",
            scored(
                *apart(
                    answered("Dog"),
                    answered("Dog"),
                    answered("Cat", heard="Cat"),
                    answered("Frog"),
                    answered("None of the above"),
                    answered("Bird or frog"),
                    answered("hm"),
                    answered(None, status=Status.REFUSED),
                    answered(None, status=Status.CONTEXT_OVERFLOW),
                    answered("Dog", heard="Bird"),
                    answered(None, status=Status.TIMEOUT),
                    answered(None, status=Status.TIMEOUT),
                    answered(None, status=Status.MODALITY_MISSING),
                    answered(None, status=Status.NOT_APPLICABLE),
                )
            ),
            planned=16,
        )
        assert (score.n, score.answered, score.unanswered, score.not_applicable) == (15, 10, 2, 1)
        assert score.coverage == pytest.approx(10 / 15)
        assert score.accuracy == Share.of(3, 10)
        # Dog 2 of 8, Cat 1 of 1, Bird 0 of 1.
        assert value(score.macro_accuracy) == pytest.approx((2 / 8 + 1 + 0) / 3)
        assert score.majority == pytest.approx(0.8)
        assert score.chance == pytest.approx(0.25)
        assert score.unparsed_rate == pytest.approx(0.1)
        assert (score.correct, score.wrong, score.abstained) == (3, 4, 1)
        assert (score.ambiguous, score.unparsed) == (1, 1)
        assert (score.refused, score.context_overflow) == (1, 1)
        assert score.failures == {Status.TIMEOUT: 2, Status.MODALITY_MISSING: 1}
        assert score.leak is None
        assert score.ask == "audio"

    def test_attribution_counts_what_could_occur(self) -> None:
        aligned = score_task("t", scored(answered("Dog"), answered("Cat"), answered("hm")))
        assert aligned.attribution == {
            Attribution.ABSTENTION: 0,
            Attribution.OTHER_OPTION: 1,
            Attribution.SEVERAL_OPTIONS: 0,
            Attribution.NOTHING: 1,
        }
        conflict = score_task("t", scored(answered("Dog"), answered("Cat", seen="Cat")))
        assert conflict.attribution[Attribution.OTHER_MODALITY] == 1
        caption = score_task("t", scored(answered("Cat", caption="Cat"), answered("Dog")))
        assert caption.attribution[Attribution.CAPTION] == 1
        irrelevant = score_task("t", scored(answered("Cat", removed=["visual"])))
        assert Attribution.REMOVED not in irrelevant.attribution

    def test_ill_posed_questions_leak_and_have_no_accuracy(self) -> None:
        gone = [answered(text, removed=["audio"]) for text in ("Dog", "Cat", "hm", "Dog")]
        score = score_task("audio_removed_audio", scored(*apart(*gone)))
        assert score.leak == Share.of(2, 4)
        assert score.accuracy is None and score.lenient_accuracy is None
        assert score.macro_accuracy is None and score.majority is None
        assert score.correct == 0

    def test_likelihood_answers_have_no_parsing_numbers(self) -> None:
        scores = (OptionScore(option="Dog", log_likelihood=-1.0, tokens=1),)
        score = score_task("t", scored(answered(None, scores=scores)))
        assert score.unparsed_rate is None and score.lenient_accuracy is None
        assert Attribution.NOTHING not in score.attribution

    def test_nothing_answered_means_no_numbers(self) -> None:
        failed = score_task("t", scored(answered(None, status=Status.TIMEOUT)))
        assert (failed.n, failed.coverage, failed.accuracy, failed.chance) == (1, 0.0, None, None)
        empty = score_task("t", [])
        assert (empty.n, empty.coverage, empty.ask) == (0, None, None)

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["Dog", "Cat", "hm", "Bird, frog", NONE_OF_THE_ABOVE]),
                st.sampled_from(list(Status)),
                st.sampled_from([(), ("audio",), ("visual",)]),
                st.sampled_from(["Dog", "Cat"]),
            )
        )
    )
    def test_every_sample_is_counted_once(
        self, draws: list[tuple[str, Status, tuple[str, ...], str]]
    ) -> None:
        records = [
            answered(text, status=status, removed=removed, seen=seen)
            for text, status, removed, seen in draws
        ]
        score = score_task("t", scored(*records))
        outcomes = score.correct + score.wrong + score.abstained + score.ambiguous + score.unparsed
        assert outcomes == score.answered
        assert sum(score.attribution.values()) == score.answered - score.correct
        assert score.answered + sum(score.failures.values()) == score.n
        assert score.n + score.not_applicable == len(draws)


class TestBothRight:
    def test_both_questions_of_a_conflict_clip(self) -> None:
        def clip(name: str, seen: str, heard: str, visual: str, audio: str | None) -> None:
            common = {"clip": name, "seen": seen, "heard": heard}
            status = Status.OK if audio else Status.TIMEOUT
            visuals.append(answered(visual, ask="visual", **common))  # type: ignore[arg-type]
            audios.append(answered(audio, ask="audio", status=status, **common))  # type: ignore[arg-type]

        visuals: list[AnswerRecord] = []
        audios: list[AnswerRecord] = []
        clip("both", "Dog", "Cat", "Dog", "Cat")
        clip("deaf", "Dog", "Cat", "Dog", "Dog")
        clip("blind", "Dog", "Cat", "Cat", "Cat")
        clip("failed", "Dog", "Cat", "Dog", None)
        clip("aligned", "Dog", "Dog", "Dog", "Dog")
        assert both_right(scored(*visuals), scored(*audios)) == Share.of(1, 3)

    def test_needs_a_conflict(self) -> None:
        visual, audio = answered("Dog", ask="visual"), answered("Dog")
        assert both_right(scored(visual), scored(audio)) is None


class TestAbstention:
    def summary(self, gone: str, there: str) -> tuple[float | None, float | None, float | None]:
        options = (*OPTIONS, NONE_OF_THE_ABOVE)
        summary = abstention_summary(
            "abstention_audio",
            scored(
                answered(gone, target=NONE_OF_THE_ABOVE, removed=["audio"], options=options),
                answered("None", target=NONE_OF_THE_ABOVE, removed=["audio"], options=options),
            ),
            scored(answered(there, options=options)),
            scored(answered("Dog", removed=["visual"], options=options)),
        )
        return (
            rate(summary.recall),
            rate(summary.false_abstention),
            value(summary.balanced_accuracy),
        )

    def test_recall_and_false_abstention(self) -> None:
        assert self.summary(gone="Dog", there="Dog") == (0.5, 0.0, 0.75)
        assert self.summary(gone="None", there="None of the above") == (1.0, 0.5, 0.75)

    def test_always_and_never_declining_are_worth_the_same(self) -> None:
        def balanced(answer: str) -> float | None:
            gone = answered(answer, target=NONE_OF_THE_ABOVE, removed=["audio"])
            there = answered(answer)
            summary = abstention_summary("t", scored(gone), scored(there), scored(there))
            return value(summary.balanced_accuracy)

        assert balanced("Dog") == balanced("None of the above") == 0.5

    def test_without_controls_there_is_no_balance(self) -> None:
        gone = answered("None", target=NONE_OF_THE_ABOVE, removed=["audio"])
        summary = abstention_summary("t", scored(gone), [], [])
        assert rate(summary.recall) == 1.0
        assert summary.false_abstention is None and summary.balanced_accuracy is None


class TestRun:
    def test_pairs_controls_and_coverage(self) -> None:
        conflict = {"seen": "Dog", "heard": "Cat"}
        gone = answered("None", target=NONE_OF_THE_ABOVE, removed=["audio"])
        records = {
            "misalign_visual": scored(answered("Dog", ask="visual", **conflict)),  # type: ignore[arg-type]
            "misalign_audio": scored(answered("Cat", **conflict)),  # type: ignore[arg-type]
            "abstention_audio": scored(gone),
            "abstention_audio.control_aligned": scored(answered("Dog")),
            "abstention_audio.control_irrelevant": scored(answered(None, status=Status.API_ERROR)),
        }
        scores = score_run(records, planned={"misalign_audio": 3})
        assert [score.task for score in scores.tasks] == list(records)
        assert scores.tasks[0].both_right == scores.tasks[1].both_right == Share.of(1, 1)
        assert scores.tasks[2].both_right is None
        (pair,) = scores.pairs
        assert (pair.visual_task, pair.audio_task) == ("misalign_visual", "misalign_audio")
        (abstention,) = scores.abstentions
        assert value(abstention.balanced_accuracy) == 1.0
        assert abstention.false_irrelevant is None
        assert (scores.n, scores.answered, scores.coverage) == (7, 4, 4 / 7)
        assert RunScores.model_validate_json(scores.model_dump_json()) == scores

    def test_scores_from_before_drops_and_intervals_can_be_read(self) -> None:
        scores = score_run({"aligned_audio": scored(answered("Dog"), answered("Cat"))})
        old = scores.model_dump(mode="json", exclude={"drops", "followings", "classes"})
        old["tasks"][0]["macro_accuracy"] = 0.5
        read = RunScores.model_validate(old)
        assert read.tasks[0].macro_accuracy is None
        assert read.tasks[0].accuracy == scores.tasks[0].accuracy
        assert (read.drops, read.followings, read.classes) == ((), (), ())

    def test_only_what_the_task_files_ask_for_is_kept(self) -> None:
        conflict = {"seen": "Dog", "heard": "Cat"}
        scores = score_run(
            {
                "aligned_audio": scored(answered("Cat", heard="Cat", seen="Cat")),
                "misalign_audio": scored(answered("Dog", **conflict)),  # type: ignore[arg-type]
            }
        )
        assert [drop.task for drop in scores.drops] == ["misalign_audio"]
        asked = {"aligned_audio": ["accuracy"], "misalign_audio": ["attribution"]}
        kept = keep_requested(scores, asked)
        assert [found.task for found in kept.followings] == ["misalign_audio"]
        assert [table.task for table in kept.classes] == ["aligned_audio"]
        assert kept.drops == ()

    def test_a_question_about_both_streams(self) -> None:
        """No other modality to follow; its condition drops against the question set itself."""
        records = {
            "qa": scored(answered("Dog", ask="both", target="Dog", heard="Cat")),
            "qa+long_context": scored(answered("Cat", ask="both", target="Dog", heard="Cat")),
        }
        scores = score_run(records)
        (drop,) = scores.drops
        assert (drop.task, drop.baseline, drop.lost) == ("qa+long_context", "qa", 1)
        assert scores.followings == ()
        assert scores.tasks[0].ask == "both" and value(scores.tasks[0].macro_accuracy) == 1.0

    def test_names(self) -> None:
        assert twin_of("misalign_visual") == "misalign_audio"
        assert twin_of("abstention_audio.control_aligned") == "abstention_visual.control_aligned"
        assert twin_of("aligned_audio+swap_audio") == "aligned_visual+swap_audio"
        assert twin_of("audio_removed_visual") == "audio_removed_audio"
        assert twin_of("qa") is None
        assert is_control("abstention_audio.control_aligned") and not is_control("aligned_audio")
