"""What token counts prove: that a stream was fed, not yet that its content mattered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeGuard

from mma_eval.eval.doctor.checks import NAMES, Check, Verdict, not_taken, takes
from mma_eval.eval.doctor.interview import Answers
from mma_eval.eval.doctor.stimuli import Stimulus, Variant
from mma_eval.models.base import Model
from mma_eval.types import Evidence, Status, Stream, TokenCounts

MEANING = {
    Evidence.COUNTED: "counted by the backend as they were fed",
    Evidence.REPORTED: "reported by the server",
    Evidence.CANARY: "none, only canaries show what arrived",
    Evidence.JOINT: "picture and sound in joint tokens",
}


def judge_evidence(answers: Answers) -> Check:
    """How the backend knows what reached the model."""
    name = "token evidence"
    kinds = sorted(
        {
            answer.tokens.evidence
            for answer in answers.values()
            if answer.status is Status.OK and answer.tokens is not None
        }
    )
    if not kinds:
        return Check(
            name,
            Verdict.CANNOT_TELL,
            "answers come without token counts: a run cannot prove that a stream arrived",
            "have the backend count what it feeds the model (Answer.tokens)",
        )
    return Check(name, Verdict.OK, "; ".join(f"{kind}: {MEANING[kind]}" for kind in kinds))


def judge_tokens(
    model: Model,
    stream: Stream,
    stimuli: Sequence[Stimulus],
    answers: Answers,
    without_track: Variant,
) -> Check:
    """Whether the tokens that the model was fed differ with and without the stream."""
    name = f"{NAMES[stream]} tokens"
    if not takes(model, stream):
        return not_taken(name, stream)
    there = _counts(stream, stimuli, answers, Variant.OWN)
    gone = _counts(stream, stimuli, answers, without_track)
    if not there:
        return Check(name, Verdict.CANNOT_TELL, "the backend gives no token counts")
    zero = sum(_of(counts, stream) == 0 for counts in there.values())
    if zero:
        return Check(
            name,
            Verdict.FAIL,
            f"on {zero} of {len(there)} clips the {NAMES[stream]} reached the model as zero tokens",
            "the backend drops it; a run marks such answers modality_missing and scores none",
        )
    pairs = [(counts, gone[clip]) for clip, counts in there.items() if clip in gone]
    if not pairs:
        return Check(name, Verdict.CANNOT_TELL, "no answer came back on media without the track")
    shown = f"{_total(pairs[0][0])} with, {_total(pairs[0][1])} without it"
    if pairs[0][0].evidence is Evidence.JOINT:
        return Check(
            name, Verdict.NOT_APPLICABLE, f"{shown}; joint tokens prove neither stream by itself"
        )
    same = sum(_total(with_track) == _total(without) for with_track, without in pairs)
    if same and stream in model.card.limits.empty_for_missing:
        return Check(
            name,
            Verdict.NOT_APPLICABLE,
            f"{shown}; the card says that an empty stream is fed where the track is missing",
        )
    if same:
        return Check(
            name,
            Verdict.FAIL,
            f"{shown}; on {same} of {len(pairs)} clips the prompt is as long without the "
            f"{NAMES[stream]} as with it",
            "it is dropped on its way, or the counts are not of what was fed",
        )
    return Check(name, Verdict.OK, shown)


def _counts(
    stream: Stream, stimuli: Sequence[Stimulus], answers: Answers, variant: Variant
) -> dict[str, TokenCounts]:
    """Token counts of each clip's question about the stream, where they came back."""
    found = {}
    for stimulus in stimuli:
        answer = answers.get(stimulus.question_id(variant, stream, "text"))
        if answer is not None and answer.status is Status.OK and _told(answer.tokens):
            found[stimulus.clip] = answer.tokens
    return found


def _told(counts: TokenCounts | None) -> TypeGuard[TokenCounts]:
    """Whether any modality was counted."""
    return counts is not None and (counts.text, counts.video, counts.audio) != (None, None, None)


def _of(counts: TokenCounts, stream: Stream) -> int | None:
    return counts.video if stream == "visual" else counts.audio


def _total(counts: TokenCounts) -> int:
    return sum(count or 0 for count in (counts.text, counts.video, counts.audio))
