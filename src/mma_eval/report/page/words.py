"""Numbers and names as a reader of the page meets them."""

from __future__ import annotations

from mma_eval.eval.log import SampleRecord
from mma_eval.eval.scorecard import Estimate, Share
from mma_eval.report.page.view import Fact, Number
from mma_eval.report.svg.scale import percent
from mma_eval.types import FAILURES, Attribution, Evidence, Outcome, Status

ASKED = {"visual": "seen", "audio": "heard", "both": "both"}
OTHER_MODALITY = {
    "visual": "named what is heard",
    "audio": "named what is seen",
    "both": "named the other modality",
}
NAMED = {
    Attribution.CAPTION: "named the caption's class",
    Attribution.REMOVED: "named what was removed",
    Attribution.ABSTENTION: "declined",
    Attribution.OTHER_OPTION: "named another option",
    Attribution.SEVERAL_OPTIONS: "named several options",
    Attribution.NOTHING: "named nothing",
}
EVIDENCE = {
    Evidence.COUNTED: "counted here",
    Evidence.REPORTED: "as the server reports",
    Evidence.CANARY: "proved by a test call only",
    Evidence.JOINT: "picture and sound share their tokens",
}
NEGLIGIBLE = 0.001

TERMS = (
    Fact("Accuracy", "Right answers, of everything that the model answered or declined."),
    Fact(
        "Interval",
        "The range in brackets: where the true rate lies with 95 % confidence (Wilson, or a "
        "bootstrap over clips).",
    ),
    Fact(
        "Both right",
        "Of the clips whose picture and sound disagree, those on which the question about the "
        "picture and the one about the sound were both answered right.",
    ),
    Fact(
        "Leak",
        "The stream asked about was taken away, and the model still named what had been in it. "
        "Lower is better; such questions have no accuracy.",
    ),
    Fact(
        "Change from aligned",
        "Accuracy here less accuracy on untouched clips, on the same picture or the same sound; "
        "p is the exact McNemar test, corrected for all changes of the run (Holm).",
    ),
    Fact(
        "Coverage",
        "Share of the samples that were scored. Failures of the machinery are left out and lower "
        "it; they are never counted as wrong answers.",
    ),
    Fact(
        "Other modality",
        "A wrong answer that names what the other stream shows: a question about the sound "
        "answered with what is seen, or the other way round.",
    ),
    Fact(
        "Net of inability",
        "How often the other source is named, less how often it would be by chance or by a model "
        "that cannot tell the classes apart.",
    ),
    Fact(
        "Declined",
        "The model chose “None of the above”, or said that it cannot tell.",
    ),
    Fact(
        "Tokens",
        "What reached the model, by modality. A stream that was there but arrived as zero tokens "
        "is a failure, never a score.",
    ),
)
"""The words of the page, for readers who do not know the benchmark."""


def share_number(share: Share | None) -> Number:
    if share is None:
        return Number()
    return Number(percent(share.rate), f"{100 * share.low:.0f}–{100 * share.high:.0f}")


def estimate_number(estimate: Estimate | None) -> Number:
    if estimate is None:
        return Number()
    return Number(percent(estimate.value), f"{100 * estimate.low:.0f}–{100 * estimate.high:.0f}")


def change_number(change: Estimate | None) -> Number:
    """A difference in percentage points, with its sign."""
    if change is None:
        return Number()
    return Number(
        _signed(change.value, 1), f"{_signed(change.low, 0)} to {_signed(change.high, 0)}"
    )


def _signed(value: float, decimals: int) -> str:
    """`+1.5`, `−1.5`, and a bare 0."""
    text = f"{100 * value:+.{decimals}f}"
    return text.replace("-", "−") if text.strip("+-0.") else "0"


def p_value(p: float) -> str:
    return "p < 0.001" if p < NEGLIGIBLE else f"p = {p:.3f}"


def outcome_of(sample: SampleRecord) -> str:
    """What the gallery sorts a sample under."""
    if sample.outcome is not None:
        return sample.outcome.value
    if sample.status in FAILURES:
        return "failed"
    return "not applicable" if sample.status is Status.NOT_APPLICABLE else "not read"


def badge_of(sample: SampleRecord) -> str:
    """The outcome, or for want of one what happened to the call."""
    if sample.status in (Status.REFUSED, Status.CONTEXT_OVERFLOW):
        return sample.status.value.replace("_", " ")
    if sample.status in FAILURES:
        return f"failed: {sample.status.value.replace('_', ' ')}"
    return outcome_of(sample)


def attribution_of(sample: SampleRecord) -> str:
    """Where a wrong answer came from, in words; '' for one that is right."""
    if sample.attribution is None or sample.outcome is Outcome.CORRECT:
        return ""
    if sample.attribution is Attribution.OTHER_MODALITY:
        return OTHER_MODALITY[sample.ask]
    return NAMED[sample.attribution]


def tokens_of(sample: SampleRecord) -> str:
    tokens = sample.tokens
    if tokens is None:
        return "not known: nothing proves that picture and sound arrived"
    counts = (("text", tokens.text), ("picture", tokens.video), ("sound", tokens.audio))
    known = ", ".join(f"{name} {count}" for name, count in counts if count is not None)
    return f"{known or 'no counts'} ({EVIDENCE[tokens.evidence]})"
