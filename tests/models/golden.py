"""Cards for the small checkpoints among the reference material."""

from __future__ import annotations

from pathlib import Path

from mma_eval.models.card import ModelCard


def golden_card(weights: Path, backend: str, context_length: int | None = None) -> ModelCard:
    return ModelCard(
        name=f"golden-{backend}",
        backend=backend,
        family=backend,
        summary="Random weights in the published layout",
        license="CC0-1.0",
        weights=str(weights),
        context_length=context_length,
    )
