"""YAML files that the user writes: safe-loaded, with the line of every key for errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from mma_eval.errors import FileError, suggestion

B = TypeVar("B", bound=BaseModel)
Location = tuple[str | int, ...]


@dataclass(frozen=True)
class YamlFile:
    """A parsed mapping and the line on which each of its parts stands."""

    path: Path
    data: dict[str, Any]
    lines: Mapping[Location, int]

    @property
    def is_card(self) -> bool:
        """Whether this is a model card; in a user's folder tasks may lie beside cards."""
        return "backend" in self.data

    @property
    def is_recipe(self) -> bool:
        """Whether this is a recipe of modality-aware tuning."""
        return "recipe" in self.data

    def line(self, location: Location) -> int | None:
        """The line of `location`, or of the nearest part above it."""
        for length in range(len(location), -1, -1):
            if (line := self.lines.get(location[:length])) is not None:
                return line
        return None


def read_yaml(path: Path, error: type[FileError] = FileError) -> YamlFile:
    """Parse a YAML mapping; raises `error` with file and line for anything else."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise error(path, f"cannot be read ({_reason(problem)})") from problem
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        line = mark.line + 1 if mark else None
        raise error(path, f"is not valid YAML: {problem.problem}", line=line) from problem
    except yaml.YAMLError as problem:
        raise error(path, f"is not valid YAML: {' '.join(str(problem).split())}") from problem
    if not isinstance(data, dict) or root is None:
        raise error(path, "must be a mapping of keys to values", line=1)
    lines: dict[Location, int] = {}
    _collect_lines(root, (), lines, path, error)
    return YamlFile(path, data, lines)


def validate(model: type[B], file: YamlFile, error: type[FileError] = FileError) -> B:
    """Check a file's mapping against a pydantic model; raises `error` for its first fault."""
    try:
        return model.model_validate(file.data)
    except ValidationError as problem:
        # A key that is misspelt is also missing; its own name says more.
        faults = problem.errors(include_url=False)
        first = min(faults, key=lambda fault: fault["type"] == "missing")
        location = tuple(first["loc"])
        raise error(
            file.path, describe_fault(model, location, first), line=file.line(location)
        ) from problem


def describe_fault(model: type[BaseModel], location: Location, fault: Any) -> str:
    """One sentence for one pydantic error, with the nearest key where the key is unknown."""
    name = ".".join(str(part) for part in location)
    if fault["type"] == "extra_forbidden":
        known = _fields_at(model, location[:-1])
        return f"unknown key '{location[-1]}'{suggestion(str(location[-1]), known)}"
    if fault["type"] == "missing":
        return f"the key '{name}' is missing"
    message = str(fault["msg"]).removeprefix("Value error, ")
    return f"'{name}': {message}" if name else message


def _fields_at(model: type[BaseModel], location: Location) -> list[str]:
    current: type[BaseModel] | None = model
    for part in location:
        if current is None or not isinstance(part, str):
            continue
        field = current.model_fields.get(part)
        current = _nested_model(field.annotation) if field else current
    return list((current or model).model_fields)


def _nested_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if (found := _nested_model(argument)) is not None:
            return found
    return None


def _collect_lines(
    node: yaml.Node,
    location: Location,
    lines: dict[Location, int],
    path: Path,
    error: type[FileError],
) -> None:
    lines.setdefault(location, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            line = key.start_mark.line + 1
            if name in seen:
                raise error(path, f"the key '{name}' is given twice", line=line)
            seen.add(name)
            lines[(*location, name)] = line
            _collect_lines(value, (*location, name), lines, path, error)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _collect_lines(item, (*location, index), lines, path, error)


def _reason(problem: Exception) -> str:
    return problem.strerror or "?" if isinstance(problem, OSError) else "not UTF-8 text"
