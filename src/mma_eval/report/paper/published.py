"""What the paper and its supplement print: every table and figure, and their numbers."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mma_eval.errors import UnknownNameError, UsageError
from mma_eval.paths import data_folder
from mma_eval.yaml_file import read_yaml, validate

Metric = Literal["accuracy", "leak", "abstention"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Column(_Part):
    """One number of one task."""

    task: str
    metric: Metric = "accuracy"


class PrintedModel(_Part):
    """A model as the paper names it; `card` where mma-eval has one."""

    name: str
    card: str | None = None
    tuned: bool = False
    """Whether it is the base model after the authors' tuning."""


class Row(_Part):
    """Percentages of one model, one a column; None where nothing is printed."""

    model: str
    values: tuple[float | None, ...]


class Suspect(_Part):
    """A printed number that another source contradicts; for every model where none is named."""

    task: str
    why: str
    model: str | None = None


class Source(_Part):
    """Numbers printed in one place, in its order."""

    source: str
    exhibits: tuple[str, ...] = ()
    """The tables or figures that this is."""
    decimals: int = Field(ge=0, le=2)
    note: str | None = None
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    suspect: tuple[Suspect, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> Source:
        models = {row.model for row in self.rows}
        tasks = {column.task for column in self.columns}
        for row in self.rows:
            if len(row.values) != len(self.columns):
                raise ValueError(f"{row.model} needs {len(self.columns)} values, one a column")
        for suspect in self.suspect:
            if suspect.task not in tasks or (suspect.model or self.rows[0].model) not in models:
                raise ValueError(f"the suspect {suspect.task} is not in this table")
        return self

    @property
    def place(self) -> str:
        """The source in short: `Table 3`, `supplement, Table 5`, `Figure 22`."""
        short = self.source.removeprefix("arXiv 2511.22826").removeprefix(",").strip()
        return short.partition(" (")[0]

    def value(self, model: str, column: Column) -> float | None:
        """The percentage printed here, None where there is none."""
        row = next((row for row in self.rows if row.model == model), None)
        if row is None or column not in self.columns:
            return None
        return row.values[self.columns.index(column)]

    def doubt(self, model: str, task: str) -> str | None:
        """Why this number cannot be taken as printed."""
        for suspect in self.suspect:
            if suspect.task == task and suspect.model in (None, model):
                return suspect.why
        return None


class Results(_Part):
    """`results.yaml`."""

    models: tuple[PrintedModel, ...]
    sources: tuple[Source, ...]

    @model_validator(mode="after")
    def _known_models(self) -> Results:
        names = {model.name for model in self.models}
        for source in self.sources:
            for row in source.rows:
                if row.model not in names:
                    raise ValueError(f"{source.source}: {row.model} is not among the models")
        return self


class Exhibit(_Part):
    """A table or a figure; made from runs unless something else shows it or it cannot be made."""

    id: str = Field(pattern=r"^(supplement-)?(table|figure)[1-9]\d*$")
    title: str
    note: str | None = None
    shown_by: str | None = None
    """A command that shows the same thing."""
    lacking: str | None = None
    """Why it cannot be made here."""

    @property
    def in_supplement(self) -> bool:
        return self.id.startswith("supplement-")

    @property
    def short(self) -> str:
        """`Table 3`, of whichever document."""
        name = self.id.removeprefix("supplement-")
        kind = name.rstrip("0123456789")
        return f"{kind.capitalize()} {name.removeprefix(kind)}"

    @property
    def label(self) -> str:
        """`Table 3`, `Figure 16 of the supplement`."""
        return f"{self.short} of the supplement" if self.in_supplement else self.short


class Contradiction(_Part):
    """Where the paper, its supplement, the project page and the README disagree."""

    exhibits: tuple[str, ...]
    what: str


class Exhibits(_Part):
    """`exhibits.yaml`."""

    exhibits: tuple[Exhibit, ...]
    contradictions: tuple[Contradiction, ...]


class Paper(_Part):
    """Both files together."""

    exhibits: tuple[Exhibit, ...]
    contradictions: tuple[Contradiction, ...]
    models: tuple[PrintedModel, ...]
    sources: tuple[Source, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Paper:
        ids = [exhibit.id for exhibit in self.exhibits]
        if len(set(ids)) < len(ids):
            raise ValueError("a table or figure is listed twice")
        shown = [name for source in self.sources for name in source.exhibits]
        spoken_of = {
            name for contradiction in self.contradictions for name in contradiction.exhibits
        }
        for name in {*shown, *spoken_of} - set(ids):
            raise ValueError(f"{name} is not among the tables and figures")
        for exhibit in self.exhibits:
            ways = [exhibit.shown_by is not None, exhibit.lacking is not None]
            if sum(ways) + shown.count(exhibit.id) != 1:
                raise ValueError(
                    f"{exhibit.id} needs numbers, `shown_by` or `lacking`, one of them"
                )
        return self

    @cached_property
    def measurable(self) -> tuple[Exhibit, ...]:
        """The tables and figures that are made from runs."""
        return tuple(exhibit for exhibit in self.exhibits if self.source_of(exhibit) is not None)

    def find(self, name: str) -> Exhibit:
        """`table3`, also written `Table 3` or `fig. 3`; raises UnknownNameError."""
        wanted = "".join(name.casefold().split()).replace("fig.", "figure")
        for exhibit in self.exhibits:
            if exhibit.id == wanted:
                return exhibit
        raise UnknownNameError("table or figure", name, [exhibit.id for exhibit in self.exhibits])

    def source_of(self, exhibit: Exhibit) -> Source | None:
        """The numbers that a table or figure prints; None where it has no tasks here."""
        return next((source for source in self.sources if exhibit.id in source.exhibits), None)

    def numbers_of(self, exhibit: Exhibit) -> Source:
        """As `source_of`; raises UsageError that says why a table or figure is not made here."""
        if (source := self.source_of(exhibit)) is not None:
            return source
        if exhibit.shown_by is not None:
            raise UsageError(f"{exhibit.label} is not made from runs; see {exhibit.shown_by}")
        raise UsageError(f"{exhibit.label} cannot be made here: {exhibit.lacking}")

    def contradictions_of(self, exhibit: Exhibit) -> list[str]:
        return [c.what for c in self.contradictions if exhibit.id in c.exhibits]

    def printed_as(self, card: str, *, tuned: bool) -> list[str]:
        """The paper's names of a model card, before or after tuning."""
        return [m.name for m in self.models if m.card == card and m.tuned == tuned]


def read_paper() -> Paper:
    """The tables, figures and numbers that ship with mma-eval; FileError for a fault in them."""
    folder = data_folder("paper")
    exhibits = validate(Exhibits, read_yaml(folder / "exhibits.yaml"))
    results = validate(Results, read_yaml(folder / "results.yaml"))
    return Paper(
        exhibits=exhibits.exhibits,
        contradictions=exhibits.contradictions,
        models=results.models,
        sources=results.sources,
    )
