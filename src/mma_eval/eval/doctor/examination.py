"""Examining a model: the canaries, and whether it answers alike however it is asked."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mma_eval.eval.ask import RunProgress
from mma_eval.eval.doctor.canaries import (
    REPEATED,
    TRIALS,
    forms_of,
    groups_of,
    judge_question,
    judge_stream,
)
from mma_eval.eval.doctor.checks import Check, Verdict
from mma_eval.eval.doctor.interview import (
    Answers,
    Contrast,
    alone,
    ask,
    between_passes,
    count_questions,
    scores_options,
)
from mma_eval.eval.doctor.stimuli import TRACKLESS, Form, Stimulus, Variant
from mma_eval.eval.doctor.token_checks import judge_evidence, judge_tokens
from mma_eval.models.base import Model
from mma_eval.types import Answer, Status

Description = dict[str, str | int | float | bool | None]


@dataclass(frozen=True)
class Examination:
    """What was found about one model."""

    model: str
    version: str
    described: Description
    """What the backend says of itself: device, dtype, attention kernel, batch mode."""
    clips: tuple[str, ...]
    checks: tuple[Check, ...]
    answers: Answers
    """Of the first pass, which the others were held against."""

    @property
    def passed(self) -> bool:
        return all(check.verdict is not Verdict.FAIL for check in self.checks)


@dataclass(frozen=True)
class _Plain:
    """The first pass, which the others are held against."""

    forms: tuple[Form, ...]
    answers: Answers
    checks: tuple[Check, ...]


def examine(
    make_model: Callable[[], Model], stimuli: Sequence[Stimulus], progress: RunProgress
) -> Examination:
    """Load the model, ask it about `stimuli` in several ways, and judge; reads and writes no store.

    `make_model` builds the model without weights, so that only one copy of them is ever held: the
    reference mode is loaded after the first model has been let go. Raises MmaEvalError where the
    model cannot be loaded.
    """
    model = make_model()
    model.load()
    version, described = model.version, model.describe()
    plain = _examine_plain(model, stimuli, progress)
    name = model.card.name
    twin = reference_twin(model)
    why_none = (
        "this backend has no other mode"
        if model.reference_arguments is None
        else "the model is in its reference mode already"
    )
    del model
    gc.collect()
    if twin is None:
        reference = Check("reference mode", Verdict.NOT_APPLICABLE, why_none)
    else:
        reference = _reference_check(twin, stimuli, plain, progress)
    checks = (*plain.checks, reference)
    clips = tuple(stimulus.clip for stimulus in stimuli)
    return Examination(name, version, described, clips, checks, plain.answers)


def reference_twin(model: Model) -> Model | None:
    """The same model, not loaded, in its reference mode; None where it has none or is in it."""
    if model.reference_arguments is None:
        return None
    arguments = model.arguments.model_copy(update=dict(model.reference_arguments))
    return None if arguments == model.arguments else type(model)(model.card, arguments)


def _examine_plain(model: Model, stimuli: Sequence[Stimulus], progress: RunProgress) -> _Plain:
    lacking = scores_options(model, stimuli[0], progress)
    forms = forms_of(lacking)
    shown = groups_of(stimuli, [each for each in Variant if each not in TRACKLESS], forms)
    trackless = groups_of(stimuli, TRACKLESS, ("text",))
    repeated = groups_of(stimuli, REPEATED, forms)
    progress.begin(count_questions((*shown, *trackless, *repeated, *repeated)))
    fed = ask(model, shown, progress)
    answers = {**fed, **ask(model, trackless, progress)}
    again = ask(model, repeated, progress)
    apart = ask(model, alone(repeated), progress)
    noise = between_passes("the same again", stimuli, answers, again, REPEATED)
    grouping = between_passes("alone, last first", stimuli, answers, apart, REPEATED)
    checks = [_answered_check(fed), _options_check(lacking), judge_evidence(answers)]
    for trial in TRIALS.values():
        checks.append(judge_tokens(model, trial.stream, stimuli, answers, trial.without_track))
        checks.append(judge_stream(model, trial, stimuli, answers, noise))
    checks.append(judge_question(stimuli, answers, noise))
    checks.append(
        _same_check(
            "repetition",
            noise,
            "greedy answers should repeat: a server that samples needs temperature 0; a result "
            "of this model needs several seeds",
        )
    )
    checks.append(
        _same_check(
            "grouping",
            grouping,
            "a question's answer depends on the questions beside it; use --batch-size 1, or the "
            "backend's reference mode, for results that count",
        )
    )
    return _Plain(forms, answers, tuple(checks))


def _reference_check(
    twin: Model, stimuli: Sequence[Stimulus], plain: _Plain, progress: RunProgress
) -> Check:
    twin.load()
    groups = groups_of(stimuli, REPEATED, plain.forms)
    progress.begin(count_questions(groups))
    contrast = between_passes(
        "batched against one by one", stimuli, plain.answers, ask(twin, groups, progress), REPEATED
    )
    settings = ",".join(f"{key}={value}" for key, value in (twin.reference_arguments or {}).items())
    return _same_check(
        "reference mode",
        contrast,
        "batches flip near ties at this precision; for results that count use --model-args "
        f"{settings}, or weights in 32 bits",
    )


def _same_check(name: str, contrast: Contrast, advice: str) -> Check:
    """Whether two ways of asking the same led to the same written answers and choices."""
    if not contrast.comparable:
        return Check(name, Verdict.CANNOT_TELL, "too few questions were answered to compare", None)
    parts = []
    if contrast.texts:
        parts.append(f"{contrast.texts - contrast.texts_changed} of {contrast.texts} answers alike")
    if contrast.scores:
        same = len(contrast.scores) - contrast.choices_changed
        parts.append(
            f"{same} of {len(contrast.scores)} choices alike, likelihoods within "
            f"{contrast.largest:.2g} nats"
        )
    changed = bool(contrast.texts_changed or contrast.choices_changed)
    verdict = Verdict.FAIL if changed else Verdict.OK
    finding = f"{contrast.name}: {', '.join(parts)}"
    return Check(name, verdict, finding, advice if changed else None, (contrast,))


def _answered_check(answers: Answers) -> Check:
    failed = [answer for answer in answers.values() if answer.status is not Status.OK]
    finding = f"{len(answers) - len(failed)} of {len(answers)} questions answered"
    if not failed:
        return Check("answers", Verdict.OK, finding)
    first = failed[0]
    return Check(
        "answers",
        Verdict.FAIL,
        f"{finding}; the first failure is {first.status}: {first.error or 'no reason given'}",
        "mend this first: nothing below can be trusted where questions fail",
    )


def _options_check(lacking: Answer | None) -> Check:
    name = "option likelihoods"
    if lacking is None:
        return Check(name, Verdict.OK, "the backend scores options; --answer-by likelihood works")
    if lacking.status is Status.OK:
        why = "the backend writes text where likelihoods are asked for"
    else:
        why = f"the backend does not score options ({lacking.error or lacking.status})"
    return Check(name, Verdict.NOT_APPLICABLE, f"{why}; written answers are compared instead")
