"""Two records of the doctor: what agrees, what differs, and whether that can be held against it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from mma_eval.eval.doctor.checks import Check, Verdict
from mma_eval.eval.doctor.make_record import COUNTED_WHILE_RUNNING
from mma_eval.eval.doctor.record import DoctorRecord, RecordedAnswer, Shown
from mma_eval.eval.log import AnswerRecord, SampleRecord, read_as
from mma_eval.eval.rerun.comparison import RunComparison, SampleComparison, compare_runs
from mma_eval.eval.rerun.facts import FactChange, differing_facts, environment_facts
from mma_eval.types import OptionScore

SMALLEST_TOLERANCE = 1e-3
"""Nats. Machines that both compute in 32 bits stay well below it; 16 bits need more."""
UNSTEADY = 2.0
"""Times what asking in another way moves on one machine: so much another machine may move it."""
ASKED_AGAIN = frozenset({"repetition", "grouping", "reference mode"})
"""Checks in which nothing but the way of asking changes."""


@dataclass(frozen=True)
class ShownDifference:
    """One variant of a clip that was not bit for bit the same on both machines."""

    clip: str
    variant: str
    streams: tuple[str, ...]
    """Which of picture and sound."""
    files: bool
    """Whether the files themselves differ; else the same files were decoded differently."""


@dataclass(frozen=True)
class CheckChange:
    """A check that came out otherwise."""

    name: str
    before: str
    now: str


@dataclass(frozen=True)
class RecordComparison:
    """A record held against what came out here."""

    facts: tuple[FactChange, ...]
    """What is different about model, software and machine."""
    shown: int
    """Variants of clips that both sides were shown."""
    shown_differently: tuple[ShownDifference, ...]
    clips: int
    clips_before: int
    on_the_same: RunComparison
    """Answers about what was shown and asked bit for bit the same."""
    on_others: RunComparison
    """Answers about the same clip and question, where bits of clip or wording differ."""
    checks: tuple[CheckChange, ...]
    alike: dict[str, int]
    """On `on_the_same`, where both sides answered: how many texts, choices, counts agree."""
    compared: dict[str, int]
    """How many there are of each."""

    @property
    def verdict(self) -> Verdict:
        """OK where all agrees; FAIL only for what nothing but the model's side can explain."""
        if self.on_the_same.differing:
            return Verdict.FAIL
        if not self.shown_differently and not self.on_others.samples and self.checks:
            return Verdict.FAIL
        if not (self.on_the_same.samples or self.on_others.samples) or self.on_others.differing:
            return Verdict.CANNOT_TELL
        return Verdict.CANNOT_TELL if self.checks else Verdict.OK


def compare_records(
    before: DoctorRecord, now: DoctorRecord, *, tolerance: float
) -> RecordComparison:
    """Hold `now`, made here, against `before`, on the clips that both have.

    Log-likelihoods that differ by at most `tolerance` nats count as equal.
    """
    old, new = _Side(before), _Side(now)
    both = [clip for clip in before.clips.files if clip in now.clips.files]
    shared = [key for key in old.shown if key in new.shown]
    differences = tuple(
        difference for key in shared if (difference := _shown_difference(old, new, key)) is not None
    )
    apart = {(difference.clip, difference.variant) for difference in differences}
    same: _Pair = ([], [])
    others: _Pair = ([], [])
    reworded = old.wordings ^ new.wordings
    for place, side in enumerate((old, new)):
        for record, wording in side.answers:
            if record.clip in both:
                loose = (record.clip, _variant(record)) in apart or wording in reworded
                (others if loose else same)[place].append(record)
    on_the_same = compare_runs(*same, tolerance=tolerance)
    alike, compared = _tally(on_the_same, *same)
    return RecordComparison(
        facts=tuple(_facts(before, now)),
        shown=len(shared),
        shown_differently=differences,
        clips=len(both),
        clips_before=len(before.clips.files),
        on_the_same=on_the_same,
        on_others=compare_runs(*others, tolerance=tolerance),
        checks=_check_changes(before, now),
        alike=alike,
        compared=compared,
    )


def default_tolerance(checks: Iterable[Check]) -> float:
    """Nats by which log-likelihoods may differ, from how far they move on this machine alone."""
    moved = [
        contrast.largest or 0.0
        for check in checks
        if check.name in ASKED_AGAIN
        for contrast in check.contrasts
    ]
    return max(SMALLEST_TOLERANCE, UNSTEADY * max(moved, default=0.0))


_Pair = tuple[list[SampleRecord], list[SampleRecord]]
_Key = tuple[str, str]


class _Side:
    """One record, by clip and variant, with its answers as a run's samples."""

    def __init__(self, record: DoctorRecord) -> None:
        self.files = record.clips.files
        self.shown: dict[_Key, Shown] = {
            (shown.clip, str(shown.variant)): shown for shown in record.shown
        }
        self.wordings = {prompt.sha256 for prompt in record.prompts}
        self.answers = [
            (_sample(record, answer), record.prompts[answer.prompt].sha256)
            for answer in record.answers
        ]


