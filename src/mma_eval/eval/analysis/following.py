"""How often a model says what an unasked source says, less what inability alone would give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from statistics import fmean

from mma_eval.eval.analysis.questions import (
    answered,
    is_conflict,
    other_label,
    sound_of,
    stem,
    video_of,
    well_posed,
)
from mma_eval.eval.analysis.shares import share_where
from mma_eval.eval.scorecard import Estimate, Following, Share
from mma_eval.eval.scored import ScoredSample
from mma_eval.eval.task_names import baselines_of, is_control
from mma_eval.metrics.bootstrap import DIFFERENCE, Resampled, resampled_mean
from mma_eval.metrics.words import ClassNames
from mma_eval.types import Attribution, Outcome

Tasks = Mapping[str, Sequence[ScoredSample]]

ALONE = ("audio_removed_visual", "frames_zeroed_audio")
"""Each modality asked with the other taken away."""
ALIGNED = ("aligned_visual", "aligned_audio")


def followings(records_by_task: Tasks) -> tuple[Following, ...]:
    """What each task with conflicts, or with captions, shows of following; controls aside."""
    able_by = ALONE if set(ALONE) <= records_by_task.keys() else ALIGNED
    able = _right_sources(records_by_task, able_by)
    found: list[Following] = []
    for task, records in records_by_task.items():
        if is_control(task):
            continue
        conflicts = [r for r in answered(records) if is_conflict(r) and r.ask != "both"]
        if conflicts:
            found.append(_other_modality(task, conflicts, able, able_by))
        captioned = [record for record in well_posed(records) if record.caption is not None]
        if captioned:
            found.append(_caption(task, captioned, records_by_task))
    return tuple(found)


def _other_modality(
    task: str,
    conflicts: Sequence[ScoredSample],
    able: tuple[set[str], set[str]] | None,
    able_by: tuple[str, ...],
) -> Following:
    rates = shuffled_distractor_rates(conflicts)
    chosen: list[int] = []
    if able is not None:
        pictures, sounds = able
        chosen = [
            at
            for at, record in enumerate(conflicts)
            if record.video_source in pictures and record.audio_source in sounds
        ]
    able_conflicts = [conflicts[at] for at in chosen]
    return Following(
        task=task,
        source=Attribution.OTHER_MODALITY,
        share=_share(Attribution.OTHER_MODALITY, conflicts),
        expected=fmean(rates),
        net=_net_of_shuffled(conflicts, rates),
        able_share=_share(Attribution.OTHER_MODALITY, able_conflicts) if chosen else None,
        able_net=_net_of_shuffled(able_conflicts, [rates[at] for at in chosen]) if chosen else None,
        able_by=() if able is None else able_by,
    )


def _caption(task: str, captioned: Sequence[ScoredSample], records_by_task: Tasks) -> Following:
    """Able are the samples that the model answers right without the caption."""
    baseline = next((name for name in baselines_of(task) if records_by_task.get(name)), None)
    plain = well_posed(records_by_task[baseline]) if baseline else []
    right = {stem(record) for record in plain if record.outcome is Outcome.CORRECT}
    able = [record for record in captioned if stem(record) in right]

    def net(records: Sequence[ScoredSample]) -> tuple[float | None, Estimate | None]:
        rates = uncaptioned_rates(records, plain)
        if not rates:
            return None, None
        return fmean(rates), _net_of_uncaptioned(records, rates, plain)

    expected, net_of_all = net(captioned)
    return Following(
        task=task,
        source=Attribution.CAPTION,
        share=_share(Attribution.CAPTION, captioned),
        expected=expected,
        net=net_of_all,
        able_share=_share(Attribution.CAPTION, able) if able else None,
        able_net=net(able)[1],
        able_by=() if baseline is None else (baseline,),
    )


def shuffled_distractor_rates(conflicts: Sequence[ScoredSample]) -> list[float]:
    """For each sample, the rate at which its answer names another sample's distractor.

    The distractor (the label of the modality that is not asked about) is drawn from the other
    samples, of those that are not this sample's target: exact, by counting. An answer that names no
    option, or the target, never does.
    """
    names = ClassNames()
    distractors = [names.of(other_label(record) or "") for record in conflicts]
    pool = Counter(distractors)
    rates = []
    for record, own in zip(conflicts, distractors, strict=True):
        target = names.of(record.target)
        others = len(conflicts) - pool[target] - (own != target)
        named = None if record.option is None else names.of(record.option)
        hits = 0 if named is None or named == target else pool[named] - (named == own)
        rates.append(hits / others if others > 0 else 0.0)
    return rates


def uncaptioned_rates(
    captioned: Sequence[ScoredSample], plain: Sequence[ScoredSample]
) -> list[float] | None:
    """For each sample, how often its caption's class is named without a caption.

    Counted over the plain samples of other targets than that class; None where a class has none.
    """
    names = ClassNames()
    targets = Counter(names.of(record.target) for record in plain)
    misnamed = Counter(named for record in plain if (named := _misnamed(record, names)))
    captions = [names.of(record.caption or "") for record in captioned]
    if any(targets[caption] == len(plain) for caption in captions):
        return None
    return [misnamed[caption] / (len(plain) - targets[caption]) for caption in captions]


def _net_of_shuffled(records: Sequence[ScoredSample], rates: Sequence[float]) -> Estimate:
    """Mean of hit less expected: a paired difference from a draw of another distractor."""
    net = resampled_mean(
        [
            float(record.attribution is Attribution.OTHER_MODALITY) - rate
            for record, rate in zip(records, rates, strict=True)
        ],
        [video_of(record) for record in records],
        [sound_of(record) for record in records],
        bounds=DIFFERENCE,
    )
    return _within(net, 1.0, least=-fmean(rates))


def _net_of_uncaptioned(
    captioned: Sequence[ScoredSample], rates: Sequence[float], plain: Sequence[ScoredSample]
) -> Estimate:
    """Mean of hit less expected, where the expected rates are themselves measured on `plain`.

    What a plain sample adds to the mean rate is how often captions name the wrong answer given
    there; its deviation from the usual is resampled together with the captioned samples.
    """
    names = ClassNames()
    targets = Counter(names.of(record.target) for record in plain)
    captions = Counter(names.of(record.caption or "") for record in captioned)
    weight = {
        caption: count / len(captioned) * len(plain) / (len(plain) - targets[caption])
        for caption, count in captions.items()
    }
    added = [weight.get(_misnamed(record, names) or "", 0.0) for record in plain]
    usual = fmean(added)
    samples = [*captioned, *plain]
    half = resampled_mean(
        [
            *(
                float(record.attribution is Attribution.CAPTION) - rate
                for record, rate in zip(captioned, rates, strict=True)
            ),
            *(usual - share for share in added),
        ],
        [video_of(record) for record in samples],
        [sound_of(record) for record in samples],
        bounds=DIFFERENCE,
        strata=["captioned"] * len(captioned) + ["plain"] * len(plain),
    )
    return _within(half, 2.0, least=-fmean(rates))


def _misnamed(record: ScoredSample, names: ClassNames) -> str | None:
    """The option named in place of the target."""
    if record.option is None or names.of(record.option) == names.of(record.target):
        return None
    return names.of(record.option)


def _within(mean: Resampled, scale: float, *, least: float) -> Estimate:
    """`scale` times the mean, its interval cut at the least and the greatest net there can be."""
    value = scale * mean.value
    return Estimate(
        value=value,
        low=min(value, max(least, scale * mean.low)),
        high=max(value, min(1 + least, scale * mean.high)),
        n=mean.n,
    )


def _share(source: Attribution, records: Sequence[ScoredSample]) -> Share:
    share = share_where(records, lambda record: record.attribution is source)
    assert share is not None, "a following is never without samples"
    return share


def _right_sources(
    records_by_task: Tasks, tasks: Collection[str]
) -> tuple[set[str], set[str]] | None:
    """Clips whose picture, and clips whose sound, the model names right in these two tasks."""
    visual, audio = tasks
    if visual not in records_by_task or audio not in records_by_task:
        return None
    return (
        {video_of(r) for r in records_by_task[visual] if r.outcome is Outcome.CORRECT},
        {sound_of(r) for r in records_by_task[audio] if r.outcome is Outcome.CORRECT},
    )
