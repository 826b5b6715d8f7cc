"""What is known of each row beside its numbers: the model's card, and samples of its answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import quote

from mma_eval.leaderboard.board import BoardRow, Example
from mma_eval.leaderboard.site.numbers import interval
from mma_eval.leaderboard.site.view import ModelView, SampleView
from mma_eval.report.page.origin import LINKED
from mma_eval.report.page.view import Fact
from mma_eval.report.page.words import NAMED
from mma_eval.report.svg.scale import percent
from mma_eval.types import Attribution

SAMPLES = 1000
"""Samples on the page; those of rows further down are left to the JSON file."""
REPOSITORY = "../../"
"""From the page to the root of the repository."""


def model_views(rows: Sequence[BoardRow]) -> tuple[ModelView, ...]:
    """One for each row, with samples until the page has `SAMPLES`."""
    left, found = SAMPLES, []
    for row in rows:
        fits = len(row.examples) <= left
        left -= len(row.examples) if fits else 0
        found.append(
            ModelView(
                id=row.id,
                title=row.model.title,
                kind=row.kind,
                summary=row.model.summary or "",
                facts=tuple(_facts(row)),
                links=tuple(_links(row)),
                samples=tuple(map(_sample, row.examples)) if fits else (),
                samples_elsewhere=not fits,
            )
        )
    return tuple(found)


def _facts(row: BoardRow) -> Iterator[Fact]:
    """What no column says."""
    model = row.model
    checkpoint = " at ".join(part for part in (model.weights, model.revision) if part)
    told = (
        ("Checkpoint", checkpoint),
        ("Released", model.released),
        ("Takes", ", ".join(model.inputs)),
        *((f"Adapter, {name}", value) for name, value in model.adapter_facts.items()),
        ("Both right on the common clips", _common(row)),
        ("Not ranked", row.standing.unranked),
        ("Answered", _answered(row)),
        ("Submitted by", row.submitter),
        *_sources(row).items(),
    )
    yield from (Fact(name, value) for name, value in told if value)


def _sources(row: BoardRow) -> dict[str, str]:
    """Tasks by where their reported numbers are printed."""
    found: dict[str, list[str]] = {}
    for task, cell in row.cells.items():
        if cell.source is not None:
            found.setdefault(cell.source, []).append(task)
    return {source: ", ".join(tasks) for source, tasks in found.items()}


def _links(row: BoardRow) -> Iterator[Fact]:
    if row.model.card:
        yield Fact("model card", "", REPOSITORY + quote(row.model.card))
    if row.submission:
        yield Fact("submission", "", f"../submissions/{quote(row.submission)}")
    addresses = {**row.model.links, **({"contact": row.contact} if row.contact else {})}
    for name, address in addresses.items():
        if address.startswith(LINKED):
            yield Fact(name, "", address)


def _common(row: BoardRow) -> str | None:
    common = row.standing.common
    if common is None:
        return None
    of = "" if common.n is None else f", on {common.n:,}"
    return f"{percent(common.value)} ({interval(common)}){of}"


def _answered(row: BoardRow) -> str | None:
    answered = row.answered
    if answered is None:
        return None
    return (
        f"{answered.answered:,} of {answered.planned:,} questions; both questions on "
        f"{answered.conflict_clips:,} of {answered.conflict_planned:,} conflict clips"
    )


def _sample(example: Example) -> SampleView:
    shown = [("seen", example.seen), ("heard", example.heard), ("right", example.target)]
    return SampleView(
        task=example.task,
        id=example.id,
        facts=tuple(Fact(name, value) for name, value in shown if value),
        answer=example.answer,
        outcome=example.outcome,
        badge=", ".join(filter(None, (example.outcome, _attribution(example)))),
    )


def _attribution(example: Example) -> str:
    if example.attribution is None or example.outcome == "correct":
        return ""
    if example.attribution == Attribution.OTHER_MODALITY:
        return "named the other modality"
    known = {source.value: words for source, words in NAMED.items()}
    return known.get(example.attribution, example.attribution)
