"""Checking a submission from anybody: is it whole, is it registered, and are its numbers true?

Nothing of the file is run, unpacked to disk or used as a path. What it says about questions,
targets and labels is only compared; the answers are scored against the registered ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mma_eval.errors import FileError
from mma_eval.eval.evaluate import score_samples
from mma_eval.eval.log import SampleRecord
from mma_eval.eval.reading import score_answer
from mma_eval.eval.scorecard import RunScores
from mma_eval.leaderboard.check_answers import (
    check_coverage,
    check_evidence,
    check_forms,
    check_statuses,
    check_unparsed,
)
from mma_eval.leaderboard.check_header import check_file_name, check_header, check_tasks
from mma_eval.leaderboard.check_samples import check_samples
from mma_eval.leaderboard.claims import Claim, claims_of, differences
from mma_eval.leaderboard.findings import Finding, Weight, error, such_as
from mma_eval.leaderboard.likeness import Likeness, check_likeness, likeness_of
from mma_eval.leaderboard.read_submission import read_submission
from mma_eval.leaderboard.registered import RegisteredDataset
from mma_eval.leaderboard.submission import Header, Submission, SubmittedAdapter
from mma_eval.models.card import ModelCard


@dataclass(frozen=True)
class CheckedSubmission:
    """A submission whose answers were scored here; all that a row is made of."""

    file: str
    """Name of the file."""
    digest: str
    """SHA-256 of its content."""
    header: Header
    registered: RegisteredDataset
    records_by_task: Mapping[str, Sequence[SampleRecord]]
    claims: tuple[Claim, ...]
    """As found here; equal to the claimed ones where the verdict is good."""

    @cached_property
    def card(self) -> ModelCard:
        return self.header.card.as_card()

    @property
    def adapter(self) -> SubmittedAdapter | None:
        return self.header.adapter

    @property
    def dataset(self) -> str:
        return self.registered.name

    @property
    def dataset_version(self) -> str:
        return self.registered.version

    @property
    def coverage(self) -> float:
        """Answers that were scored, of the registered samples of its tasks."""
        planned = sum(len(self.registered.by_task[task].samples) for task in self.records_by_task)
        return sum(claim.answered for claim in self.claims) / planned if planned else 0.0

    @cached_property
    def scores(self) -> RunScores:
        """Everything that a run is reported by, with intervals; takes seconds."""
        entries = [
            self.registered.entry(self.registered.by_task[task], len(records))
            for task, records in self.records_by_task.items()
        ]
        samples = [sample for records in self.records_by_task.values() for sample in records]
        return score_samples(entries, samples)


@dataclass(frozen=True)
class Verdict:
    """Whether a file may become a row, and why not."""

    file: str
    findings: tuple[Finding, ...]
    rescored: CheckedSubmission | None
    """None where the file could not be scored."""
    likeness: Likeness | None = None

    @property
    def ok(self) -> bool:
        return not any(finding.weight is Weight.ERROR for finding in self.findings)


def check(
    path: Path,
    registered: Mapping[str, RegisteredDataset],
    others: Iterable[Likeness] = (),
) -> Verdict:
    """The verdict on one file; `registered` by dataset version, `others` to find copies among.

    Never raises for anything in the file.
    """
    try:
        submission = read_submission(path)
    except FileError as fault:
        place = f"line {fault.line}" if fault.line is not None else "the file"
        return Verdict(path.name, (error(place, fault.problem, _REMAKE),), None)
    return check_submission(path.name, submission, registered, others)


def check_submission(
    name: str,
    submission: Submission,
    registered: Mapping[str, RegisteredDataset],
    others: Iterable[Likeness] = (),
) -> Verdict:
    """The verdict on a submission that has been read from the file `name`."""
    header = submission.header
    findings = [*check_file_name(name, header)]
    dataset = registered.get(header.dataset.version)
    if dataset is None:
        findings.append(_unregistered(header, registered))
        return Verdict(name, tuple(findings), None)
    findings += check_header(header, dataset)
    findings += check_tasks(header, dataset)
    if any(finding.weight is Weight.ERROR for finding in findings):
        return Verdict(name, tuple(findings), None)
    faults = tuple(check_samples(submission, dataset))
    if faults:
        return Verdict(name, (*findings, *faults), None)
    findings += check_statuses(submission)
    findings += check_forms(submission, dataset)
    findings += check_evidence(submission, dataset)
    if any(finding.weight is Weight.ERROR for finding in findings):
        return Verdict(name, tuple(findings), None)
    rescored = rescore(name, submission, dataset)
    findings += _check_claims(header, rescored.claims)
    findings += check_coverage(rescored.claims, dataset)
    findings += check_unparsed(rescored.claims)
    likeness = likeness_of(name, submission)
    findings += check_likeness(likeness, others)
    return Verdict(name, tuple(findings), rescored, likeness)


def rescore(name: str, submission: Submission, dataset: RegisteredDataset) -> CheckedSubmission:
    """Read every answer with the project's own reader, against the registered targets."""
    by_task: dict[str, list[SampleRecord]] = {
        task.name: [] for run in submission.header.runs for task in run.tasks
    }
    for answer in submission.answers:
        task = dataset.by_task[answer.task]
        by_task[answer.task].append(score_answer(dataset.record(task, answer), task.answer))
    return CheckedSubmission(
        name, submission.digest, submission.header, dataset, by_task, claims_of(by_task)
    )


_REMAKE = "make the file anew with `mma-eval leaderboard submit` and send it as it is"


def _unregistered(header: Header, registered: Mapping[str, RegisteredDataset]) -> Finding:
    known = sorted(registered)
    return error(
        "the dataset version",
        f"{header.dataset.name} {header.dataset.version} is not registered; "
        f"registered: {such_as(known) if known else 'none'}",
        "run on a registered version, or ask a maintainer to register this one "
        "(`mma-eval leaderboard register`)",
    )


def _check_claims(header: Header, found: Sequence[Claim]) -> Iterable[Finding]:
    claimed = {claim.task: claim for claim in header.claimed}
    here = {claim.task: claim for claim in found}
    if len(claimed) < len(header.claimed) or claimed.keys() != here.keys():
        odd = sorted(claimed.keys() ^ here.keys()) or ["one twice"]
        yield error(
            "the claimed scores", f"are not of the tasks that were run: {such_as(odd)}", _REMAKE
        )
        return
    for task, claim in here.items():
        if wrong := list(differences(claimed[task], claim)):
            yield error(
                task,
                "the claimed scores are not those of the answers: " + "; ".join(wrong),
                "score the run again (`mma-eval score RUN`) with this version and submit it anew; "
                "a maintainer may ask how the difference came about",
            )
