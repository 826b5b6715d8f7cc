"""The doctor: what reaches a model, shown on real backends that lose something on the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from weakref import WeakSet

import pytest

from mma_eval import evaluate
from mma_eval.errors import UsageError
from mma_eval.eval.doctor.canaries import sound_canary
from mma_eval.eval.doctor.checks import Check, Verdict
from mma_eval.eval.doctor.examination import examine, reference_twin
from mma_eval.eval.doctor.stimuli import Stimulus, Variant, draw_stimuli
from mma_eval.eval.evaluate import NoProgress
from mma_eval.media.policy import Sampling
from mma_eval.media.source import Media
from mma_eval.models.base import Model, ModelArguments, OneByOne
from mma_eval.models.card import ModelCard
from mma_eval.models.catalogue import CardCatalogue, create_model
from mma_eval.models.qwen.backend import QwenOmni
from mma_eval.task.dataset import open_dataset
from mma_eval.types import (
    Answer,
    Evidence,
    Group,
    OptionScore,
    Question,
    ScoreOptions,
    Status,
    TokenCounts,
)
from tests.eval.doctor.lossy import lossy_model

STREAMS = ("sound", "picture")


@pytest.fixture
def stimuli() -> tuple[Stimulus, ...]:
    return draw_stimuli(open_dataset("demo:count=12"), 2)


def examined(model: Model, stimuli: tuple[Stimulus, ...]) -> dict[str, Check]:
    return {check.name: check for check in examine(lambda: model, stimuli, NoProgress()).checks}


def verdicts(checks: dict[str, Check]) -> dict[str, Verdict]:
    return {name: check.verdict for name, check in checks.items()}


def card(**fields: object) -> ModelCard:
    plain = {"name": "x", "backend": "x", "family": "x", "summary": "x", "license": "x"}
    return ModelCard.model_validate({**plain, **fields})


def test_tiny_omni_passes(stimuli: tuple[Stimulus, ...]) -> None:
    model = create_model(CardCatalogue().get("tiny-omni"))
    checks = examined(model, stimuli)
    assert set(verdicts(checks).values()) == {Verdict.OK}
    (reference,) = checks["reference mode"].contrasts
    assert reference.largest is not None
    assert 0 < reference.largest < 1e-3, "another way through the same weights"
    (repeated,) = checks["repetition"].contrasts
    assert repeated.largest == 0


def test_sound_that_is_dropped_is_caught_by_the_counts(stimuli: tuple[Stimulus, ...]) -> None:
    checks = examined(lossy_model("drops-sound"), stimuli)
    assert checks["sound tokens"].verdict is Verdict.FAIL
    assert "on 2 of 2 clips the sound reached the model as zero" in checks["sound tokens"].finding
    assert checks["sound"].verdict is Verdict.FAIL
    assert checks["picture"].verdict is Verdict.OK


@pytest.mark.parametrize(
    ("backend", "lost", "kept"),
    [("feeds-silence", "sound", "picture"), ("feeds-black", "picture", "sound")],
)
def test_a_lie_with_right_counts_is_caught_by_the_answers(
    stimuli: tuple[Stimulus, ...], backend: str, lost: str, kept: str
) -> None:
    checks = examined(lossy_model(backend), stimuli)
    assert checks[f"{lost} tokens"].verdict is Verdict.OK, "the counts look right"
    assert checks[lost].verdict is Verdict.FAIL
    assert all(contrast.largest == 0 for contrast in checks[lost].contrasts)
    assert checks[kept].verdict is Verdict.OK


def test_written_answers_do_where_there_is_nothing_else(stimuli: tuple[Stimulus, ...]) -> None:
    checks = examined(lossy_model("writes-only"), stimuli)
    assert "no logprobs on this server" in checks["option likelihoods"].finding
    assert checks["option likelihoods"].verdict is Verdict.NOT_APPLICABLE
    assert checks["token evidence"].verdict is Verdict.CANNOT_TELL
    assert [checks[name].verdict for name in STREAMS] == [Verdict.OK, Verdict.OK]


def test_the_canary_of_a_deaf_server(stimuli: tuple[Stimulus, ...]) -> None:
    tokens, sound = sound_canary(lossy_model("deaf-server"), stimuli, NoProgress())
    assert tokens.verdict is Verdict.CANNOT_TELL, "it says nothing of tokens"
    assert sound.verdict is Verdict.FAIL
    _, heard = sound_canary(lossy_model("writes-only"), stimuli, NoProgress())
    assert heard.verdict is Verdict.OK


def test_the_mock_is_deaf_and_blind(stimuli: tuple[Stimulus, ...]) -> None:
    checks = examined(create_model(CardCatalogue().get("mock")), stimuli)
    assert [checks[name].verdict for name in STREAMS] == [Verdict.FAIL, Verdict.FAIL]
    assert checks["reference mode"].verdict is Verdict.NOT_APPLICABLE
    assert checks["repetition"].verdict is Verdict.OK


def test_a_backend_that_dies_is_a_finding(stimuli: tuple[Stimulus, ...]) -> None:
    checks = examined(lossy_model("breaks"), stimuli)
    assert checks["answers"].verdict is Verdict.FAIL
    assert "RuntimeError: the engine is gone" in checks["answers"].finding
    assert checks["sound"].verdict is Verdict.CANNOT_TELL


class Moody(OneByOne):
    """Never says the same twice."""

    def __init__(self, card: ModelCard, arguments: ModelArguments) -> None:
        super().__init__(card, arguments)
        self.said = count()

    def reply(self, media: Media, question: Question) -> str:
        return f"answer {next(self.said)}"


def test_chance_is_not_taken_for_hearing(stimuli: tuple[Stimulus, ...]) -> None:
    checks = examined(Moody(card(), ModelArguments()), stimuli)
    assert checks["repetition"].verdict is Verdict.FAIL
    assert [checks[name].verdict for name in STREAMS] == [Verdict.CANNOT_TELL] * 2


class Jittery(Model):
    """A deaf and blind server whose likelihoods jitter, as batching on a GPU makes them."""

    def __init__(self, card: ModelCard, arguments: ModelArguments) -> None:
        super().__init__(card, arguments)
        self.asked = count()

    def fingerprint(self) -> str:
        return "jittery"

    def answer(self, groups: Iterable[Group]) -> Iterator[Answer]:
        for group in groups:
            for question in group.questions:
                jitter = 0.01 * ((next(self.asked) * 7) % 11)
                scores: tuple[OptionScore, ...] = ()
                if isinstance(question.request, ScoreOptions):
                    scores = tuple(
                        OptionScore(option, -float(place) - jitter, 1)
                        for place, option in enumerate(question.request.options)
                    )
                tokens = TokenCounts(40, 20, 20, Evidence.REPORTED)
                yield Answer(question.id, Status.OK, "Bird", scores, tokens)


def test_jitter_is_not_taken_for_hearing(stimuli: tuple[Stimulus, ...]) -> None:
    checks = examined(Jittery(card(), ModelArguments()), stimuli)
    assert checks["repetition"].verdict is Verdict.OK, "no answer and no choice changes"
    assert [checks[name].verdict for name in STREAMS] == [Verdict.FAIL] * 2
    assert checks["sound tokens"].verdict is Verdict.FAIL, "as many without the track"


def test_a_model_without_ears_is_not_blamed(stimuli: tuple[Stimulus, ...]) -> None:
    checks = examined(Jittery(card(inputs=("text", "video")), ModelArguments()), stimuli)
    assert checks["sound"].verdict is Verdict.NOT_APPLICABLE
    assert checks["sound tokens"].verdict is Verdict.NOT_APPLICABLE


def test_joint_tokens_prove_neither_stream(stimuli: tuple[Stimulus, ...]) -> None:
    class Joint(Jittery):
        def answer(self, groups: Iterable[Group]) -> Iterator[Answer]:
            for answer in super().answer(groups):
                yield replace(answer, tokens=TokenCounts(40, 1, 1, Evidence.JOINT))

    checks = examined(Joint(card(), ModelArguments()), stimuli)
    assert checks["sound tokens"].verdict is Verdict.NOT_APPLICABLE


def test_the_reference_mode_has_no_other_mode() -> None:
    tiny = CardCatalogue().get("tiny-omni")
    twin = reference_twin(create_model(tiny))
    assert twin is not None
    assert twin.describe()["batch_mode"] == "reference"
    assert reference_twin(create_model(tiny, {"batch_mode": "reference"})) is None


ALIVE: WeakSet[Model] = WeakSet()


class Counted(QwenOmni):
    """Knows how many of its kind are in memory when it loads."""

    def load(self) -> None:
        assert not set(ALIVE) - {self}, "another copy of the weights is still held"
        ALIVE.add(self)
        super().load()


def test_one_copy_of_the_weights_at_a_time(stimuli: tuple[Stimulus, ...]) -> None:
    tiny = CardCatalogue().get("tiny-omni")
    arguments = create_model(tiny).arguments
    found = examine(lambda: Counted(tiny, arguments), stimuli[:1], NoProgress())
    assert {check.name: check.verdict for check in found.checks}["reference mode"] is Verdict.OK


def test_a_stimulus_changes_one_stream_at_a_time(stimuli: tuple[Stimulus, ...]) -> None:
    sampling = Sampling()

    def hashes(stimulus: Stimulus, variant: Variant) -> tuple[str, str]:
        media = stimulus.media(variant)
        return media.video_hash(sampling.frames), media.audio_hash(sampling.audio)

    for stimulus in stimuli:
        own = hashes(stimulus, Variant.OWN)
        swapped = hashes(stimulus, Variant.SWAPPED)
        assert swapped[0] == own[0]
        assert swapped[1] != own[1]
        assert hashes(stimulus, Variant.OTHER_SOUND_ONLY)[1] == swapped[1]
        quiet = hashes(stimulus, Variant.PICTURE_ONLY)
        assert quiet[0] == own[0]
        assert hashes(stimulus, Variant.OTHER_PICTURE_ONLY)[1] == quiet[1]
        assert stimulus.media(Variant.NEITHER).edits() == (
            "picture replaced by black frames",
            stimulus.media(Variant.PICTURE_ONLY).edits()[0],
        )


def test_clips_are_drawn_from_those_with_both_streams(tmp_path: Path, manifest: Path) -> None:
    assert len(draw_stimuli(open_dataset(str(manifest)), 4)) == 4
    with pytest.raises(UsageError, match="no rows with labels"):
        questions = tmp_path / "questions.jsonl"
        questions.write_text(
            f'{{"id": "q", "video": "{manifest.parent / "clip0.mp4"}", "question": "What?", '
            '"options": ["a", "b"], "answer": "a"}\n'
        )
        draw_stimuli(open_dataset(str(questions)), 4)


def test_a_run_never_scores_what_was_not_heard(tmp_path: Path) -> None:
    run = evaluate(
        lossy_model("drops-sound"),
        "aligned",
        dataset="demo:count=12",
        limit=2,
        output_path=tmp_path,
    )
    assert {sample.status for sample in run.samples} == {Status.MODALITY_MISSING}
    assert run.scores is not None
    assert all(task.accuracy is None and task.coverage == 0 for task in run.scores.tasks)
