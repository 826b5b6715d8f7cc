"""Faults of what is seen, heard and read: a missing sense, dominance, captions, leak, declining."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mma_eval.eval.analysis.ability import ability, accuracy, best_guess, inability
from mma_eval.eval.analysis.conditions import Condition, ConditionedTask
from mma_eval.eval.analysis.findings import (
    ABLE,
    LEAST_CLIPS,
    MATTERS,
    Fault,
    Finding,
    Measure,
    Verdict,
    habit_verdict,
    joint_verdict,
    untested,
)
from mma_eval.eval.scorecard import Following, RunScores
from mma_eval.types import Attribution, Stream

OTHER: Mapping[Stream, Stream] = {"visual": "audio", "audio": "visual"}
VERB: Mapping[Stream, str] = {"visual": "sees", "audio": "hears"}
ALONE_TASK: Mapping[Stream, str] = {
    "visual": "audio_removed_visual",
    "audio": "frames_zeroed_audio",
}
STREAM: Mapping[Stream, str] = {"visual": "picture", "audio": "sound"}
ONLY: Mapping[Stream, Fault] = {"visual": Fault.SEES_ONLY, "audio": Fault.HEARS_ONLY}
DOMINATED_BY: Mapping[Stream, Fault] = {
    "visual": Fault.VISUALLY_DOMINATED,
    "audio": Fault.AURALLY_DOMINATED,
}
FOLLOWS: Mapping[Stream, Fault] = {"visual": Fault.FOLLOWS_SIGHT, "audio": Fault.FOLLOWS_SOUND}
"""What dominance is called while the neglected sense is not known to be there."""


@dataclass(frozen=True)
class Sense:
    """Whether one stream is perceived, and the task that says so best."""

    stream: Stream
    missing: Verdict
    by: ConditionedTask | None

    @property
    def measure(self) -> Measure | None:
        return None if self.by is None else accuracy(self.by)


def sense(stream: Stream, tasks: Sequence[ConditionedTask]) -> Sense:
    """Whether the questions about `stream` are answered where only it could tell.

    Alone the stream decides both ways. Under conflict, answers that are surely better than the best
    guess show that it is perceived, since following the other stream would be worse; wrong ones
    show nothing. With both streams in agreement, answers at chance show that it is not perceived,
    and right ones nothing, since the other stream tells as much.
    """

    def under(condition: Condition) -> list[ConditionedTask]:
        return [task for task in tasks if task.ask == stream and task.condition is condition]

    alone = under(Condition.ALONE)
    lacking = {task.name: inability(ability(task)) for task in alone}
    for task in alone:
        if lacking[task.name] is Verdict.RULED_OUT:
            return Sense(stream, Verdict.RULED_OUT, task)
    for task in under(Condition.CONFLICT):
        measure = ability(task)
        if measure.low > 0 and measure.n >= LEAST_CLIPS:
            return Sense(stream, Verdict.RULED_OUT, task)
    if alone:
        everywhere = all(verdict is Verdict.FOUND for verdict in lacking.values())
        return Sense(stream, Verdict.FOUND if everywhere else Verdict.OPEN, alone[0])
    for task in under(Condition.INTACT):
        if inability(ability(task)) is Verdict.FOUND:
            return Sense(stream, Verdict.FOUND, task)
    return Sense(stream, Verdict.UNTESTED, None)


def check_only(present: Stream, tasks: Sequence[ConditionedTask], scores: RunScores) -> Finding:
    """Whether it perceives `present` and lacks the other sense."""
    fault, lacking = ONLY[present], OTHER[present]
    missing, has = sense(lacking, tasks), sense(present, tasks)
    measure = missing.measure
    if missing.by is None or measure is None:
        return untested(fault, ALONE_TASK[lacking])
    verdict = missing.missing
    # A guess at every question is no missing sense: something has to be perceived.
    if verdict is Verdict.FOUND and not _perceives(has, tasks):
        verdict = Verdict.OPEN
    where = "with nothing else there" if missing.by.condition is Condition.ALONE else "at all"
    sentence = (
        f"Asked what it {VERB[lacking]} {where}, it is right in {measure} of {measure.n} clips, "
        f"and the best guess gets {100 * best_guess(missing.by):.0f} %."
    )
    follows = _followings(scores, Attribution.OTHER_MODALITY, lacking)
    evidence = [measure, *(Measure.of(f"named in {f.task}", f.share) for f in follows)]
    if follows:
        sentence += f" Under conflict it names what it {VERB[present]} in {evidence[1]}."
    return Finding(
        fault,
        verdict,
        sentence,
        tuple(evidence),
        (missing.by.name, *(f.task for f in follows)),
        excess=ABLE - ability(missing.by).high,
    )


def check_dominance(by: Stream, tasks: Sequence[ConditionedTask], scores: RunScores) -> Finding:
    """Whether, asked about one stream, it names what `by` shows although it perceives the other.

    Where the neglected sense is not known to be there, it may be missing: the fault is then called
    by what was seen, and not dominance.
    """
    fault, asked = DOMINATED_BY[by], OTHER[by]
    follows = _followings(scores, Attribution.OTHER_MODALITY, asked)
    if not follows:
        return untested(fault, f"misalign_{asked}")
    judged = [_judged(follow, scores) for follow in follows]
    worst = max(judged, key=lambda one: one.net.low)
    which = " whose picture and sound it knows" if worst.able else ""
    own = sense(asked, tasks)
    verdict = joint_verdict([habit_verdict(one.net) for one in judged])
    if verdict is Verdict.FOUND and own.missing is not Verdict.RULED_OUT:
        fault = FOLLOWS[by]
    return Finding(
        fault,
        verdict,
        f"Asked what it {VERB[asked]}, it names what it {VERB[by]} in {worst.share} of "
        f"{worst.share.n} conflict clips{which}{_although(own)}.",
        tuple(measure for one in judged for measure in (one.share, one.net)),
        tuple(follow.task for follow in follows),
        excess=worst.net.low - MATTERS,
    )


def check_captions(scores: RunScores) -> Finding:
    """Whether it names the class of a caption that is neither seen nor heard."""
    follows = _followings(scores, Attribution.CAPTION, None)
    if not follows:
        return untested(Fault.FOLLOWS_CAPTIONS, "misleading_caption")
    judged = [_judged(follow, scores) for follow in follows]
    worst = max(judged, key=lambda one: one.net.low)
    which = " that it answers right without it" if worst.able else ""
    return Finding(
        Fault.FOLLOWS_CAPTIONS,
        joint_verdict([habit_verdict(one.net) for one in judged]),
        f"It names the class of a false caption in {worst.share} of {worst.share.n} clips{which}.",
        tuple(measure for one in judged for measure in (one.share, one.net)),
        tuple(follow.task for follow in follows),
        excess=worst.net.low - MATTERS,
    )


def check_leak(scores: RunScores) -> Finding:
    """Whether it names what a removed stream showed; the stream that is left may have told it."""
    leaks = [
        (task, Measure.of(f"named in {task.task}", task.leak))
        for task in scores.tasks
        if task.leak is not None
    ]
    if not leaks:
        return untested(Fault.LEAKS, "frames_zeroed_visual", "audio_removed_audio")
    nets = [measure.less(task.chance or 0.0) for task, measure in leaks]
    at = max(range(len(leaks)), key=lambda place: nets[place].low)
    task, share = leaks[at]
    gone, left = ("picture", "sound") if task.ask == "visual" else ("sound", "picture")
    return Finding(
        Fault.LEAKS,
        joint_verdict([habit_verdict(net) for net in nets]),
        f"With its {gone} gone it still names the {gone}'s class in {share} of {share.n} clips, "
        f"by the {left} that is left or by prior knowledge.",
        tuple(measure for _, measure in leaks),
        tuple(task.task for task, _ in leaks),
        excess=nets[at].low - MATTERS,
    )


def check_declining(scores: RunScores) -> Finding:
    """Whether it hardly ever declines a question whose stream is gone."""
    recalls = [
        (summary, Measure.of(f"declined in {summary.task}", summary.recall))
        for summary in scores.abstentions
        if summary.recall is not None
    ]
    if not recalls:
        return untested(Fault.NEVER_ABSTAINS, "abstention")
    verdicts = [inability(recall) for _, recall in recalls]
    summary, least = min(recalls, key=lambda pair: pair[1].high)
    return Finding(
        Fault.NEVER_ABSTAINS,
        joint_verdict(verdicts),
        f"It declines {least} of {least.n} questions whose stream is gone ({summary.task}).",
        tuple(recall for _, recall in recalls),
        tuple(summary.task for summary, _ in recalls),
        excess=ABLE - least.high,
    )


@dataclass(frozen=True)
class _Judged:
    """A share of answers that follow a source, raw and net of what chance explains."""

    share: Measure
    net: Measure
    able: bool
    """Whether only clips count whose sources the model answers without the other one."""


def _judged(follow: Following, scores: RunScores) -> _Judged:
    """Over the clips whose sources it answers alone where they are enough, else over all."""
    name = f"followed in {follow.task}"
    if follow.able_share is not None and follow.able_net is not None:
        share = Measure.of(name, follow.able_share)
        if share.n >= LEAST_CLIPS:
            net = Measure.of(f"{name}, net", follow.able_net)
            return _Judged(share, _over(share.n, net), able=True)
    share = Measure.of(name, follow.share)
    if follow.net is not None:
        return _Judged(share, _over(share.n, Measure.of(f"{name}, net", follow.net)), able=False)
    chance = next((s.chance for s in scores.tasks if s.task == follow.task), None)
    return _Judged(share, share.less(chance or 0.0), able=False)


def _over(n: int, measure: Measure) -> Measure:
    """The same over that many clips, however they were resampled."""
    return Measure(measure.name, measure.value, measure.low, measure.high, n)


def _followings(scores: RunScores, source: Attribution, ask: Stream | None) -> list[Following]:
    """Followings of one source, in the tasks that ask about `ask`, or in all."""
    asks = {score.task: score.ask for score in scores.tasks}
    return [
        follow
        for follow in scores.followings
        if follow.source is source and (ask is None or asks.get(follow.task) == ask)
    ]


def _although(own: Sense) -> str:
    """What is known of the sense that a dominated answer neglects."""
    if own.missing is not Verdict.RULED_OUT or own.by is None:
        how = "with more clips" if own.by is not None else "not run yet"
        task = ALONE_TASK[own.stream]
        return f"; whether it {VERB[own.stream]} at all is not known ({task} tells, {how})"
    if own.by.condition is Condition.CONFLICT:
        return f", although it is right in {own.measure}"
    return f", although with the {STREAM[own.stream]} alone it is right in {own.measure}"


def _perceives(has: Sense, tasks: Iterable[ConditionedTask]) -> bool:
    """Whether some question about that stream is surely answered better than by guessing."""
    if has.missing is not Verdict.UNTESTED:
        return has.missing is Verdict.RULED_OUT
    return any(
        task.ask == has.stream
        and task.condition is not Condition.OTHER
        and inability(ability(task)) is Verdict.RULED_OUT
        for task in tasks
    )
