"""The numbers that a run is reported by; they are written to `run.json` as they are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

from mma_eval.metrics.bootstrap import Resampled
from mma_eval.metrics.intervals import wilson
from mma_eval.types import Ask, Attribution, Status


class _Score(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Share(_Score):
    """`k` of `n`, with its 95 % Wilson interval; all but `k` and `n` in 0 to 1."""

    k: int
    n: int
    rate: float
    low: float
    high: float

    @classmethod
    def of(cls, k: int, n: int) -> Share | None:
        """None where nothing was counted."""
        if n == 0:
            return None
        interval = wilson(k, n)
        return cls(k=k, n=n, rate=k / n, low=interval.low, high=interval.high)

    @classmethod
    def where(cls, hits: Iterable[bool]) -> Share | None:
        counted = list(hits)
        return cls.of(sum(counted), len(counted))


class Estimate(_Score):
    """A number that is no plain share, with its 95 % interval; `n` counts what was resampled."""

    value: float
    low: float
    high: float
    n: int

    @classmethod
    def of(cls, mean: Resampled) -> Estimate:
        return cls(value=mean.value, low=mean.low, high=mean.high, n=mean.n)


def _kept_with_interval(number: object) -> object:
    """None for a plain number, from a run scored before its interval was kept: score it again."""
    return None if isinstance(number, int | float) else number


EstimateOrNone = Annotated[Estimate | None, BeforeValidator(_kept_with_interval)]


class TaskScore(_Score):
    """The numbers of one task; None where a number does not exist.

    Accuracy is correct over everything the model answered or declined: refused, ambiguous,
    unparsed and overflowing answers count as wrong. Failures of the machinery and samples without
    an answer are left out and lower `coverage`; what is not applicable is outside all of it.
    """

    task: str
    ask: Ask | None
    n: int
    """Samples planned, less those that do not apply."""
    answered: int
    coverage: float | None
    accuracy: Share | None
    """Over well-posed questions."""
    macro_accuracy: EstimateOrNone
    """Mean over target classes; the interval resamples clips."""
    chance: float | None
    """Expected share of a uniform guess among the options."""
    majority: float | None
    """Share of the commonest target."""
    leak: Share | None
    """Over ill-posed questions: how often the label of the removed stream is named."""
    both_right: Share | None
    """With the twin task: conflict clips with both questions right."""
    lenient_accuracy: Share | None
    """By the first option mentioned anywhere; None for likelihood answers."""
    unparsed_rate: float | None
    """Of everything answered; None where no answer is text."""
    correct: int
    wrong: int
    abstained: int
    ambiguous: int
    unparsed: int
    refused: int
    context_overflow: int
    conflicts: int
    """Answered samples whose two labels differ and are both present."""
    attribution: dict[Attribution, int]
    """Sources of the answers that are not correct; a source that cannot occur has no key."""
    failures: dict[Status, int]
    unanswered: int
    not_applicable: int


class PairScore(_Score):
    """Conflict clips with the visual and the audio question right."""

    visual_task: str
    audio_task: str
    both_right: Share


class AbstentionSummary(_Score):
    """Whether a model declines when it should, and only then.

    Always declining and never declining both give a balanced accuracy of one half.
    """

    task: str
    recall: Share | None
    """Declined, of the questions whose stream is gone."""
    false_abstention: Share | None
    """Declined, of the answerable questions of both controls."""
    false_aligned: Share | None
    false_irrelevant: Share | None
    """Declined although only the other stream is gone."""
    balanced_accuracy: EstimateOrNone
    """The interval resamples clips."""


class Drop(_Score):
    """A condition against the aligned task of the same modality, pair by pair.

    A pair shares the source of the asked stream: the audio question on a swapped clip goes with the
    audio question on the clip that the sound came from.
    """

    task: str
    baseline: str
    pairs: int
    before: float
    """Accuracy on the baseline, over the pairs."""
    after: float
    difference: Estimate
    """After minus before; the interval resamples clips."""
    lost: int
    """Pairs right on the baseline and wrong here."""
    gained: int
    p: float
    """Exact McNemar, two-sided."""
    p_holm: float
    """The same, corrected for all drops of the run."""


class Following(_Score):
    """How often answers name what a source that was not asked about says, net of inability.

    `source` is `other_modality` on conflict clips (visual dominance, for the audio question) and
    `caption` under a misleading caption.
    """

    task: str
    source: Attribution
    share: Share
    expected: float | None
    """The rate without that source: how often a shuffled distractor would be named; for a caption,
    how often the model names its class without one. None where nothing tells."""
    net: Estimate | None
    """`share` less `expected`; the interval resamples clips."""
    able_share: Share | None
    """`share` over the clips whose two sources this model answers alone."""
    able_net: Estimate | None
    able_by: tuple[str, ...]
    """The tasks by which the model was found able."""


class ClassScore(_Score):
    """One target class of one task."""

    label: str
    accuracy: Share


class ConfusionCell(_Score):
    """How often one option was named for one target; `named` is None where none was."""

    target: str
    named: str | None
    count: int


class ClassTable(_Score):
    """A task by target class, over its well-posed questions."""

    task: str
    classes: tuple[ClassScore, ...]
    confusion: tuple[ConfusionCell, ...]


class RunScores(_Score):
    """Everything a run is reported by, in the order of its tasks."""

    tasks: tuple[TaskScore, ...]
    pairs: tuple[PairScore, ...]
    abstentions: tuple[AbstentionSummary, ...]
    drops: tuple[Drop, ...] = ()
    followings: tuple[Following, ...] = ()
    classes: tuple[ClassTable, ...] = ()
    n: int
    answered: int
    coverage: float | None


def keep_requested(scores: RunScores, metrics: Mapping[str, Collection[str]]) -> RunScores:
    """The same scores, with the numbers that a task does not ask for left out.

    `metrics` maps task names to the metrics of their files.
    """
    tasks = tuple(_only(score, metrics[score.task]) for score in scores.tasks)
    wanted = {name for name, asked in metrics.items() if "both_right" in asked}
    return scores.model_copy(
        update={
            "tasks": tasks,
            "pairs": tuple(pair for pair in scores.pairs if pair.visual_task in wanted),
            "abstentions": tuple(
                summary for summary in scores.abstentions if "abstention" in metrics[summary.task]
            ),
            "drops": tuple(drop for drop in scores.drops if "accuracy" in metrics[drop.task]),
            "followings": tuple(
                found for found in scores.followings if "attribution" in metrics[found.task]
            ),
            "classes": tuple(
                table for table in scores.classes if "accuracy" in metrics[table.task]
            ),
        }
    )


def _only(score: TaskScore, metrics: Collection[str]) -> TaskScore:
    dropped = {
        name: None
        for name in ("accuracy", "macro_accuracy", "leak", "both_right")
        if name not in metrics
    }
    if "attribution" not in metrics:
        return score.model_copy(update={**dropped, "attribution": {}})
    return score.model_copy(update=dropped)