def _sample(record: DoctorRecord, answer: RecordedAnswer) -> SampleRecord:
    """An answer as a line of a run, so that both are compared by one rule."""
    shown, prompt = record.shown[answer.shown], record.prompts[answer.prompt]
    return read_as(
        AnswerRecord(
            id=f"{visible(shown.clip)}/{prompt.ask}",
            task=f"{shown.variant} {answer.form}",
            clip=shown.clip,
            ask=prompt.ask,
            prompt=visible(prompt.before_media + prompt.after_media),
            options=tuple(visible(option) for option in prompt.options),
            target="",
            visual_label=None,
            audio_label=None,
            caption=None,
            removed=(),
            video_source=None,
            audio_source=None,
            # What was shown is compared by what was decoded.
            video_hash="",
            audio_hash="",
            edits=(),
            filler=None,
            status=answer.status,
            answer=None if answer.text is None else visible(answer.text),
            option_scores=tuple(
                OptionScore(visible(option), float("-inf") if score is None else score, tokens)
                for option, score, tokens in answer.scores
            ),
            tokens=answer.tokens,
            seconds=None,
            finish_reason=_visible_or_none(answer.finish_reason),
            model_version=_visible_or_none(answer.model_version),
            error=_visible_or_none(answer.error),
        )
    )


def _variant(sample: SampleRecord) -> str:
    return sample.task.partition(" ")[0]


def _shown_difference(old: _Side, new: _Side, key: _Key) -> ShownDifference | None:
    one, two = old.shown[key], new.shown[key]
    streams = [
        name
        for name, before, now in (
            ("picture", one.frames, two.frames),
            ("sound", one.samples, two.samples),
        )
        if before != now
    ]
    if not streams:
        return None
    files = old.files[one.clip] != new.files[two.clip]
    return ShownDifference(visible(one.clip), str(one.variant), tuple(streams), files)


def _facts(before: DoctorRecord, now: DoctorRecord) -> list[FactChange]:
    """What may explain a difference, the model first."""
    return [
        FactChange(visible(change.what), visible(change.before), visible(change.now))
        for change in differing_facts(_facts_of(before), _facts_of(now))
    ]


def _facts_of(record: DoctorRecord) -> dict[str, str]:
    model = record.model
    described = {
        name: value
        for name, value in record.environment.model.items()
        if name not in COUNTED_WHILE_RUNNING
    }
    environment = record.environment.model_copy(update={"model": described})
    return {
        "model card": model.name,
        "backend": model.backend,
        "version": model.version,
        **{f"digest of {name}": digest for name, digest in model.identity.items()},
        **{f"argument {name}": value for name, value in model.arguments.items()},
        "clips": record.clips.version,
        **environment_facts(environment),
        **record.machine,
    }


def _check_changes(before: DoctorRecord, now: DoctorRecord) -> tuple[CheckChange, ...]:
    old = {check.name: str(check.verdict) for check in before.checks}
    new = {check.name: str(check.verdict) for check in now.checks}
    return tuple(
        CheckChange(visible(change.what), change.before, change.now)
        for change in differing_facts(old, new)
    )


def _tally(
    comparison: RunComparison, before: list[SampleRecord], now: list[SampleRecord]
) -> tuple[dict[str, int], dict[str, int]]:
    """How many agree in each respect, and of how many."""
    by_key = {(sample.task, sample.id): sample for sample in now}
    changed = {(sample.task, sample.id): _fields(sample) for sample in comparison.differing}
    alike: Counter[str] = Counter()
    compared: Counter[str] = Counter()
    for one in before:
        key = (one.task, one.id)
        two = by_key.get(key)
        if two is None:
            continue
        fields = changed.get(key, frozenset())
        respects = {
            "statuses": ("status", True),
            "written answers": ("answer", one.answer is not None and two.answer is not None),
            "sets of likelihoods": ("option_scores", bool(one.option_scores and two.option_scores)),
            "token counts": ("tokens", one.tokens is not None and two.tokens is not None),
        }
        for name, (field, there) in respects.items():
            compared[name] += there
            alike[name] += there and field not in fields
        if one.option_scores and two.option_scores:
            compared["likeliest options"] += 1
            alike["likeliest options"] += _likeliest(one) == _likeliest(two)
    return dict(alike), {name: count for name, count in compared.items() if count}


def _fields(sample: SampleComparison) -> frozenset[str]:
    return frozenset(change.field for change in sample.changes)


def _likeliest(sample: SampleRecord) -> str:
    return max(sample.option_scores, key=lambda score: score.log_likelihood).option


def visible(text: str) -> str:
    """Text from another machine, harmless on a terminal: what does not print is spelt out."""
    return "".join(
        letter
        if letter.isprintable() or letter in "\n\t"
        else letter.encode("unicode_escape").decode()
        for letter in text
    )


def _visible_or_none(text: str | None) -> str | None:
    return None if text is None else visible(text)
