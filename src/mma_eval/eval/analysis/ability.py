"""How far a model's answers lie above guessing."""

from __future__ import annotations

from collections import Counter
from statistics import fmean

from mma_eval.eval.analysis.conditions import ConditionedTask
from mma_eval.eval.analysis.findings import ABLE, LEAST_CLIPS, Measure, Verdict
from mma_eval.eval.scorecard import Share
from mma_eval.metrics.bootstrap import SHARE, resampled_mean
from mma_eval.metrics.words import ClassNames
from mma_eval.types import Outcome


def accuracy(*tasks: ConditionedTask) -> Measure:
    """Share of right answers; Wilson's interval where a clip has one, else clips are resampled."""
    samples = [sample for task in tasks for sample in task.answered]
    right = [sample.outcome is Outcome.CORRECT for sample in samples]
    clips = [sample.clip for sample in samples]
    if len(set(clips)) == len(clips) and (share := Share.where(right)) is not None:
        return Measure.of("accuracy", share)
    pooled = resampled_mean([float(hit) for hit in right], clips, bounds=SHARE)
    return Measure("accuracy", pooled.value, pooled.low, pooled.high, pooled.n)


def best_guess(*tasks: ConditionedTask) -> float:
    """What guessing gets: the better of a uniform guess and of always naming one class."""
    samples = [sample for task in tasks for sample in task.answered]
    uniform = fmean(1 / len(sample.options) for sample in samples)
    names = ClassNames()
    ((_, commonest),) = Counter(names.of(sample.target) for sample in samples).most_common(1)
    return max(uniform, commonest / len(samples))


def ability(*tasks: ConditionedTask) -> Measure:
    """How much of the way from the best blind guess to perfect the accuracy goes.

    0 is guessing and 1 perfect, as in a chance-corrected kappa; the guess is taken as known. Where
    one class is all there is, nothing can be shown.
    """
    right, guess = accuracy(*tasks), best_guess(*tasks)
    if guess >= 1:
        return Measure("ability", 0.0, -1.0, 1.0, right.n)
    value, low, high = ((end - guess) / (1 - guess) for end in (right.value, right.low, right.high))
    return Measure("ability", value, low, high, right.n)


def inability(ability: Measure) -> Verdict:
    """Whether an inability is found, ruled out, or neither."""
    if ability.n < LEAST_CLIPS or ability.low <= ABLE <= ability.high:
        return Verdict.OPEN
    return Verdict.FOUND if ability.high < ABLE else Verdict.RULED_OUT
