"""From answers to numbers: one sample, one task, a pair of tasks, a run."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from mma_eval.eval.log import AnswerRecord, SampleRecord
from mma_eval.eval.scorecard import (
    AbstentionSummary,
    Estimate,
    PairScore,
    RunScores,
    Share,
    TaskScore,
)
from mma_eval.metrics.choice import Judgement, ill_posed, judge, likelihood_reading
from mma_eval.metrics.extract import (
    Reading,
    after_final_answer,
    is_abstention,
    read_first_mention,
    read_option,
    reading_of,
)
from mma_eval.metrics.letters import read_letter
from mma_eval.metrics.words import fold, same_name
from mma_eval.types import FAILURES, Attribution, Labels, OptionScore, Outcome, Status

__all__ = [
    "AbstentionSummary",
    "AnswerMode",
    "PairScore",
    "RunScores",
    "Share",
    "TaskScore",
    "abstention_summary",
    "both_right",
    "is_control",
    "score_answer",
    "score_run",
    "score_task",
    "twin_of",
]

AnswerMode = Literal["option", "final_answer", "letter"]

CONTROL_ALIGNED = ".control_aligned"
CONTROL_IRRELEVANT = ".control_irrelevant"

_ASK_IN_NAME = re.compile(r"_(visual|audio)(?![A-Za-z0-9_])")
_UNSAID = Judgement(Outcome.WRONG, None, Attribution.NOTHING)


def score_answer(record: AnswerRecord, mode: AnswerMode) -> SampleRecord:
    """Read one answer and judge it; a failed or inapplicable call has no outcome.

    A refusal or an overflow says nothing: wrong, attributed to nothing, and not `unparsed`, which
    is kept for text that cannot be read.
    """
    judgement: Judgement | None = None
    lenient: Judgement | None = None
    if record.status in (Status.REFUSED, Status.CONTEXT_OVERFLOW):
        judgement = lenient = _UNSAID
    elif record.status is Status.OK and record.option_scores:
        scores = [OptionScore(s.option, s.log_likelihood, s.tokens) for s in record.option_scores]
        judgement = _judge(record, likelihood_reading(scores))
    elif record.status is Status.OK:
        text = record.answer or ""
        judgement = _judge(record, _read(text, record.options, mode))
        lenient = _judge(record, _read_leniently(text, record.options, mode))
    answer = {name: getattr(record, name) for name in AnswerRecord.model_fields}
    return SampleRecord(
        **answer,
        outcome=judgement.outcome if judgement else None,
        option=judgement.option if judgement else None,
        attribution=judgement.attribution if judgement else None,
        lenient_option=lenient.option if lenient else None,
        lenient_outcome=lenient.outcome if lenient else None,
    )


def score_task(
    task: str,
    records: Sequence[SampleRecord],
    *,
    planned: int | None = None,
    pair: Share | None = None,
) -> TaskScore:
    """The numbers of one task; `planned` samples (default: as many as there are records)."""
    answered = [record for record in records if record.outcome is not None]
    by_status = Counter(record.status for record in records)
    outcomes = Counter(record.outcome for record in answered)
    not_applicable = by_status[Status.NOT_APPLICABLE]
    planned = max(planned or 0, len(records))
    n = planned - not_applicable
    posed = [record for record in answered if not _ill_posed(record)]
    leaking = [record for record in answered if _ill_posed(record)]
    texts = [r for r in answered if r.status is Status.OK and not r.option_scores]
    asks = {record.ask for record in records}
    return TaskScore(
        task=task,
        ask=asks.pop() if len(asks) == 1 else None,
        n=n,
        answered=len(answered),
        coverage=len(answered) / n if n else None,
        accuracy=Share.where(r.outcome is Outcome.CORRECT for r in posed),
        macro_accuracy=_macro_accuracy(posed),
        chance=_mean([1 / len(r.options) for r in answered if r.options]),
        majority=_majority(posed),
        leak=Share.where(r.attribution is Attribution.REMOVED for r in leaking),
        both_right=pair,
        lenient_accuracy=Share.where(
            r.lenient_outcome is Outcome.CORRECT for r in posed if r.lenient_outcome is not None
        ),
        unparsed_rate=outcomes[Outcome.UNPARSED] / len(answered) if texts else None,
        correct=outcomes[Outcome.CORRECT],
        wrong=outcomes[Outcome.WRONG],
        abstained=outcomes[Outcome.ABSTAINED],
        ambiguous=outcomes[Outcome.AMBIGUOUS],
        unparsed=outcomes[Outcome.UNPARSED],
        refused=by_status[Status.REFUSED],
        context_overflow=by_status[Status.CONTEXT_OVERFLOW],
        conflicts=sum(_is_conflict(record) for record in answered),
        attribution=_attribution_counts(answered),
        failures={
            status: by_status[status]
            for status in Status
            if by_status[status] and status in FAILURES
        },
        unanswered=planned - len(records),
        not_applicable=not_applicable,
    )


def both_right(visual: Iterable[SampleRecord], audio: Iterable[SampleRecord]) -> Share | None:
    """Share of conflict clips with both questions right.

    Pairs of which one question failed are left out; None without a conflict answered twice.
    """
    other = {_stem(record): record for record in audio if record.outcome is not None}
    pairs = [
        (record, other[_stem(record)])
        for record in visual
        if record.outcome is not None and _stem(record) in other
    ]
    return Share.where(
        one.outcome is Outcome.CORRECT and two.outcome is Outcome.CORRECT
        for one, two in pairs
        if _is_conflict(one) and _is_conflict(two)
    )


def abstention_summary(
    task: str,
    records: Iterable[SampleRecord],
    aligned: Iterable[SampleRecord],
    irrelevant: Iterable[SampleRecord],
) -> AbstentionSummary:
    """How a model declines on questions without their stream, against the two controls."""
    recall = Share.where(_declines(r) for r in records if r.outcome is not None)
    on_aligned = [_declines(r) for r in aligned if r.outcome is not None]
    on_irrelevant = [_declines(r) for r in irrelevant if r.outcome is not None]
    false = Share.where([*on_aligned, *on_irrelevant])
    return AbstentionSummary(
        task=task,
        recall=recall,
        false_abstention=false,
        false_aligned=Share.where(on_aligned),
        false_irrelevant=Share.where(on_irrelevant),
        balanced_accuracy=_point((recall.rate + 1 - false.rate) / 2, 2)
        if recall and false
        else None,
    )


def score_run(
    records_by_task: Mapping[str, Sequence[SampleRecord]],
    *,
    planned: Mapping[str, int] | None = None,
) -> RunScores:
    """Scores of every task in order, of twin tasks together, and of abstention with its controls.

    `planned` gives the number of samples of a task where some may lack a record.
    """
    planned = planned or {}
    pairs = _pair_scores(records_by_task)
    pair_of = {name: p.both_right for p in pairs for name in (p.visual_task, p.audio_task)}
    tasks = tuple(
        score_task(task, records, planned=planned.get(task), pair=pair_of.get(task))
        for task, records in records_by_task.items()
    )
    n, answered = sum(score.n for score in tasks), sum(score.answered for score in tasks)
    return RunScores(
        tasks=tasks,
        pairs=pairs,
        abstentions=_abstention_summaries(records_by_task),
        n=n,
        answered=answered,
        coverage=answered / n if n else None,
    )


def is_control(task: str) -> bool:
    """Whether a task only serves as the control of an abstention task."""
    return CONTROL_ALIGNED in task or CONTROL_IRRELEVANT in task


def twin_of(task: str) -> str | None:
    """The name of the task that asks about the other modality."""
    found = _ASK_IN_NAME.search(task)
    if found is None:
        return None
    other = "audio" if found.group(1) == "visual" else "visual"
    return f"{task[: found.start(1)]}{other}{task[found.end(1) :]}"


def _read(text: str, options: Sequence[str], mode: AnswerMode) -> Reading:
    return read_letter(text, options) if mode == "letter" else read_option(text, options, mode=mode)


def _read_leniently(text: str, options: Sequence[str], mode: AnswerMode) -> Reading:
    """First mention; in reasoning, after `Final Answer:` where there is one."""
    if mode == "final_answer":
        text = after_final_answer(text) or text
    mention = read_first_mention(text, options)
    if mention is None and mode == "letter":
        return read_letter(text, options)
    return reading_of((mention,) if mention is not None else ())


def _judge(record: AnswerRecord, reading: Reading) -> Judgement:
    return judge(
        reading,
        target=record.target,
        labels=Labels(record.visual_label, record.audio_label),
        ask=record.ask,
        caption=record.caption,
        removed=record.removed,
    )


def _ill_posed(record: AnswerRecord) -> bool:
    return ill_posed(record.ask, record.removed, record.target)


def _is_conflict(record: AnswerRecord) -> bool:
    visual, audio = record.visual_label, record.audio_label
    if visual is None or audio is None or record.removed:
        return False
    return not same_name(visual, audio)


def _removed_could_be_named(record: AnswerRecord) -> bool:
    """Whether naming a removed stream's label would be wrong."""
    label_of = {"visual": record.visual_label, "audio": record.audio_label}
    gone = [label for stream in record.removed if (label := label_of[stream]) is not None]
    return _ill_posed(record) or any(not same_name(label, record.target) for label in gone)


