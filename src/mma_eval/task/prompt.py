"""Prompts: Jinja templates in a sandbox, where an unknown variable is an error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from mma_eval.errors import TaskFileError, suggestion
from mma_eval.types import Sample

PROMPT_VARIABLES = ("ask", "options", "caption", "filler_before", "filler_after", "question")
TARGET_VARIABLES = ("ask", "labels", "caption", "answer")


class PromptTemplate:
    """One template and the templates it extends or includes, checked when it is made.

    Raises TaskFileError with file and line for bad syntax, a missing template or a variable that
    does not exist.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.path = folder / name
        self._environment = ImmutableSandboxedEnvironment(
            loader=jinja2.FileSystemLoader(folder),
            undefined=jinja2.StrictUndefined,
            autoescape=False,
            keep_trailing_newline=False,
        )
        self._check()

    @cached_property
    def sources(self) -> dict[str, str]:
        """Every template that takes part, by name."""
        found: dict[str, str] = {}
        waiting = [self.name]
        while waiting:
            name = waiting.pop()
            if name in found:
                continue
            found[name] = self._source(name)
            waiting += self._used(name, found[name]).templates
        return found

    @cached_property
    def variables(self) -> frozenset[str]:
        """The variables that this prompt uses."""
        return frozenset().union(
            *(self._used(name, source).variables for name, source in self.sources.items())
        )

    def render(self, sample: Sample) -> str:
        """The prompt of a sample; raises TaskFileError where the template fails."""
        return self._render(prompt_context(sample))

    def render_shown(self, sample: Sample) -> str:
        """The prompt as it is logged: filler text replaced by its length."""
        context = prompt_context(sample)
        if sample.filler is not None:
            key = f"filler_{sample.filler.place}"
            context[key] = f"<{sample.filler.recipe}>"
        return self._render(context)

    def _render(self, context: Mapping[str, Any]) -> str:
        try:
            return self._environment.get_template(self.name).render(context).strip()
        except jinja2.TemplateError as error:
            raise TaskFileError(self.path, f"cannot be rendered: {error}") from error

    def _check(self) -> None:
        for name, source in self.sources.items():
            for variable in sorted(self._used(name, source).variables):
                if variable not in PROMPT_VARIABLES:
                    raise TaskFileError(
                        self.path.parent / name,
                        f"undefined template variable '{variable}'"
                        f"{suggestion(variable, PROMPT_VARIABLES)}",
                        line=_line_of(source, variable),
                    )

    def _source(self, name: str) -> str:
        assert self._environment.loader is not None
        try:
            return self._environment.loader.get_source(self._environment, name)[0]
        except jinja2.TemplateNotFound as error:
            near = [path.name for path in self.path.parent.glob("*.jinja")]
            raise TaskFileError(
                self.path.parent / name, f"template not found{suggestion(name, near)}"
            ) from error
        except (OSError, UnicodeDecodeError) as error:
            raise TaskFileError(self.path.parent / name, f"cannot be read ({error})") from error

    def _used(self, name: str, source: str) -> _Used:
        try:
            return _used(source)
        except jinja2.TemplateSyntaxError as error:
            raise TaskFileError(
                self.path.parent / name, f"template syntax: {error.message}", line=error.lineno
            ) from error


class InlineTemplate:
    """A short template inside a task file: a target, or text before the media."""

    def __init__(self, source: str, allowed: tuple[str, ...], path: Path, line: int | None) -> None:
        self._path, self._line = path, line
        try:
            variables = _used(source).variables
            self._template = _compiled(source)
        except jinja2.TemplateSyntaxError as error:
            raise TaskFileError(path, f"template syntax: {error.message}", line=line) from error
        for variable in sorted(variables):
            if variable not in allowed:
                raise TaskFileError(
                    path,
                    f"undefined template variable '{variable}'{suggestion(variable, allowed)}",
                    line=line,
                )

    def render(self, context: Mapping[str, Any]) -> str:
        try:
            return self._template.render(context).strip()
        except jinja2.TemplateError as error:
            raise TaskFileError(
                self._path, f"cannot be rendered: {error}", line=self._line
            ) from error


@dataclass(frozen=True)
class _Used:
    """What a template takes from outside."""

    variables: frozenset[str]
    templates: tuple[str, ...]


# Dozens of tasks share a handful of templates, and reading one is most of the work of a start.
@lru_cache(maxsize=256)
def _used(source: str) -> _Used:
    tree = ImmutableSandboxedEnvironment().parse(source)
    return _Used(
        frozenset(meta.find_undeclared_variables(tree)),
        tuple(name for name in meta.find_referenced_templates(tree) if name),
    )


@lru_cache(maxsize=256)
def _compiled(source: str) -> jinja2.Template:
    return ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined).from_string(source)


def prompt_context(sample: Sample) -> dict[str, Any]:
    """What a prompt may use of a sample; never its labels."""
    filler = sample.filler
    return {
        "ask": sample.ask,
        "options": sample.options,
        "caption": sample.caption or "",
        "question": sample.question or "",
        "filler_before": filler.text if filler and filler.place == "before" else "",
        "filler_after": filler.text if filler and filler.place == "after" else "",
    }


def target_context(sample: Sample) -> dict[str, Any]:
    """What a target may use of a sample."""
    return {
        "ask": sample.ask,
        "labels": {"visual": sample.labels.visual, "audio": sample.labels.audio},
        "caption": sample.caption,
        "answer": sample.answer,
    }


def _line_of(source: str, variable: str) -> int | None:
    for number, line in enumerate(source.splitlines(), start=1):
        if re.search(rf"\b{re.escape(variable)}\b", line):
            return number
    return None
