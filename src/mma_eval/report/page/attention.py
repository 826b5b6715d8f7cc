"""Diagnoses of attention as the page shows them."""

from __future__ import annotations

from base64 import b64encode

from mma_eval.diagnose.effects_file import Effects
from mma_eval.errors import PrerequisiteError
from mma_eval.report.attention_figures import words
from mma_eval.report.attention_figures.folder import AttentionFolder, pictures_of
from mma_eval.report.attention_figures.picture import Picture, check_matplotlib
from mma_eval.report.page.view import AttentionFigure, AttentionView, Fact

FOLDED = "heads_"
"""Figures of heads are many, and noisy."""


def attention_view(found: AttentionFolder) -> AttentionView:
    """Figures inline where matplotlib is there, numbers in any case."""
    missing = None
    try:
        check_matplotlib()
    except PrerequisiteError as error:
        missing = str(error)
    pictures = pictures_of(found)
    run = found.effects.measured
    return AttentionView(
        name=run.origin.name,
        facts=_facts(run, found.effects.before),
        figures=tuple(_figure(p, missing) for p in pictures if not p.name.startswith(FOLDED)),
        more=tuple(_figure(p, missing) for p in pictures if p.name.startswith(FOLDED)),
        missing=missing,
    )


def _figure(picture: Picture, missing: str | None) -> AttentionFigure:
    source = None
    if missing is None:
        source = "data:image/svg+xml;base64," + b64encode(picture.svg).decode()
    return AttentionFigure(picture.caption, picture.alt, source, picture.numbers)


def _facts(run: Effects, before: Effects | None) -> tuple[Fact, ...]:
    facts = [
        Fact("Data", f"{run.origin.dataset}, {', '.join(run.conditions)}"),
        Fact("Attention of", words.QUERIES[run.query]),
        Fact("Text receives", f"{100 * run.text_share:.1f} % of all attention"),
    ]
    if before is not None:
        facts.append(
            Fact("Before", f"{before.origin.name}: {100 * before.text_share:.1f} % to text")
        )
    facts += [
        Fact(
            f"Mean |d| {one.statistic}, {one.stream}, {one.condition}",
            f"{words.with_interval(one.value, one.low, one.high)}; by chance "
            f"{words.number(one.chance)}",
        )
        for one in run.magnitudes
        if (one.statistic, one.stream) != ("by mass", "audio")
    ]
    return tuple(facts)
