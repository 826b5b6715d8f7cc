"""Asking: what a backend may do wrong, and what is kept when it does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from mma_eval import evaluate
from mma_eval.errors import MediaError, ModelError
from mma_eval.media.source import Media
from mma_eval.models.base import Model, ModelArguments, OneByOne
from mma_eval.models.card import Limits, ModelCard
from mma_eval.paths import data_folder
from mma_eval.perturb.word_tokenizer import WordTokenizer
from mma_eval.types import (
    Answer,
    Evidence,
    Group,
    Question,
    Status,
    TextTokenizer,
    TokenCounts,
)

CARD = ModelCard(
    name="specimen", backend="specimen", family="test", summary="A test backend", license="none"
)


class Deaf(OneByOne):
    """A backend that never feeds the sound to its model."""

    def reply(self, media: Media, question: Question) -> str:
        return "Bird"

    def count_tokens(self, media: Media, question: Question) -> TokenCounts:
        return TokenCounts(10, 20, 0, Evidence.COUNTED)


class Backend(Model):
    """Answers each group's questions together and notes what it was given."""

    def __init__(self, *, breaks_after: int | None = None, error: Exception | None = None) -> None:
        super().__init__(CARD, ModelArguments())
        self.groups: list[Group] = []
        self.breaks_after = breaks_after
        self.error = error or RuntimeError("a fault of its own")

    @property
    def tokenizer(self) -> TextTokenizer:
        return WordTokenizer()

    def fingerprint(self) -> str:
        return "specimen"

    def answer(self, groups: Iterable[Group]) -> Iterator[Answer]:
        if self.breaks_after == 0:
            raise self.error
        answered = 0
        for group in groups:
            self.groups.append(group)
            for question in reversed(group.questions):
                yield Answer(question.id, Status.OK, text="Bird")
                answered += 1
                if answered == self.breaks_after:
                    raise self.error


def test_a_dropped_stream_is_never_a_score(manifest: Path, tmp_path: Path) -> None:
    run = evaluate(
        Deaf(CARD, ModelArguments()), "aligned_visual", dataset=manifest, output_path=tmp_path
    )
    assert {sample.status for sample in run.samples} == {Status.MODALITY_MISSING}
    assert run.samples[0].error == "the audio of this sample reached the model as zero tokens"
    assert run.scores is not None
    assert run.scores.tasks[0].accuracy is None


def test_a_stripped_stream_may_be_missing(manifest: Path, tmp_path: Path) -> None:
    run = evaluate(
        Deaf(CARD, ModelArguments()),
        "aligned_visual",
        dataset=manifest,
        perturb=["strip_audio"],
        output_path=tmp_path,
    )
    assert {sample.status for sample in run.samples} == {Status.OK}


def test_questions_on_the_same_media_come_together(manifest: Path, tmp_path: Path) -> None:
    model = Backend()
    run = evaluate(model, "mma_bench", dataset=manifest, output_path=tmp_path)
    assert len(model.groups) == 6 * 4, "a clip is aligned, swapped, black or silent"
    assert len({group.media for group in model.groups}) == len(model.groups)
    assert run.manifest.asked == len(run.samples) == 18 * 6 + 4 * 6, "the tasks and 4 controls"
    assert all(sample.answer == "Bird" for sample in run.samples)


def test_tasks_that_ask_the_same_share_an_answer(manifest: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for file in ("aligned.yaml", "classify.jinja", "classify_class_name.jinja"):
        text = (data_folder("tasks") / "mma_bench" / file).read_text()
        (own / file).write_text(text.replace("task: aligned", "task: again"))
    model = Backend()
    run = evaluate(
        model, "aligned,again", dataset=manifest, include_path=[own], output_path=tmp_path
    )
    assert (run.manifest.asked, len(run.samples)) == (12, 24)
    assert all(sample.status is Status.OK for sample in run.samples)


def test_a_broken_backend_keeps_what_it_answered(manifest: Path, tmp_path: Path) -> None:
    run = evaluate(Backend(breaks_after=5), "aligned", dataset=manifest, output_path=tmp_path)
    statuses = [sample.status for sample in run.samples]
    assert statuses.count(Status.OK) == 5
    assert statuses.count(Status.API_ERROR) == 7
    assert run.manifest.error == "RuntimeError: a fault of its own"
    assert "a fault of its own" in str(run.failures[0].error)

    again = evaluate(Backend(), "aligned", dataset=manifest, output_path=tmp_path)
    assert again.manifest.asked == 7
    assert not again.failures


def test_a_model_that_cannot_load_is_one_error(manifest: Path, tmp_path: Path) -> None:
    model = Backend(breaks_after=0, error=ModelError("the weights are torn"))
    with pytest.raises(ModelError, match="the weights are torn"):
        evaluate(model, "aligned", dataset=manifest, output_path=tmp_path)


def test_an_answer_to_nothing_is_a_broken_backend(manifest: Path, tmp_path: Path) -> None:
    class Stranger(Backend):
        def answer(self, groups: Iterable[Group]) -> Iterator[Answer]:
            yield Answer("nobody asked", Status.OK, text="Bird")

    run = evaluate(Stranger(), "aligned", dataset=manifest, output_path=tmp_path)
    assert "which was not asked" in str(run.manifest.error)


def test_a_silent_backend_leaves_failures(manifest: Path, tmp_path: Path) -> None:
    class Silent(Backend):
        def answer(self, groups: Iterable[Group]) -> Iterator[Answer]:
            for _ in groups:
                yield from ()

    run = evaluate(Silent(), "aligned", dataset=manifest, output_path=tmp_path)
    assert {sample.error for sample in run.samples} == {"the backend returned no answer"}


def test_a_declared_limit_is_not_applicable(manifest: Path, tmp_path: Path) -> None:
    model = Backend()
    model.card = CARD.model_copy(update={"limits": Limits(max_text_tokens=2_000)})
    run = evaluate(model, "long_context_visual", dataset=manifest, output_path=tmp_path)
    assert {sample.status for sample in run.samples} == {Status.NOT_APPLICABLE}
    assert model.groups == []
    assert not run.failures


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (MediaError("torn"), Status.DECODE_ERROR),
        (MemoryError(), Status.OUT_OF_MEMORY),
        (TimeoutError(), Status.TIMEOUT),
        (ValueError("nonsense"), Status.API_ERROR),
    ],
)
def test_an_exception_fails_its_own_question(
    manifest: Path, tmp_path: Path, error: Exception, status: Status
) -> None:
    class Failing(OneByOne):
        def reply(self, media: Media, question: Question) -> str:
            raise error

    run = evaluate(
        Failing(CARD, ModelArguments()), "aligned_audio", dataset=manifest, output_path=tmp_path
    )
    assert {sample.status for sample in run.samples} == {status}
    assert all(sample.answer is None for sample in run.samples)
