"""Canaries: do a model's answers depend on what it is said to be shown?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mma_eval.eval.ask import RunProgress
from mma_eval.eval.doctor.checks import NAMES, Check, Verdict, not_taken, takes
from mma_eval.eval.doctor.interview import (
    Answers,
    Contrast,
    ask,
    between_passes,
    between_questions,
    between_variants,
    count_questions,
    scores_options,
)
from mma_eval.eval.doctor.stimuli import Form, Stimulus, Variant
from mma_eval.eval.doctor.token_checks import judge_tokens
from mma_eval.models.base import Model
from mma_eval.types import Answer, Group, Stream

SCORE_FLOOR = 1e-4
"""Nats. Equal inputs differ by less in 32 bits however they are batched (4e-6 was measured)."""
REPEATED = (Variant.OWN, Variant.SWAPPED)
"""What is asked again where the answers should stay the same."""


@dataclass(frozen=True)
class StreamTrial:
    """The comparisons that show whether one stream reaches the model."""

    stream: Stream
    pairs: tuple[tuple[str, Variant, Variant], ...]
    """What is changed in words, and the variants with and without the change."""
    without_track: Variant


TRIALS: dict[Stream, StreamTrial] = {
    "audio": StreamTrial(
        "audio",
        (
            ("another clip's sound", Variant.OWN, Variant.SWAPPED),
            ("another clip's sound, no picture", Variant.SOUND_ONLY, Variant.OTHER_SOUND_ONLY),
            ("silence, no picture", Variant.SOUND_ONLY, Variant.NEITHER),
        ),
        Variant.NO_SOUND_TRACK,
    ),
    "visual": StreamTrial(
        "visual",
        (
            ("black frames", Variant.OWN, Variant.SOUND_ONLY),
            ("another clip's picture, no sound", Variant.PICTURE_ONLY, Variant.OTHER_PICTURE_ONLY),
            ("black frames, no sound", Variant.PICTURE_ONLY, Variant.NEITHER),
        ),
        Variant.NO_PICTURE_TRACK,
    ),
}


def sound_canary(
    model: Model, stimuli: Sequence[Stimulus], progress: RunProgress
) -> tuple[Check, ...]:
    """Whether sound reaches the model, asked of it now: the check before an untrusted run."""
    return stream_canary(model, "audio", stimuli, progress)


def stream_canary(
    model: Model, stream: Stream, stimuli: Sequence[Stimulus], progress: RunProgress
) -> tuple[Check, ...]:
    """Token counts and answers with one stream exchanged, removed, and left out."""
    trial = TRIALS[stream]
    forms = forms_of(scores_options(model, stimuli[0], progress))
    variants = sorted({variant for _, *compared in trial.pairs for variant in compared})
    shown = groups_of(stimuli, variants, forms)
    trackless = groups_of(stimuli, (trial.without_track,), ("text",))
    repeated = groups_of(stimuli, REPEATED[:1], forms)
    progress.begin(count_questions((*shown, *trackless, *repeated)))
    answers = ask(model, (*shown, *trackless), progress)
    again = ask(model, repeated, progress)
    noise = between_passes("the same again", stimuli, answers, again, REPEATED[:1])
    return (
        judge_tokens(model, trial.stream, stimuli, answers, trial.without_track),
        judge_stream(model, trial, stimuli, answers, noise),
    )


def forms_of(lacking: Answer | None) -> tuple[Form, ...]:
    """How a backend can be asked, from what `scores_options` says of it.

    Likelihoods move with anything that is fed, where a written answer may stay the same.
    """
    return ("text", "options") if lacking is None else ("text",)


def groups_of(
    stimuli: Sequence[Stimulus], variants: Sequence[Variant], forms: tuple[Form, ...]
) -> list[Group]:
    return [
        group
        for stimulus in stimuli
        for variant in variants
        for group in stimulus.groups(variant, forms)
    ]


def judge_stream(
    model: Model,
    trial: StreamTrial,
    stimuli: Sequence[Stimulus],
    answers: Answers,
    noise: Contrast,
) -> Check:
    """Whether answers depend on what is in the stream, beyond what repetition changes."""
    name = NAMES[trial.stream]
    if not takes(model, trial.stream):
        return not_taken(name, trial.stream)
    contrasts = tuple(
        between_variants(changed, stimuli, answers, first, second)
        for changed, first, second in trial.pairs
    )
    check = _judged(name, contrasts, noise, _lost_advice(trial.stream))
    by_score = all(contrast.scores for contrast in contrasts)
    written = any(contrast.texts for contrast in contrasts)
    if check.verdict is Verdict.OK and by_score and written and not _any_text_changed(contrasts):
        return Check(
            name,
            Verdict.CANNOT_TELL,
            f"{check.finding}; the likelihoods depend on it, no written answer does",
            "look at the answers: the model says the same whatever it is given, or the backend "
            "generates on another path than it scores",
            contrasts,
        )
    return check


def judge_question(stimuli: Sequence[Stimulus], answers: Answers, noise: Contrast) -> Check:
    """Whether the visual and the audio question lead to different answers on the same media."""
    contrast = between_questions(
        "visual against audio question", stimuli, answers, (Variant.SWAPPED, Variant.SOUND_ONLY)
    )
    check = _judged("question", (contrast,), noise, "the text of the question may not arrive")
    if check.verdict is Verdict.FAIL and not contrast.scores:
        return Check(
            "question",
            Verdict.CANNOT_TELL,
            f"{check.finding}; a model that follows one modality does the same",
            contrasts=check.contrasts,
        )
    return check


def _judged(name: str, contrasts: tuple[Contrast, ...], noise: Contrast, advice: str) -> Check:
    """The verdict of contrasts that should all differ by more than repetition does."""
    finding = "; ".join(_shown(contrast, noise) for contrast in contrasts)
    if not all(contrast.comparable for contrast in contrasts):
        return Check(
            name,
            Verdict.CANNOT_TELL,
            "too few questions were answered to compare",
            "see the failures above",
            contrasts,
        )
    by_score = all(contrast.scores for contrast in contrasts)
    verdict = _by_scores(contrasts, noise) if by_score else _by_texts(contrasts, noise)
    if verdict is Verdict.FAIL:
        return Check(name, verdict, finding, advice, contrasts)
    if verdict is Verdict.CANNOT_TELL:
        return Check(
            name,
            verdict,
            f"{finding}; not clearly more than asking the same again: {_shown_noise(noise)}",
            "ask on more clips (--clips 20)",
            contrasts,
        )
    return Check(name, verdict, finding, None, contrasts)


def _by_scores(contrasts: tuple[Contrast, ...], noise: Contrast) -> Verdict:
    """Every contrast must move; more than half of its clips where repetition moves them too."""
    steady = (noise.largest or 0.0) <= SCORE_FLOOR
    moved = [contrast.moved(_floor(noise)) for contrast in contrasts]
    if min(moved) == 0:
        return Verdict.FAIL
    if steady or all(
        2 * count > len(contrast.scores) for count, contrast in zip(moved, contrasts, strict=True)
    ):
        return Verdict.OK
    return Verdict.CANNOT_TELL


def _by_texts(contrasts: tuple[Contrast, ...], noise: Contrast) -> Verdict:
    """Some contrast must change, since a model may rightly say the same of two sounds."""
    most = max(contrasts, key=lambda contrast: contrast.texts_changed / max(1, contrast.texts))
    if most.texts_changed == 0:
        return Verdict.FAIL
    repeated = noise.texts_changed / max(1, noise.texts)
    # One change among many may be a near tie that fell the other way.
    clear = most.texts_changed >= min(2, most.texts)
    beyond = most.texts_changed / most.texts > 2 * repeated
    return Verdict.OK if clear and beyond else Verdict.CANNOT_TELL


def _shown_noise(noise: Contrast) -> str:
    return f"{noise.texts_changed} of {noise.texts} answers, {noise.largest or 0.0:.2g} nats"


def _floor(noise: Contrast) -> float:
    """Nats above which a change is more than repetition brings about."""
    return max(SCORE_FLOOR, 2 * (noise.largest or 0.0))


def _shown(contrast: Contrast, noise: Contrast) -> str:
    parts = []
    if contrast.scores:
        floor = _floor(noise)
        parts.append(
            f"likelihoods move on {contrast.moved(floor)} of {len(contrast.scores)} "
            f"(by up to {contrast.largest:.2g} nats)"
        )
    if contrast.texts:
        parts.append(f"answers change on {contrast.texts_changed} of {contrast.texts}")
    return f"{contrast.name}: {', '.join(parts) or 'nothing to compare'}"


def _any_text_changed(contrasts: tuple[Contrast, ...]) -> bool:
    return any(contrast.texts_changed for contrast in contrasts)


def _lost_advice(stream: Stream) -> str:
    return (
        f"the {NAMES[stream]} is dropped by the backend or its server, or the model says the same "
        f"whatever it is given; until you know which, its answers to {stream} questions mean "
        "nothing"
    )
