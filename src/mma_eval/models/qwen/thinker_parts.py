"""Where a thinker of transformers keeps its parts: the layout changed with release 5.21."""

from __future__ import annotations

from typing import Any


def language_model(thinker: Any) -> Any:
    """The text model without its head; before 5.21 `thinker.model` was that itself."""
    return getattr(thinker.model, "language_model", thinker.model)


def towers(thinker: Any) -> tuple[Any, Any]:
    """The vision tower and the audio tower."""
    owner = thinker.model if hasattr(thinker.model, "visual") else thinker
    return owner.visual, owner.audio_tower