def _declines(record: SampleRecord) -> bool:
    return record.option is not None and is_abstention(record.option)


def _stem(record: AnswerRecord) -> str:
    """The sample's id without the modality asked."""
    return record.id.rpartition("/")[0]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _point(value: float | None, n: int) -> Estimate | None:
    return None if value is None else Estimate(value=value, low=value, high=value, n=n)


def _macro_accuracy(records: Sequence[SampleRecord]) -> Estimate | None:
    by_class: defaultdict[str, list[float]] = defaultdict(list)
    for record in records:
        by_class[fold(record.target)].append(float(record.outcome is Outcome.CORRECT))
    return _point(_mean([sum(hits) / len(hits) for hits in by_class.values()]), len(records))


def _majority(records: Sequence[SampleRecord]) -> float | None:
    targets = Counter(fold(record.target) for record in records)
    return max(targets.values()) / len(records) if records else None


def _attribution_counts(answered: Sequence[SampleRecord]) -> dict[Attribution, int]:
    """Counts by source, with a key for every source that these samples could show."""
    counts = Counter(record.attribution for record in answered if record.attribution)
    possible = {Attribution.ABSTENTION, Attribution.OTHER_OPTION}
    if any(_is_conflict(record) for record in answered):
        possible.add(Attribution.OTHER_MODALITY)
    if any(record.caption is not None for record in answered):
        possible.add(Attribution.CAPTION)
    if any(_removed_could_be_named(record) for record in answered):
        possible.add(Attribution.REMOVED)
    if any(not record.option_scores for record in answered):
        possible |= {Attribution.SEVERAL_OPTIONS, Attribution.NOTHING}
    return {source: counts[source] for source in Attribution if source in possible | set(counts)}


