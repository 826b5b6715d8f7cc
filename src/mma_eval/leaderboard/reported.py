"""The rows that the paper prints: its numbers with their sources, doubtful ones left out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mma_eval.leaderboard.alternatives import alternatives_of
from mma_eval.leaderboard.board import BoardRow, BothRight, Cell, ModelFacts, Number
from mma_eval.leaderboard.facts import facts_of
from mma_eval.leaderboard.footnotes import Footnotes
from mma_eval.leaderboard.ranking import not_ranked
from mma_eval.models.catalogue import CardCatalogue
from mma_eval.report.paper.notes import other_numbers
from mma_eval.report.paper.published import Column, Paper, PrintedModel, Source

DATASET = "mma_bench"
VERSION = "as published"
PUBLICATION = "arXiv 2511.22826"
CONFLICTS = ("misalign", "cot_misalign")
SUSPENDED = "reported without the answers to both questions of a clip"


def reported_rows(paper: Paper, cards: CardCatalogue, footnotes: Footnotes) -> list[BoardRow]:
    """One row for each model that the paper, its supplement or the authors' pages print."""
    return [_row(paper, model, cards, footnotes) for model in paper.models]


def bounds(visual: float, audio: float) -> BothRight:
    """What the two shares alone allow for both right (Frechet 1935)."""
    return BothRight(low=round(max(0.0, visual + audio - 1), 6), high=min(visual, audio))


def _row(paper: Paper, model: PrintedModel, cards: CardCatalogue, footnotes: Footnotes) -> BoardRow:
    cells = {
        column.task: cell
        for column in _columns(paper)
        if (cell := _cell(paper, model.name, column, footnotes)) is not None
    }
    return BoardRow(
        id=f"reported-{re.sub(r'[^a-z0-9.]+', '-', model.name.lower()).strip('-')}",
        kind="reported",
        specimen=False,
        model=_facts(model, cards),
        dataset=DATASET,
        dataset_version=VERSION,
        answered=None,
        cells=cells,
        both_right={
            name: bounds(cells[f"{name}_visual"].number.value, cells[f"{name}_audio"].number.value)
            for name in CONFLICTS
            if {f"{name}_visual", f"{name}_audio"} <= cells.keys()
        },
        standing=not_ranked(SUSPENDED),
        alternatives=alternatives_of(cells),
        submission=None,
        digest=None,
        submitter=None,
        contact=None,
        source=PUBLICATION,
        footnotes=tuple(
            sorted(footnotes.number(text) for text in _contradictions(paper, model.name))
        ),
    )


def _columns(paper: Paper) -> list[Column]:
    """Every number that some source prints, once."""
    return list(dict.fromkeys(column for source in paper.sources for column in source.columns))


def _cell(paper: Paper, model: str, column: Column, footnotes: Footnotes) -> Cell | None:
    """The number of the first source that is not in doubt; None where there is no such source."""
    for source in paper.sources:
        value = source.value(model, column)
        if value is None or source.doubt(model, column.task):
            continue
        return Cell(
            metric=column.metric,
            number=Number(value=round(value / 100, 6)),
            decimals=source.decimals,
            source=source.source,
            footnotes=tuple(
                footnotes.number(text) for text in _elsewhere(paper, source, model, column)
            ),
        )
    return None


def _elsewhere(paper: Paper, source: Source, model: str, column: Column) -> Iterator[str]:
    """What other places print for the same number, and why it is not taken."""
    for printed, places in other_numbers(paper, source, model, column).items():
        where = "; ".join(places)
        doubts = [_suspicion(paper, place, model, column.task) for place in places]
        if any(general for _, general in doubts):
            yield f"The column {column.task} of {where} {doubts[0][0]}; it is not shown."
            continue
        number = printed.removesuffix("?")
        why = f"; {doubts[0][0]}" if doubts[0][0] else ""
        yield f"{model}, {column.task}: {number} ({where}{why}). Shown: {source.place}."


def _suspicion(paper: Paper, place: str, model: str, task: str) -> tuple[str, bool]:
    """Why a number there is in doubt ("" where it is not), and whether every model's is."""
    for source in paper.sources:
        if source.place != place:
            continue
        for suspect in source.suspect:
            if suspect.task == task and suspect.model in (None, model):
                return suspect.why, suspect.model is None
    return "", False


def _contradictions(paper: Paper, model: str) -> Iterator[str]:
    """What the sources of a row say against each other, less what names other models only."""
    exhibits = {
        name
        for source in paper.sources
        if any(row.model == model for row in source.rows)
        for name in source.exhibits
    }
    for contradiction in paper.contradictions:
        named = [other.name for other in paper.models if _names(contradiction.what, other.name)]
        if exhibits & set(contradiction.exhibits) and (not named or model in named):
            yield contradiction.what


def _names(text: str, model: str) -> bool:
    """Whether a text speaks of a model; sizes and `+Ours` may be left out."""
    short = re.sub(r"(\+Ours|-\d+B|-Instruct)+$", "", model)
    return re.search(rf"(?<![\w-]){re.escape(short)}(?![\w-]*[\w])", text) is not None


def _facts(model: PrintedModel, cards: CardCatalogue) -> ModelFacts:
    if model.card is None:
        return ModelFacts(name=model.name, title=model.name)
    return facts_of(
        cards.get(model.card),
        title=model.name,
        adapter="the authors' tuning" if model.tuned else None,
        card_file=f"model_cards/{model.card}.yaml",
    )
