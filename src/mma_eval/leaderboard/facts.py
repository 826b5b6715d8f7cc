"""What a model card tells a reader of the leaderboard."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mma_eval.leaderboard.board import ModelFacts
from mma_eval.models.card import ModelCard

SPECIMEN = "tiny-omni"
"""Its numbers show what the tool measures and are no evidence about any other model."""

_DOWNLOADABLE = re.compile(r"package:[\w.-]+|[\w.-]+/[\w.-]+")


def facts_of(
    card: ModelCard,
    *,
    title: str | None = None,
    adapter: str | None = None,
    adapter_facts: Mapping[str, str] | None = None,
    card_file: str | None = None,
) -> ModelFacts:
    """A card in the words of the board; links that no browser should follow are left out."""
    return ModelFacts(
        name=card.name,
        title=title or (f"{card.name} + {adapter}" if adapter else card.name),
        summary=card.summary,
        family=card.family,
        backend=card.backend,
        parameters=card.parameters,
        license=card.license,
        open=is_open(card),
        weights=card.weights,
        revision=card.revision,
        released=None if card.released is None else card.released.isoformat(),
        inputs=card.inputs,
        exposure=card.exposure,
        links={what: link for what, link in sorted(card.links.items()) if web_address(link)},
        card=card_file,
        adapter=adapter,
        adapter_facts=dict(adapter_facts or {}),
    )


def is_open(card: ModelCard) -> bool | None:
    """Whether the weights can be downloaded, as far as the card says; None where it does not."""
    if card.license.casefold().startswith("proprietary"):
        return False
    if card.weights is None:
        return None
    return True if _DOWNLOADABLE.fullmatch(card.weights) else None


def is_specimen(card: ModelCard) -> bool:
    """Whether a row is shown apart: whatever runs on the specimen's name or its weights."""
    return SPECIMEN in (card.name, (card.weights or "").removeprefix("package:"))


def web_address(text: str | None) -> str | None:
    """The text where it is a plain http or https address, else None."""
    if text is None or not re.fullmatch(r"https?://[^\s<>\"'`\\]+", text, re.ASCII):
        return None
    return text