def _pair_scores(records_by_task: Mapping[str, Sequence[SampleRecord]]) -> tuple[PairScore, ...]:
    scores: list[PairScore] = []
    for task, records in records_by_task.items():
        twin = twin_of(task)
        if twin is None or twin not in records_by_task or {r.ask for r in records} != {"visual"}:
            continue
        share = both_right(records, records_by_task[twin])
        if share is not None:
            scores.append(PairScore(visual_task=task, audio_task=twin, both_right=share))
    return tuple(scores)


def _abstention_summaries(
    records_by_task: Mapping[str, Sequence[SampleRecord]],
) -> tuple[AbstentionSummary, ...]:
    """One summary for each task whose every target is to decline."""
    controls = {
        (_without_control(task), kind): records
        for task, records in records_by_task.items()
        for kind in (CONTROL_ALIGNED, CONTROL_IRRELEVANT)
        if kind in task
    }
    return tuple(
        abstention_summary(
            task,
            records,
            controls.get((task, CONTROL_ALIGNED), ()),
            controls.get((task, CONTROL_IRRELEVANT), ()),
        )
        for task, records in records_by_task.items()
        if records and all(is_abstention(record.target) for record in records)
    )


def _without_control(task: str) -> str:
    return task.replace(CONTROL_ALIGNED, "").replace(CONTROL_IRRELEVANT, "")
