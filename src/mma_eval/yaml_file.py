"""YAML files that the user writes: safe-loaded, with the line of every key for errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from mma_eval.errors import FileError, suggestion

B = TypeVar("B", bound=BaseModel)
Location = tuple[str | int, ...]


LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where PyYAML was built with it: eight times as fast."""
DEEPEST = 50
"""Mappings and lists within each other; libyaml's composer would overrun its stack."""


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
    lines: dict[Location, int] = {}
    loader = LOADER(text)
    try:
        _check_depth(text, path, error)
        root = loader.get_single_node()
        if not isinstance(root, yaml.MappingNode):
            raise error(path, "must be a mapping of keys to values", line=1)
        _Lines(path, error, lines).collect(root, ())
        data = loader.construct_document(root)
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        line = mark.line + 1 if mark else None
        raise error(path, f"is not valid YAML: {problem.problem}", line=line) from problem
    except yaml.YAMLError as problem:
        raise error(path, f"is not valid YAML: {' '.join(str(problem).split())}") from problem
    finally:
        loader.dispose()
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


def _check_depth(text: str, path: Path, error: type[FileError]) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            raise error(path, f"is nested more than {DEEPEST} deep")


@dataclass(frozen=True)
class _Lines:
    """Notes the line of every part of a document; refuses a key that is given twice."""

    path: Path
    error: type[FileError]
    lines: dict[Location, int]
    visited: set[int] = field(default_factory=set)
    """Nodes by identity: aliases may lead in circles, or to one node a billion times."""

    def collect(self, node: yaml.Node, location: Location) -> None:
        self.lines.setdefault(location, node.start_mark.line + 1)
        if id(node) in self.visited:
            return
        self.visited.add(id(node))
        if isinstance(node, yaml.MappingNode):
            self._collect_keys(node, location)
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self.collect(item, (*location, index))

    def _collect_keys(self, node: yaml.MappingNode, location: Location) -> None:
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            line = key.start_mark.line + 1
            if name in seen:
                raise self.error(self.path, f"the key '{name}' is given twice", line=line)
            seen.add(name)
            self.lines[(*location, name)] = line
            self.collect(value, (*location, name))


def _reason(problem: Exception) -> str:
    return problem.strerror or "?" if isinstance(problem, OSError) else "not UTF-8 text"
