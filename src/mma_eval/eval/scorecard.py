"""The numbers that a run is reported by; they are written to `run.json` as they are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from pydantic import BaseModel, ConfigDict

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
    macro_accuracy: float | None
    """Mean over target classes."""
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
    balanced_accuracy: float | None


class RunScores(_Score):
    """Everything a run is reported by, in the order of its tasks."""

    tasks: tuple[TaskScore, ...]
    pairs: tuple[PairScore, ...]
    abstentions: tuple[AbstentionSummary, ...]
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
