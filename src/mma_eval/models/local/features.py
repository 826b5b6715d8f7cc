"""A bounded memory of encoded streams, so that no stream is encoded twice while it is in use."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from mma_eval.media.bounded import BoundedMemory, Sized

S = TypeVar("S", bound=Sized)


class FeatureCache(BoundedMemory):
    """Features by stream, used by the one thread that asks the model."""

    def get(self, key: tuple[str, ...], make: Callable[[], S]) -> S:
        """What is kept under `key`, made and kept now if need be."""
        kept = self.find(key)
        if kept is not None:
            return cast("S", kept)
        made = make()
        self.keep(key, made)
        return made
