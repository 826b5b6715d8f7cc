"""Finding task files and turning `--tasks` into resolved tasks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path
from typing import Literal

from mma_eval.errors import TaskFileError, UnknownNameError, UsageError
from mma_eval.paths import data_folder
from mma_eval.perturb.base import Part, Perturbation
from mma_eval.perturb.parse import check_chain
from mma_eval.task.prompt import (
    PROMPT_VARIABLES,
    TARGET_VARIABLES,
    InlineTemplate,
    PromptTemplate,
)
from mma_eval.task.spec import AnswerForm, Override, TaskSpec
from mma_eval.yaml_file import YamlFile, read_yaml, validate

NEEDED_VARIABLE: dict[Part, tuple[str, ...]] = {
    "caption": ("caption",),
    "filler": ("filler_before", "filler_after"),
    "options": ("options",),
}
"""What a prompt has to use for a text perturbation to reach the model."""


CONDITION_METRICS = ("leak", "both_right")
"""A further condition may make a question ill-posed, or a clip a conflict."""


@dataclass(frozen=True)
class Task:
    """One question under one condition, ready to be asked of a dataset."""

    name: str
    """`<task>_<ask>`, with `@variant`, `.control` and `+perturbation` where they apply."""
    spec: TaskSpec
    ask: Literal["visual", "audio", "row"]
    prompt: PromptTemplate
    target: InlineTemplate
    before_media: InlineTemplate
    perturbations: tuple[Perturbation, ...]
    path: Path
    control_of: str | None = None

    @property
    def answer(self) -> AnswerForm:
        return self.spec.answer

    @property
    def swaps(self) -> bool:
        return any(step.name == "swap_audio" for step in self.perturbations)

    @property
    def content_hash(self) -> str:
        """Hash of everything that decides what is asked and how it is read."""
        aside = {"variants", "controls", "order", "tags"}
        parts = [self.name, self.spec.model_dump_json(exclude=aside)]
        parts += [step.name + step.model_dump_json() for step in self.perturbations]
        parts += [f"{name}\n{text}" for name, text in sorted(self.prompt.sources.items())]
        return sha256("\x1e".join(parts).encode()).hexdigest()[:16]

    def with_perturbations(self, extra: Sequence[Perturbation]) -> Task:
        """This task under further conditions, named `task+perturbation`.

        Raises UsageError for a perturbation that is there already, touches a removed stream, or
        cannot reach the model because the prompt does not use it.
        """
        if not extra:
            return self
        chain = (*self.perturbations, *extra)
        try:
            check_chain(chain)
        except UsageError as error:
            raise UsageError(f"{self.name}: {error}") from error
        _check_reach(chain, self.prompt, self.path, None)
        name = "+".join((self.name, *(step.name for step in extra)))
        metrics = tuple(dict.fromkeys((*self.spec.metrics, *CONDITION_METRICS)))
        return Task(
            name,
            self.spec.model_copy(update={"metrics": metrics}),
            self.ask,
            self.prompt,
            self.target,
            self.before_media,
            chain,
            self.path,
            None
            if self.control_of is None
            else "+".join((self.control_of, *(step.name for step in extra))),
        )


class TaskCatalogue:
    """Every task of the packaged folder and of the user's own folders."""

    def __init__(self, include: Iterable[Path] = ()) -> None:
        self._tasks: dict[str, Task] = {}
        for path in sorted(data_folder("tasks").rglob("*.yaml")):
            self._add(path)
        for folder in include:
            if not folder.is_dir():
                raise UsageError(f"--include-path {folder}: is not a folder")
            for path in sorted(folder.rglob("*.yaml")):
                file = read_yaml(path, TaskFileError)
                if not (file.is_card or file.is_recipe):
                    self._add(path)
        self._tasks = dict(
            sorted(self._tasks.items(), key=lambda item: (item[1].spec.order, item[1].spec.task))
        )

    def _add(self, path: Path) -> None:
        for task in read_tasks(path):
            if task.name in self._tasks:
                other = self._tasks[task.name].path
                raise TaskFileError(path, f"the task '{task.name}' is already defined in {other}")
            self._tasks[task.name] = task

    def names(self) -> list[str]:
        """Tasks by name, without variants and controls."""
        return [name for name, task in self._tasks.items() if _is_plain(task)]

    def tags(self) -> list[str]:
        return sorted({tag for task in self._tasks.values() for tag in task.spec.tags})

    def get(self, name: str) -> Task:
        """A task by its exact name, variants and controls included."""
        if name not in self._tasks:
            raise UnknownNameError("task", name, [*self._tasks, *self.tags()])
        return self._tasks[name]

    def select(self, selection: str | Iterable[str]) -> list[Task]:
        """Tasks for names, tags and globs, mixed and comma-separated, each with its controls.

        A task name without its modality (`misalign`) means both questions; a word after `-` leaves
        its tasks out (`mma_bench,-cot_*`). Raises UnknownNameError with the nearest name.
        """
        words = selection.split(",") if isinstance(selection, str) else list(selection)
        chosen: set[str] = set()
        left_out: set[str] = set()
        for word in (word.strip() for word in words):
            if not word.removeprefix("-"):
                raise UsageError("--tasks has an empty name; separate names by single commas")
            names = left_out if word.startswith("-") else chosen
            for task in self._matching(word.removeprefix("-")):
                names |= {task.name, *(control.name for control in self._controls(task))}
        if not chosen - left_out:
            raise UsageError("--tasks leaves no task to run")
        return [task for name, task in self._tasks.items() if name in chosen - left_out]

    def _matching(self, word: str) -> list[Task]:
        if word in self._tasks:
            return [self._tasks[word]]
        plain = [task for task in self._tasks.values() if _is_plain(task)]
        base, _, variant = word.partition("@")
        if variant:
            matches = [
                task
                for task in self._tasks.values()
                if task.control_of is None
                and fnmatchcase(task.name.partition("@")[2], variant)
                and (
                    fnmatchcase(task.name.partition("@")[0], base)
                    or task.spec.task == base
                    or base in task.spec.tags
                )
            ]
        else:
            matches = [
                task for task in plain if word in task.spec.tags or task.spec.task == word
            ] or [task for task in plain if fnmatchcase(task.name, word)]
        if not matches:
            raise UnknownNameError("task", word, [*self._tasks, *self.tags()])
        return matches

    def _controls(self, task: Task) -> list[Task]:
        return [other for other in self._tasks.values() if other.control_of == task.name]


