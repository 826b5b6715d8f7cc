"""What the leaderboard's page shows, as text ready to print; the templates only lay it out."""

from __future__ import annotations

from dataclasses import dataclass

from mma_eval.report.page.view import Fact

HELD_ROWS = 20
"""A table with more rows scrolls under its head."""


@dataclass(frozen=True)
class Head:
    """A column. The page's script finds values by `key` and draws by `condition`, `ask`, `metric`.

    `sort` says what is best and so comes first: `higher`, `lower`, or `text` from A to Z.
    """

    key: str
    label: str
    sort: str
    condition: str = ""
    ask: str = ""
    metric: str = ""
    baseline: str = ""
    """Key of the column that a condition is set against."""
    text: bool = False
    """Whether its cells are words, not numbers."""


@dataclass(frozen=True)
class HeadGroup:
    """Columns under one heading; a group without a title is a single column."""

    title: str
    heads: tuple[Head, ...]


@dataclass(frozen=True)
class CellView:
    """A value, its interval in brackets, and footnotes; all empty where there is none."""

    text: str = ""
    detail: str = ""
    notes: tuple[int, ...] = ()
    order: str = ""
    """A number to sort by where the text is not one."""


@dataclass(frozen=True)
class RowView:
    """One line of a table; `cells` in the order of the table's heads."""

    id: str
    title: str
    below: str
    rank: str
    remark: str
    """Why it is not ranked, or with how many it is tied."""
    exposure: str
    """`y`, `n` or `-` for each question of a card's exposure, in their order."""
    notes: tuple[int, ...]
    cells: tuple[CellView, ...]


@dataclass(frozen=True)
class TableView:
    """The rows, or the specimens, of one kind on one dataset version."""

    anchor: str
    kind: str
    """The kind of its rows, or `specimen`."""
    dataset: str
    caption: str
    remark: str
    ranked: bool
    groups: tuple[HeadGroup, ...]
    rows: tuple[RowView, ...]

    @property
    def long(self) -> bool:
        """Whether its head is out of sight when its last row is in sight."""
        return len(self.rows) > HELD_ROWS

    @property
    def heads(self) -> tuple[Head, ...]:
        return tuple(head for group in self.groups for head in group.heads)


@dataclass(frozen=True)
class SectionView:
    """A kind of rows, or the specimens."""

    anchor: str
    title: str
    words: str
    empty: str
    """What is said in place of tables where there is no row."""
    tables: tuple[TableView, ...]


@dataclass(frozen=True)
class SampleView:
    """One answer of a model's gallery."""

    task: str
    id: str
    facts: tuple[Fact, ...]
    answer: str
    outcome: str
    badge: str


@dataclass(frozen=True)
class ModelView:
    """What a row's table has no room for."""

    id: str
    title: str
    kind: str
    summary: str
    facts: tuple[Fact, ...]
    links: tuple[Fact, ...]
    """What they lead to, without a value."""
    samples: tuple[SampleView, ...]
    samples_elsewhere: bool
    """Whether it has samples that are left to the JSON file, for the weight of the page."""


@dataclass(frozen=True)
class Choice:
    """A value of a menu."""

    value: str
    words: str


@dataclass(frozen=True)
class Menu:
    """A menu above the tables."""

    name: str
    label: str
    any: str
    """The words of the choice that leaves everything in."""
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class NoteView:
    number: int
    text: str


@dataclass(frozen=True)
class SitePage:
    """The whole page."""

    primary: str
    ranking: str
    not_meant: tuple[str, ...]
    lead: tuple[Fact, ...]
    sections: tuple[SectionView, ...]
    menus: tuple[Menu, ...]
    orders: tuple[Choice, ...]
    """What can be sorted by, beside the board's own order."""
    models: tuple[ModelView, ...]
    footnotes: tuple[NoteView, ...]
    terms: tuple[Fact, ...]
    made_from: int
    """Files that the board was made from."""
