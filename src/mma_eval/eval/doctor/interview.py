"""Asking a model a few questions directly: no plan, no store, and nothing it does is fatal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite

from mma_eval.errors import ModelError, UsageError
from mma_eval.eval.ask import RunProgress
from mma_eval.eval.doctor.stimuli import ASKS, FORMS, Stimulus, Variant
from mma_eval.models.base import Model, failed_answer
from mma_eval.types import Answer, Group, Status

Answers = Mapping[str, Answer]
"""By question id."""


@dataclass(frozen=True)
class ClipChange:
    """How far the answers on one clip moved between two ways of asking; None: not comparable."""

    clip: str
    text: bool | None
    """Whether any written answer changed."""
    choice: bool | None
    """Whether the likeliest option changed."""
    score: float | None
    """The largest change in an option's log-likelihood, in nats."""


@dataclass(frozen=True)
class Contrast:
    """Two ways of asking, compared clip by clip."""

    name: str
    changes: tuple[ClipChange, ...]

    @property
    def texts(self) -> int:
        """Clips with written answers on both sides."""
        return sum(change.text is not None for change in self.changes)

    @property
    def texts_changed(self) -> int:
        return sum(change.text is True for change in self.changes)

    @property
    def choices_changed(self) -> int:
        return sum(change.choice is True for change in self.changes)

    @property
    def scores(self) -> tuple[float, ...]:
        return tuple(change.score for change in self.changes if change.score is not None)

    @property
    def largest(self) -> float | None:
        return max(self.scores, default=None)

    @property
    def comparable(self) -> bool:
        return bool(self.texts or self.scores)

    def moved(self, floor: float) -> int:
        """Clips where an option's log-likelihood changed by more than `floor`."""
        return sum(score > floor for score in self.scores)


def ask(model: Model, groups: Sequence[Group], progress: RunProgress) -> dict[str, Answer]:
    """An answer for every question, failed where the backend fails, in whatever way.

    Raises UsageError: a model that cannot be had is not a model that fails.
    """
    expected = [question.id for group in groups for question in group.questions]
    answers: dict[str, Answer] = {}
    failure: Exception = ModelError("the backend returned no answer")
    try:
        for answer in model.answer(iter(groups)):
            if answer.question_id in expected:
                answers[answer.question_id] = answer
                progress.advance(1)
    except UsageError:
        raise
    except Exception as error:
        failure = error
    for name in expected:
        answers.setdefault(name, failed_answer(name, failure))
    return answers


def scores_options(model: Model, stimulus: Stimulus, progress: RunProgress) -> Answer | None:
    """None for a backend that scores options, else the answer with which it did not."""
    answers = ask(model, stimulus.groups(Variant.OWN, ("options",)), progress)
    lacking = [answer for answer in answers.values() if not _is_scored(answer)]
    return lacking[0] if lacking else None


def count_questions(groups: Iterable[Group]) -> int:
    return sum(len(group.questions) for group in groups)


def alone(groups: Iterable[Group]) -> list[Group]:
    """Every question in a group of its own, last one first."""
    single = [
        replace(group, questions=(question,)) for group in groups for question in group.questions
    ]
    return single[::-1]


def between_variants(
    name: str,
    stimuli: Sequence[Stimulus],
    answers: Answers,
    first: Variant,
    second: Variant,
) -> Contrast:
    """The same questions on two variants of each clip."""
    return Contrast(
        name,
        tuple(_clip_change(stimulus, answers, first, answers, second) for stimulus in stimuli),
    )


def between_passes(
    name: str,
    stimuli: Sequence[Stimulus],
    first: Answers,
    second: Answers,
    variants: Iterable[Variant],
) -> Contrast:
    """The same questions on the same media, asked in two ways; one change a clip and variant."""
    return Contrast(
        name,
        tuple(
            _clip_change(stimulus, first, variant, second, variant)
            for variant in variants
            for stimulus in stimuli
        ),
    )


def between_questions(
    name: str, stimuli: Sequence[Stimulus], answers: Answers, variants: Iterable[Variant]
) -> Contrast:
    """The visual question against the audio question on the same media."""
    visual, audio = ASKS
    return Contrast(
        name,
        tuple(
            _change(
                stimulus.clip,
                [
                    (
                        answers.get(stimulus.question_id(variant, visual, form)),
                        answers.get(stimulus.question_id(variant, audio, form)),
                    )
                    for form in FORMS
                ],
            )
            for variant in variants
            for stimulus in stimuli
        ),
    )


def _clip_change(
    stimulus: Stimulus, before: Answers, first: Variant, after: Answers, second: Variant
) -> ClipChange:
    pairs = [
        (
            before.get(stimulus.question_id(first, ask, form)),
            after.get(stimulus.question_id(second, ask, form)),
        )
        for ask in ASKS
        for form in FORMS
    ]
    return _change(stimulus.clip, pairs)


def _change(clip: str, pairs: Iterable[tuple[Answer | None, Answer | None]]) -> ClipChange:
    texts: list[bool] = []
    choices: list[bool] = []
    scores: list[float] = []
    for one, two in pairs:
        if one is None or two is None or not (one.status is two.status is Status.OK):
            continue
        if one.text is not None and two.text is not None:
            texts.append(one.text != two.text)
        if _is_scored(one) and _options(one) == _options(two):
            choices.append(_likeliest(one) != _likeliest(two))
            scores.append(_largest_change(one, two))
    return ClipChange(
        clip,
        any(texts) if texts else None,
        any(choices) if choices else None,
        max(scores, default=None),
    )


def _is_scored(answer: Answer) -> bool:
    scores = [score.log_likelihood for score in answer.option_scores]
    return answer.status is Status.OK and bool(scores) and all(map(isfinite, scores))


def _likeliest(answer: Answer) -> str:
    return max(answer.option_scores, key=lambda score: score.log_likelihood).option


def _largest_change(one: Answer, two: Answer) -> float:
    pairs = zip(one.option_scores, two.option_scores, strict=True)
    return max(abs(before.log_likelihood - after.log_likelihood) for before, after in pairs)


def _options(answer: Answer) -> list[str]:
    return [score.option for score in answer.option_scores]
