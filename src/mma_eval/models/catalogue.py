"""Finding model cards, and making the model that `--model` names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import ValidationError

from mma_eval.errors import CardError, UnknownNameError, UsageError, suggestion
from mma_eval.models.base import Model
from mma_eval.models.card import ModelCard, Scalar
from mma_eval.paths import data_folder
from mma_eval.registry import MODELS
from mma_eval.yaml_file import read_yaml, validate


def read_card(path: Path) -> ModelCard:
    """One model card; raises CardError with the line and the nearest key."""
    card = validate(ModelCard, read_yaml(path, CardError), CardError)
    return card.model_copy(update={"path": path})


def checked_card(path: Path) -> ModelCard:
    """One model card whose backend is known here and takes its arguments; raises CardError."""
    file, card = read_yaml(path, CardError), read_card(path)
    if card.backend not in MODELS:
        nearest = suggestion(card.backend, MODELS.names())
        message = f"unknown model backend '{card.backend}'{nearest}"
        raise CardError(path, message, line=file.line(("backend",)))
    taken = MODELS.get(card.backend).Arguments.model_fields
    for name in card.arguments:
        if name not in taken:
            message = f"'{card.backend}' takes no argument '{name}'{suggestion(name, taken)}"
            raise CardError(path, message, line=file.line(("arguments", name)))
    return card


class CardCatalogue:
    """Every card of the packaged folder and of the user's own folders."""

    def __init__(self, include: Iterable[Path] = ()) -> None:
        self._cards: dict[str, ModelCard] = {}
        for folder in (data_folder("model_cards"), *include):
            for path in sorted(folder.rglob("*.yaml")):
                if folder == data_folder("model_cards") or read_yaml(path, CardError).is_card:
                    card = read_card(path)
                    self._cards[card.name] = card

    def names(self) -> list[str]:
        return sorted(self._cards)

    def get(self, name: str) -> ModelCard:
        """The card called `name`, the card file at that path, or a bare card for a backend."""
        if name in self._cards:
            return self._cards[name]
        if name.endswith((".yaml", ".yml")):
            if not Path(name).is_file():
                raise UsageError(f"{name}: there is no such model card")
            return read_card(Path(name))
        if name in MODELS:
            return ModelCard(
                name=name,
                backend=name,
                family=name,
                summary="A registered backend without a model card",
                license="unknown",
            )
        raise UnknownNameError("model", name, [*self._cards, *MODELS.names()])


def create_model(card: ModelCard, arguments: Mapping[str, object] | None = None) -> Model:
    """The backend that a card means, without its weights.

    `arguments` override the card's own. Raises UsageError for an argument that the backend does
    not take, with the nearest one.
    """
    backend = MODELS.get(card.backend)
    if not (isinstance(backend, type) and issubclass(backend, Model)):
        raise UsageError(f"the model backend '{card.backend}' is not a subclass of mma_eval.Model")
    schema = backend.Arguments
    merged = {**card.arguments, **(arguments or {})}
    for name in merged:
        if name not in schema.model_fields:
            raise UsageError(
                f"--model-args: '{card.name}' takes no argument '{name}'"
                f"{suggestion(name, schema.model_fields)}"
            )
    try:
        return backend(card, schema.model_validate(merged))
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in fault["loc"])
        message = str(fault["msg"]).removeprefix("Value error, ")
        raise UsageError(f"--model-args: {name}={merged.get(name)!r}: {message}") from error


def parse_arguments(text: str) -> dict[str, Scalar | list[Scalar]]:
    """`key=value,key=[a,b]` as a mapping, values read as YAML scalars."""
    import yaml

    result: dict[str, Scalar | list[Scalar]] = {}
    for part in _split_outside_brackets(text):
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"'{part}' is not key=value; separate several by commas")
        try:
            result[key.strip()] = yaml.safe_load(value) if value.strip() else ""
        except yaml.YAMLError as error:
            raise UsageError(f"'{part}': the value cannot be read") from error
    return result


def _split_outside_brackets(text: str) -> list[str]:
    parts, depth, current = [], 0, ""
    for character in text:
        depth += (character == "[") - (character == "]")
        if character == "," and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += character
    return [part for part in (*parts, current) if part.strip()]