def _is_plain(task: Task) -> bool:
    return task.control_of is None and "@" not in task.name


def read_tasks(path: Path) -> list[Task]:
    """Every task that a file defines: one per modality, variant and control.

    Raises TaskFileError with the line and the nearest valid name.
    """
    file = read_yaml(path, TaskFileError)
    spec = validate(TaskSpec, file, TaskFileError)
    tasks = _expand(spec, spec, file, suffix="")
    for name, change in spec.variants.items():
        tasks += _expand(_override(spec, change, file, ("variants", name)), spec, file, f"@{name}")
    for name, change in spec.controls.items():
        changed = _override(spec, change, file, ("controls", name))
        tasks += _expand(changed, spec, file, f".{name}")
    return tasks


def _override(
    spec: TaskSpec, change: Override, file: YamlFile, location: tuple[str, ...]
) -> TaskSpec:
    changed = spec.overridden(change)
    try:
        check_chain(changed.perturb)
    except UsageError as error:
        raise TaskFileError(file.path, str(error), line=file.line(location)) from error
    return changed


def _expand(spec: TaskSpec, base: TaskSpec, file: YamlFile, suffix: str) -> list[Task]:
    prompt = _prompt(spec, file)
    chain = _chain(spec)
    _check_reach(chain, prompt, file.path, file.line(("perturb",)))
    target = InlineTemplate(spec.target, TARGET_VARIABLES, file.path, file.line(("target",)))
    before = InlineTemplate(
        spec.before_media, PROMPT_VARIABLES, file.path, file.line(("before_media",))
    )
    asks: tuple[Literal["visual", "audio", "row"], ...] = (
        ("row",) if spec.ask == "row" else spec.ask
    )
    tasks = []
    for ask in asks:
        name = base.task if ask == "row" else f"{base.task}_{ask}"
        tasks.append(
            Task(
                name + suffix,
                spec,
                ask,
                prompt,
                target,
                before,
                chain,
                file.path,
                control_of=name if suffix.startswith(".") else None,
            )
        )
    return tasks


def _prompt(spec: TaskSpec, file: YamlFile) -> PromptTemplate:
    try:
        return PromptTemplate(spec.prompt, file.path.parent)
    except TaskFileError as error:
        if error.line is None and error.path == file.path.parent / spec.prompt:
            raise TaskFileError(
                file.path, f"prompt '{spec.prompt}': {error.problem}", line=file.line(("prompt",))
            ) from error
        raise


def _chain(spec: TaskSpec) -> tuple[Perturbation, ...]:
    if spec.options_order == "listed" or any(
        step.name == "shuffle_options" for step in spec.perturb
    ):
        return spec.perturb
    from mma_eval.perturb.text import ShuffleOptions

    return (*spec.perturb, ShuffleOptions())


def _check_reach(
    chain: Sequence[Perturbation], prompt: PromptTemplate, path: Path, line: int | None
) -> None:
    for step in chain:
        needed = NEEDED_VARIABLE.get(step.touches)
        if needed and not any(name in prompt.variables for name in needed):
            raise TaskFileError(
                path,
                f"the perturbation '{step.name}' cannot reach the model: the prompt "
                f"{prompt.name} does not use {' or '.join(needed)}",
                line=line,
            )
