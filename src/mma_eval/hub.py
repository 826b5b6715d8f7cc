"""Whether the Hugging Face Hub can be reached, asked once and quickly."""

from __future__ import annotations

REACH_SECONDS = 10.0


def reach() -> None:
    """Raise OSError at once where the hub cannot be reached; its clients try for half a minute."""
    from huggingface_hub import constants
    from huggingface_hub.utils import get_session  # type: ignore[attr-defined]

    if is_offline():
        raise OSError("HF_HUB_OFFLINE is set")
    try:
        get_session().head(constants.ENDPOINT, timeout=REACH_SECONDS)
    except Exception as error:
        raise OSError(f"no answer from {constants.ENDPOINT}: {error}") from error


def is_offline() -> bool:
    """Whether HF_HUB_OFFLINE keeps the hub's clients from trying."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)
