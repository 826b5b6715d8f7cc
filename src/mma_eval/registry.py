"""Names to lazily imported things, extended by decorators and by installed packages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from mma_eval.errors import PrerequisiteError, UnknownNameError, UsageError

T = TypeVar("T")


class Registry(Generic[T]):
    """Names of one kind of thing; a value is the thing, or `module:attribute` until asked for.

    Strings keep imports pointing down the floors and heavy libraries unloaded.
    """

    def __init__(self, kind: str, builtin: dict[str, str], *, group: str | None = None) -> None:
        self.kind = kind
        self._group = group
        self._entries: dict[str, T | str] = dict(builtin)

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator that adds a thing under `name`; a taken name is an error."""

        def add(thing: T) -> T:
            taken = self._entries.get(name)
            if taken is not None and _address(taken) != _address(thing):
                raise UsageError(f"the {self.kind} name '{name}' is taken by {_address(taken)}")
            self._entries[name] = thing
            return thing

        return add

    def get(self, name: str) -> T:
        """The thing called `name`, imported now.

        Raises UnknownNameError with the nearest name, PrerequisiteError if its module does not
        import.
        """
        entry = self._entries.get(name)
        if entry is None:
            point = self._installed().get(name)
            if point is None:
                raise UnknownNameError(self.kind, name, self.names())
            entry = _load(f"{point.module}:{point.attr}", self.kind, name)
        elif isinstance(entry, str):
            entry = _load(entry, self.kind, name)
        self._entries[name] = entry
        return entry

    def names(self) -> list[str]:
        return sorted({*self._entries, *self._installed()})

    def __contains__(self, name: str) -> bool:
        return name in self._entries or name in self._installed()

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def _installed(self) -> dict[str, EntryPoint]:
        if self._group is None:
            return {}
        return {point.name: point for point in entry_points(group=self._group)}


def _load(address: str, kind: str, name: str) -> Any:
    module, _, attribute = address.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except ImportError as error:
        raise PrerequisiteError(f"the {kind} '{name}' needs a package: {error}") from error
    except AttributeError as error:
        raise UsageError(f"the {kind} '{name}' points to {address}, which is not there") from error


def _address(thing: object) -> str:
    if isinstance(thing, str):
        return thing
    return f"{getattr(thing, '__module__', '?')}:{getattr(thing, '__qualname__', thing)}"


MODELS: Registry[Any] = Registry(
    "model backend",
    {
        "chatbridge": "mma_eval.models.chatbridge.backend:ChatBridge",
        "gemini": "mma_eval.models.gemini.backend:Gemini",
        "mock": "mma_eval.models.mock:Mock",
        "openai": "mma_eval.models.openai.backend:OpenAICompatible",
        "pandagpt": "mma_eval.models.pandagpt.backend:PandaGPT",
        "planted": "mma_eval.models.planted:Planted",
        "qwen_omni": "mma_eval.models.qwen.backend:QwenOmni",
        "videollama2": "mma_eval.models.videollama2.backend:VideoLlama2Model",
    },
    group="mma_eval.models",
)
"""Model backends; a card names the one it means."""

PERTURBATIONS: Registry[Any] = Registry(
    "perturbation",
    {
        "swap_audio": "mma_eval.perturb.audio:SwapAudio",
        "remove_audio": "mma_eval.perturb.audio:RemoveAudio",
        "strip_audio": "mma_eval.perturb.audio:StripAudio",
        "zero_frames": "mma_eval.perturb.video:ZeroFrames",
        "strip_video": "mma_eval.perturb.video:StripVideo",
        "caption": "mma_eval.perturb.text:Caption",
        "long_context": "mma_eval.perturb.text:LongContext",
        "shuffle_options": "mma_eval.perturb.text:ShuffleOptions",
    },
    group="mma_eval.perturbations",
)

DATASETS: Registry[Any] = Registry(
    "dataset",
    {
        "demo": "mma_eval.task.dataset:demo",
        "mma_bench": "mma_eval.task.dataset:mma_bench",
    },
    group="mma_eval.datasets",
)
"""Functions from parameters and a progress callback to the manifest of a named dataset."""
