"""From `name:key=value` on the command line, or a mapping in a task file, to perturbations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, cast

import yaml
from pydantic import ValidationError

from mma_eval.errors import UsageError, suggestion
from mma_eval.registry import PERTURBATIONS

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from mma_eval.perturb.base import Perturbation

OUTSIDE_BRACKETS = re.compile(r",(?![^\[]*\])")


def parse_perturbation(text: str) -> Perturbation:
    """`name[:key=value,key=value]`; values are YAML scalars or lists like `[a,b]`.

    Raises UsageError for anything that is not that.
    """
    name, colon, rest = text.strip().partition(":")
    if colon and not rest.strip():
        raise UsageError(f"--perturb {text}: parameters are missing after ':'")
    parameters: dict[str, object] = {}
    for key, value in _pairs(text, rest):
        if key in parameters:
            raise UsageError(f"--perturb {text}: the parameter '{key}' is given twice")
        parameters[key] = value
    return build_perturbation(name.strip(), parameters)


def build_perturbation(name: str, parameters: Mapping[str, object]) -> Perturbation:
    """The perturbation called `name` with `parameters`.

    Raises UnknownNameError for an unknown name, UsageError for an unknown parameter or a bad value.
    """
    kind = cast("type[Perturbation]", PERTURBATIONS.get(name))
    try:
        return kind.model_validate(dict(parameters))
    except ValidationError as error:
        raise UsageError(_problem(kind, error.errors()[0])) from error


def check_chain(perturbations: Sequence[Perturbation]) -> None:
    """Raises UsageError where one comes twice, or works on a stream that an earlier one removed."""
    removed: dict[str, str] = {}
    seen: set[str] = set()
    for perturbation in perturbations:
        name, part = perturbation.name, perturbation.touches
        if name in seen:
            raise UsageError(f"the perturbation '{name}' is given twice")
        if part in removed:
            raise UsageError(
                f"the perturbation '{name}' comes after '{removed[part]}', which removed the"
                f" {part} stream that it works on"
            )
        seen.add(name)
        if perturbation.removes is not None:
            removed[perturbation.removes] = name


def _pairs(text: str, rest: str) -> Iterator[tuple[str, object]]:
    for item in OUTSIDE_BRACKETS.split(rest) if rest else ():
        key, equals, value = item.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--perturb {text}: '{item.strip()}' is not of the form key=value")
        try:
            yield key.strip(), yaml.safe_load(value)
        except (yaml.YAMLError, ValueError) as error:
            raise UsageError(f"--perturb {text}: the value '{value}' cannot be read") from error


def _problem(kind: type[Perturbation], error: ErrorDetails) -> str:
    """One sentence about the first thing that is wrong with the parameters."""
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        if not kind.model_fields:
            return f"the perturbation '{kind.name}' takes no parameters, got '{key}'"
        near = suggestion(key, kind.model_fields)
        return f"the perturbation '{kind.name}' has no parameter '{key}'{near}"
    message = error["msg"][:1].lower() + error["msg"][1:]
    return f"the perturbation '{kind.name}': {key}={error['input']}: {message}"
