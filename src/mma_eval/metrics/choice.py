"""Whether a reading is right, and whose label a wrong one names."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mma_eval.metrics.extract import Hint, Reading, is_abstention, reading_of
from mma_eval.metrics.words import same_name
from mma_eval.types import Ask, Attribution, Labels, OptionScore, Outcome


@dataclass(frozen=True)
class Judgement:
    """What an answer says about its question; `attribution` is None only where it is correct."""

    outcome: Outcome
    option: str | None
    attribution: Attribution | None


def judge(
    reading: Reading,
    *,
    target: str,
    labels: Labels,
    ask: Ask,
    caption: str | None,
    removed: Collection[str],
) -> Judgement:
    """Hold a reading against its target.

    A wrong option is attributed to the caption, else to the other modality, else to the removed
    stream, else to nothing but itself. Where the question is ill-posed, naming the target is
    wrong: it was not there to be seen or heard.
    """
    option = reading.option
    if reading.outcome_hint is Hint.UNPARSED:
        return Judgement(Outcome.UNPARSED, None, Attribution.NOTHING)
    if reading.outcome_hint is Hint.AMBIGUOUS or option is None:
        return Judgement(Outcome.AMBIGUOUS, None, Attribution.SEVERAL_OPTIONS)
    if same_name(option, target):
        if ill_posed(ask, removed, target):
            return Judgement(Outcome.WRONG, option, Attribution.REMOVED)
        return Judgement(Outcome.CORRECT, option, None)
    if reading.outcome_hint is Hint.ABSTAINED:
        return Judgement(Outcome.ABSTAINED, option, Attribution.ABSTENTION)
    return Judgement(Outcome.WRONG, option, _attribute(option, labels, ask, caption, removed))


def ill_posed(ask: Ask, removed: Collection[str], target: str) -> bool:
    """Whether the stream asked about was taken away and the options offer no way to say so.

    Paper, section 4.1: such a question measures leak, never accuracy.
    """
    return ask in removed and not is_abstention(target)


def best_option(scores: Sequence[OptionScore]) -> str:
    """The option of the highest summed log-likelihood, the first of equals.

    The sum over the option's tokens is not divided by their number.
    """
    if not scores:
        raise ValueError("no option was scored")
    return max(scores, key=lambda score: score.log_likelihood).option


def likelihood_reading(scores: Sequence[OptionScore]) -> Reading:
    """The reading of an answer that is a log-likelihood for each option."""
    return reading_of((best_option(scores),))


def _attribute(
    option: str, labels: Labels, ask: Ask, caption: str | None, removed: Collection[str]
) -> Attribution:
    if caption is not None and same_name(option, caption):
        return Attribution.CAPTION
    other = labels.other(ask)
    other_stream = {"visual": "audio", "audio": "visual"}.get(ask)
    conflict = labels.conflict and not same_name(labels.visual or "", labels.audio or "")
    # A removed stream has nothing to say: its label is remembered, not heard or seen.
    if conflict and other is not None and other_stream not in removed and same_name(option, other):
        return Attribution.OTHER_MODALITY
    gone = [{"visual": labels.visual, "audio": labels.audio}.get(stream) for stream in removed]
    if any(label is not None and same_name(option, label) for label in gone):
        return Attribution.REMOVED
    return Attribution.OTHER_OPTION
