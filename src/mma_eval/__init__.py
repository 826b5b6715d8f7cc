"""How audio-visual language models behave when sight, sound and text disagree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mma_eval.eval.evaluate import evaluate as evaluate
    from mma_eval.models.base import Model as Model
    from mma_eval.models.base import OneByOne as OneByOne
    from mma_eval.models.base import register_model as register_model

__version__ = "0.1.0"

_PUBLIC = {
    "evaluate": "mma_eval.eval.evaluate",
    "Model": "mma_eval.models.base",
    "OneByOne": "mma_eval.models.base",
    "register_model": "mma_eval.models.base",
}


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        from importlib import import_module

        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'mma_eval' has no attribute '{name}'")
