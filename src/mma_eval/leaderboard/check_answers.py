"""What came back: statuses, the form of answers, token counts, coverage, and what can be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import exp

from mma_eval.eval.task_names import is_control, twin_of
from mma_eval.leaderboard.claims import Claim
from mma_eval.leaderboard.findings import Finding, error, note, such_as, warning
from mma_eval.leaderboard.registered import RegisteredDataset
from mma_eval.leaderboard.submission import Submission, SubmittedAnswer
from mma_eval.types import FAILURES, Status, Stream

MOST_UNPARSED = 0.5
"""Of all answers, above which a row would be about the reading and not about the model."""
MANY_UNPARSED = 0.1
"""Of one task's answers."""
CERTAIN = 1.05
"""What the probabilities of all options may sum to, with room for low precision."""

_Place = tuple[Stream, str]
_STREAMS: tuple[_Place, ...] = (("visual", "video"), ("audio", "audio"))


def check_statuses(submission: Submission) -> Iterable[Finding]:
    """Failures of the machinery bar a row."""
    failed = Counter(a.status for a in submission.answers if a.status in FAILURES)
    for status, count in failed.items():
        examples = (f"{a.task}:{a.id}" for a in submission.answers if a.status is status)
        yield error(
            "the answers",
            f"{count:,} failed with {status.value}: {such_as(examples)}",
            "the same run command asks them again; then submit anew",
        )


def check_forms(submission: Submission, dataset: RegisteredDataset) -> Iterable[Finding]:
    """Text where text was asked for, and a score for every option where scores were."""
    by_likelihood = submission.header.answer_by == "likelihood"
    odd: dict[str, list[str]] = {}
    for answer in submission.answers:
        fault = _fault_of(answer, dataset, by_likelihood)
        if fault is not None:
            odd.setdefault(fault, []).append(f"{answer.task}:{answer.id}")
    for fault, where in odd.items():
        yield error(
            "the answers",
            f"{such_as(where)}: {fault}",
            "make the file anew with `mma-eval leaderboard submit`",
        )


def check_evidence(submission: Submission, dataset: RegisteredDataset) -> Iterable[Finding]:
    """A stream that was there and reached the model as zero tokens was never seen or heard."""
    unheard: dict[str, list[str]] = {}
    unproved = 0
    for answer in submission.answers:
        if answer.status is not Status.OK:
            continue
        if answer.tokens is None:
            unproved += 1
            continue
        absent = dataset.by_task[answer.task].by_id[answer.id].absent
        for stream, field in _STREAMS:
            if stream not in absent and getattr(answer.tokens, field) == 0:
                unheard.setdefault(field, []).append(f"{answer.task}:{answer.id}")
    for field, where in unheard.items():
        yield error(
            "the token counts",
            f"no {field} token reached the model, although the sample has {field}: "
            f"{such_as(where)}",
            "find out why the stream is lost (`mma-eval doctor`), run again and submit anew",
        )
    if unproved:
        yield warning(
            "the token counts",
            f"{unproved:,} answers have none, so nothing proves that picture and sound arrived",
            "a backend of one's own proves it with `count_tokens`",
        )


def check_coverage(claims: Sequence[Claim], dataset: RegisteredDataset) -> Iterable[Finding]:
    """How much of the dataset version stands behind each number; and whether both were asked."""
    empty = [claim.task for claim in claims if not claim.answered and claim.n]
    if empty:
        yield error("the coverage", f"nothing was answered in {such_as(empty)}", "run them again")
    parts = {
        claim.task: claim.answered / len(dataset.by_task[claim.task].samples) for claim in claims
    }
    if any(part < 1 for part in parts.values()):
        least = min(parts, key=lambda task: parts[task])
        yield warning(
            "the coverage",
            f"is below 100 %; least is {least} with {100 * parts[least]:.1f} % of "
            f"{len(dataset.by_task[least].samples)} samples",
            "the row states it and may not be ranked; run without --limit for all of them",
        )
    names = {claim.task for claim in claims}
    lonely = [t for t in names if not is_control(t) and twin_of(t) not in names and twin_of(t)]
    if lonely:
        yield warning(
            "the tasks",
            f"lack the question about the other modality: {such_as(sorted(lonely))}",
            "both right needs both; run the twin tasks too",
        )
    applies_not = sum(claim.not_applicable for claim in claims)
    if applies_not:
        yield note("the coverage", f"{applies_not:,} samples do not apply to this model")


def check_unparsed(claims: Sequence[Claim]) -> Iterable[Finding]:
    """Answers in which no option can be found count as wrong; where they abound, look at them."""
    answered = sum(claim.answered for claim in claims)
    unparsed = sum(claim.unparsed for claim in claims)
    if unparsed > MOST_UNPARSED * answered:
        yield error("the answers", _part(unparsed, answered), _LOOK)
    for claim in claims:
        if claim.unparsed > MANY_UNPARSED * claim.answered:
            yield warning(claim.task, _part(claim.unparsed, claim.answered), _LOOK)


_LOOK = "look at them (`mma-eval report RUN`); --answer-by likelihood needs no reading"


def _part(unparsed: int, answered: int) -> str:
    share = f"{100 * unparsed / answered:.1f} %"
    return f"in {share} of {answered:,} answers no option is named; they count as wrong"


def _fault_of(
    answer: SubmittedAnswer, dataset: RegisteredDataset, by_likelihood: bool
) -> str | None:
    """What is wrong with the form of one answer; None where it is right."""
    if answer.status is not Status.OK:
        return "has scores although the call did not succeed" if answer.scores else None
    if not by_likelihood:
        if answer.scores:
            return "has option scores in a run that asked for text"
        return "has no text" if answer.answer is None else None
    sample = dataset.by_task[answer.task].by_id[answer.id]
    if sorted(score.option for score in answer.scores) != sorted(dataset.options[sample.options]):
        return "has no score for each of the options that were asked, once"
    if sum(exp(min(score.log_likelihood, 0.0)) for score in answer.scores) > CERTAIN:
        return "has option scores whose probabilities sum to more than one"
    return None
