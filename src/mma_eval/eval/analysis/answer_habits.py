"""Faults that show in the answers alone: declining, favouring one option, answering at random."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import lru_cache
from statistics import NormalDist, fmean, stdev

from mma_eval.eval.analysis.ability import ability, accuracy, best_guess, inability
from mma_eval.eval.analysis.conditions import Condition, ConditionedTask
from mma_eval.eval.analysis.findings import (
    ABLE,
    LEAST_CLIPS,
    MATTERS,
    MOSTLY,
    Fault,
    Finding,
    Measure,
    Verdict,
    habit_verdict,
    untested,
)
from mma_eval.eval.analysis.questions import declines
from mma_eval.eval.analysis.shares import share_where
from mma_eval.eval.log import Pool
from mma_eval.eval.scored import ScoredSample
from mma_eval.metrics.extract import is_abstention
from mma_eval.metrics.words import same_name

Key = Callable[[tuple[str, ...], str], str | None]
"""What a name among the options of a question counts as: its place, or its class."""


def check_abstaining(tasks: Sequence[ConditionedTask]) -> Finding:
    """Whether it declines questions that could be answered, where it may and where it may not."""
    fault = Fault.ALWAYS_ABSTAINS
    intact = [task for task in tasks if task.condition is Condition.INTACT]
    if not intact:
        return untested(fault, "aligned")
    shares = {task.name: _declined(task) for task in intact}
    judged = [task.name for task in intact if task.may_decline] or list(shares)
    low = min(shares[name].low for name in judged)
    if min(share.n for share in shares.values()) < LEAST_CLIPS:
        verdict = Verdict.OPEN
    elif low > MOSTLY:
        verdict = Verdict.FOUND
    else:
        below = all(share.high < MOSTLY for share in shares.values())
        verdict = Verdict.RULED_OUT if below else Verdict.OPEN
    least = min((shares[name] for name in judged), key=lambda measure: measure.value)
    return Finding(
        fault,
        verdict,
        f"It declines {least} of {least.n} questions on untouched clips, which all have an answer.",
        tuple(shares.values()),
        tuple(shares),
        excess=low - MOSTLY,
        blanket=all(share.low > MOSTLY for share in shares.values()),
    )


def check_favourite(tasks: Sequence[ConditionedTask]) -> Finding:
    """Whether one option is named far more often than it is right, by its place or by its class.

    With one listed order a favourite position looks like a favourite class, and is called a
    position; where the order varies the two are told apart.
    """
    intact = [task for task in tasks if task.condition is Condition.INTACT]
    intact = intact or [task for task in tasks if task.condition is Condition.CONFLICT]
    if not intact:
        return untested(Fault.POSITION_BIASED, "aligned")
    varied = [
        task for task in intact if len({_listed(sample.options) for sample in task.answered}) > 1
    ]
    samples = [sample for task in (varied or intact) for sample in task.answered]
    names = tuple(task.name for task in (varied or intact))
    place, at_place = _favourite(samples, _by_place)
    verdict = habit_verdict(at_place)
    if varied and verdict is not Verdict.FOUND:
        label, of_class = _favourite(samples, _by_class)
        if habit_verdict(of_class) is Verdict.FOUND:
            return Finding(
                Fault.FAVOURS_A_CLASS,
                Verdict.FOUND,
                f"Wherever it is listed, '{label}' is named {_more(of_class)} than it is right.",
                (of_class,),
                names,
                excess=of_class.low - MATTERS,
            )
    which = _listed(samples[0].options)[int(place)]
    named = (
        f"The option in place {int(place) + 1} is named {_more(at_place)} than it is right, "
        "whichever it is."
        if varied
        else f"Option {int(place) + 1} of the list, '{which}', is named {_more(at_place)} than it "
        "is right; --perturb shuffle_options tells whether for its place or its class."
    )
    return Finding(
        Fault.POSITION_BIASED,
        verdict,
        named,
        (at_place,),
        names,
        excess=at_place.low - MATTERS,
        blanket=verdict is Verdict.FOUND and ability(*intact).high < ABLE,
    )


def check_random(tasks: Sequence[ConditionedTask]) -> Finding:
    """Whether untouched clips are answered no better than by guessing, of both modalities."""
    intact = [task for task in tasks if task.condition is Condition.INTACT]
    if {task.ask for task in intact} != {"visual", "audio"}:
        return untested(Fault.RANDOM, "aligned")
    above, right = ability(*intact), accuracy(*intact)
    return Finding(
        Fault.RANDOM,
        inability(above),
        f"On untouched clips {right} of the answers are right; the best guess gets "
        f"{100 * best_guess(*intact):.0f} %.",
        (right, above),
        tuple(task.name for task in intact),
        excess=ABLE - above.high,
        blanket=True,
    )


def _declined(task: ConditionedTask) -> Measure:
    share = share_where(task.answered, declines)
    assert share is not None
    return Measure.of(f"declined in {task.name}", share)


@lru_cache(maxsize=4096)
def _listed(options: tuple[str, ...]) -> tuple[str, ...]:
    """The options that name a class, in their order."""
    return tuple(option for option in options if not is_abstention(option))


@lru_cache(maxsize=4096)
def _place(options: tuple[str, ...], name: str) -> int | None:
    """Where a name stands; answers are spelled as offered, targets may not be."""
    places = [at for at, option in enumerate(_listed(options)) if same_name(option, name)]
    return places[0] if places else None


def _by_place(options: tuple[str, ...], name: str) -> str | None:
    place = _place(options, name)
    return None if place is None else str(place)


def _by_class(options: tuple[str, ...], name: str) -> str | None:
    place = _place(options, name)
    return None if place is None else _listed(options)[place]


def _favourite(samples: Iterable[ScoredSample], key: Key) -> tuple[str, Measure]:
    """What is most over-named, with by how much: named less right, of all questions.

    Clips are the unit, since several questions share one; the interval is normal over clips,
    with Bonferroni's correction for having picked the largest of all places or classes.
    """
    by_clip: defaultdict[str, list[tuple[str | None, str | None]]] = defaultdict(list)
    pool = Pool()
    candidates: set[str] = set()
    for sample in samples:
        named = None if sample.option is None else key(sample.options, sample.option)
        by_clip[sample.clip].append(pool.of((named, key(sample.options, sample.target))))
        candidates.update(str(key(sample.options, name)) for name in _listed(sample.options))
    critical = NormalDist().inv_cdf(1 - 0.025 / len(candidates))
    measures = {
        candidate: _over_named(candidate, by_clip.values(), critical)
        for candidate in sorted(candidates)
    }
    return max(measures.items(), key=lambda item: item[1].value)


def _over_named(
    candidate: str, clips: Collection[list[tuple[str | None, str | None]]], critical: float
) -> Measure:
    """How much more often `candidate` is named than right; clips hold (named, right) pairs."""
    excesses = [
        fmean((named == candidate) - (right == candidate) for named, right in questions)
        for questions in clips
    ]
    n = len(excesses)
    middle = fmean(excesses)
    spread = stdev(excesses) if n > 1 else 1.0
    # Clips that all agree are no certainty: at least the error of one clip more at either end,
    # as Bonett and Price 2012 add them.
    error = max(spread / math.sqrt(n), math.sqrt(2) / (n + 2))
    low, high = middle - critical * error, middle + critical * error
    return Measure("named less right", middle, max(-1.0, low), min(1.0, high), n)


def _more(excess: Measure) -> str:
    low, high = 100 * excess.low, 100 * excess.high
    return f"{100 * excess.value:.0f} points [{low:.0f}-{high:.0f}] more often"
