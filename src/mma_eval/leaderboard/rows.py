"""A checked submission as a row of the board: its numbers are those of the scorer, nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mma_eval.eval.analysis.questions import is_conflict, stem
from mma_eval.eval.log import SampleRecord
from mma_eval.eval.scorecard import Share
from mma_eval.eval.task_names import condition_of, is_control
from mma_eval.leaderboard.alternatives import alternatives_of
from mma_eval.leaderboard.board import (
    Answered,
    BoardRow,
    BothRight,
    Cell,
    CellMetric,
    Example,
    Kind,
)
from mma_eval.leaderboard.check import CheckedSubmission
from mma_eval.leaderboard.claims import Claim, CountedShare
from mma_eval.leaderboard.facts import facts_of, is_specimen
from mma_eval.leaderboard.ranking import Contender, not_ranked, number_of
from mma_eval.leaderboard.registered import RegisteredDataset
from mma_eval.leaderboard.submission import SUFFIX
from mma_eval.metrics.extract import is_abstention
from mma_eval.paths import data_folder
from mma_eval.types import Attribution, Outcome

PRIMARY = "misalign"
LONGEST_EXAMPLE = 160
"""Characters of an answer that the gallery shows."""
PENDING = "not compared yet"
ASKS = ("visual", "audio")


@dataclass(frozen=True)
class MeasuredRow:
    """A row that has no place yet, and what decides it."""

    row: BoardRow
    contender: Contender
    conflict_planned: int


def measured_row(checked: CheckedSubmission, kind: Kind) -> MeasuredRow:
    """The row of one submission, without a place."""
    clips = _conflict_clips(checked.registered)
    contender = _contender(checked, clips)
    cells = dict(_cells(checked))
    header, adapter = checked.header, checked.adapter
    row = BoardRow(
        id=contender.id,
        kind=kind,
        specimen=is_specimen(checked.card),
        model=facts_of(
            checked.card,
            adapter=None if adapter is None else adapter.name,
            adapter_facts=None if adapter is None else adapter.facts,
            card_file=_card_file(checked.card.name) if kind == "reproduced" else None,
        ),
        dataset=checked.dataset,
        dataset_version=checked.dataset_version,
        answered=Answered(
            planned=sum(claim.n for claim in checked.claims),
            answered=sum(claim.answered for claim in checked.claims),
            coverage=checked.coverage,
            conflict_clips=contender.answered.bit_count(),
            conflict_planned=len(clips),
        ),
        cells=cells,
        both_right=dict(_both_right(checked)),
        standing=not_ranked(PENDING),
        alternatives=alternatives_of(
            cells, *(_other_modality(checked, f"{PRIMARY}_{ask}") for ask in ASKS)
        ),
        submission=checked.file,
        digest=checked.digest,
        submitter=header.submitter,
        contact=header.contact,
        source=None,
        examples=tuple(_examples(checked.records_by_task)),
    )
    return MeasuredRow(row, contender, len(clips))


def row_id(file: str) -> str:
    """A submission's file name, fit for a link."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", file.removesuffix(SUFFIX))


def _card_file(name: str) -> str | None:
    """The repository's card of that name; only a maintainer's run is known to be of it."""
    file = f"{name}.yaml"
    return f"model_cards/{file}" if (data_folder("model_cards") / file).is_file() else None


def _conflict_clips(dataset: RegisteredDataset) -> list[str]:
    """What the primary score is a share of, in the dataset version's order."""
    task = dataset.by_task.get(f"{PRIMARY}_visual")
    return [] if task is None else [sample.id.rpartition("/")[0] for sample in task.samples]


def _contender(checked: CheckedSubmission, clips: Sequence[str]) -> Contender:
    visual, audio = (
        {stem(r): r.outcome is Outcome.CORRECT for r in _conflicts(checked, f"{PRIMARY}_{ask}")}
        for ask in ASKS
    )
    answered = right = 0
    for at, clip in enumerate(clips):
        if clip in visual and clip in audio:
            answered |= 1 << at
            if visual[clip] and audio[clip]:
                right |= 1 << at
    return Contender(row_id(checked.file), answered, right)


def _conflicts(checked: CheckedSubmission, task: str) -> list[SampleRecord]:
    """Answered samples whose picture and sound are of two classes."""
    records = checked.records_by_task.get(task, ())
    return [record for record in records if record.outcome is not None and is_conflict(record)]


def _cells(checked: CheckedSubmission) -> Iterator[tuple[str, Cell]]:
    """One number a task; the controls of abstention have none of their own."""
    for claim in checked.claims:
        if is_control(claim.task):
            continue
        metric, counted = _number(claim, checked.records_by_task[claim.task])
        if counted is not None and (share := Share.of(counted.k, counted.n)) is not None:
            yield claim.task, Cell(metric=metric, number=number_of(share))


def _number(
    claim: Claim, records: Sequence[SampleRecord]
) -> tuple[CellMetric, CountedShare | None]:
    """Where every right answer is to decline, accuracy is the recall of declining."""
    if records and all(is_abstention(record.target) for record in records):
        return "abstention", claim.accuracy
    return ("accuracy", claim.accuracy) if claim.accuracy else ("leak", claim.leak)


def _both_right(checked: CheckedSubmission) -> Iterator[tuple[str, BothRight]]:
    for claim in checked.claims:
        pair = claim.both_right
        if pair is not None and (share := Share.of(pair.k, pair.n)) is not None:
            yield condition_of(claim.task), BothRight(number=number_of(share))


def _other_modality(checked: CheckedSubmission, task: str) -> Share | None:
    """How often the label of the modality that was not asked about is named."""
    return Share.where(
        record.attribution is Attribution.OTHER_MODALITY for record in _conflicts(checked, task)
    )


def _examples(records_by_task: Mapping[str, Sequence[SampleRecord]]) -> Iterator[Example]:
    """Under conflict, of either question: the first right answer, and the first of each fault."""
    for ask in ASKS:
        task = f"{PRIMARY}_{ask}"
        records = sorted(records_by_task.get(task, ()), key=lambda record: record.id)
        for record in _kinds(records):
            yield Example(
                task=task,
                id=record.id,
                seen=record.visual_label,
                heard=record.audio_label,
                target=record.target,
                answer=_excerpt(record),
                outcome=str(record.outcome),
                attribution=None if record.attribution is None else str(record.attribution),
            )


def _kinds(records: Iterable[SampleRecord]) -> list[SampleRecord]:
    first: dict[tuple[Outcome, Attribution | None], SampleRecord] = {}
    for record in records:
        if record.outcome is not None and is_conflict(record):
            first.setdefault((record.outcome, record.attribution), record)
    return list(first.values())[:3]


def _excerpt(record: SampleRecord) -> str:
    """The answer on one line, cut; the option that was chosen where options were scored."""
    said = record.option or "" if record.option_scores else record.answer or ""
    line = "".join(letter if letter.isprintable() else " " for letter in said).strip()
    return line if len(line) <= LONGEST_EXAMPLE else line[: LONGEST_EXAMPLE - 3] + "..."
