"""The leaderboard as data: what `leaderboard.json` holds and the page is made from.

Shares and differences of shares are in 0 to 1 (a difference in -1 to 1) everywhere; a page shows
them in percent and in points. Texts come from strangers too and are plain text, never markup.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from mma_eval.models.card import Exposure
from mma_eval.types import Ask

Kind = Literal["reproduced", "re-scored", "reported"]
CellMetric = Literal["accuracy", "leak", "abstention"]
Better = Literal["higher", "lower"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Number(_Part):
    """A number with its 95 % interval; `k` of `n` where it is a plain share.

    Reported numbers have none of `low`, `high`, `k`, `n`.
    """

    value: float
    low: float | None = None
    high: float | None = None
    k: int | None = None
    n: int | None = None


class Cell(_Part):
    """What one task gave one row."""

    metric: CellMetric
    """`leak`: how often the label of the removed stream is named, lower is better; `abstention`:
    how often it declines where the asked stream is gone."""
    number: Number
    decimals: int = 1
    """Of the percentage: as printed where it is reported."""
    source: str | None = None
    """Where a reported number is printed."""
    footnotes: tuple[int, ...] = ()


class BothRight(_Part):
    """Conflict clips with both questions right; bounds where only the two shares are known.

    Measured: `number`, and `low` and `high` are None. Reported: `number` is None, and the share
    lies from `low` = max(0, v + a - 1) to `high` = min(v, a).
    """

    number: Number | None = None
    low: float | None = None
    high: float | None = None


class Standing(_Part):
    """The place of a row in the ranking of its dataset version and kind."""

    rank: int | None
    """1 and the number of rows that are surely better; None where the row is not ranked."""
    position: int | None
    """In the order shown: by rank, then by the share on the common clips; from 1."""
    tied_with: int
    """Other rows of which neither is surely better."""
    common: Number | None
    """Both right, on the clips that all ranked rows answered."""
    unranked: str | None
    """Why the row is not ranked; None where it is."""


class Worst(_Part):
    """The condition with the fewest right answers, among `WORST_AMONG`."""

    task: str
    number: Number


class Alternatives(_Part):
    """Other scores to sort by; None where a row lacks what they need."""

    mean_misaligned: float | None
    """Mean of the two questions under conflict: perfect sight without hearing gives one half."""
    worst: Worst | None
    drop_visual: float | None
    """Aligned less misaligned; what conflict costs."""
    drop_audio: float | None
    drop: float | None
    """Mean of the two drops."""
    other_modality: Number | None
    """Share of conflict questions answered with the other modality's label; lower is better."""
    follows_sound: Number | None
    """The same, of the visual questions alone."""
    follows_sight: Number | None
    """The same, of the audio questions alone."""


class ModelFacts(_Part):
    """What is known of a model; None where nobody said. `title` is what to show."""

    name: str
    title: str
    summary: str | None = None
    family: str | None = None
    backend: str | None = None
    parameters: int | None = None
    license: str | None = None
    open: bool | None = None
    """Whether the weights can be downloaded."""
    weights: str | None = None
    revision: str | None = None
    released: str | None = None
    inputs: tuple[str, ...] = ()
    exposure: Exposure = Exposure()
    links: Mapping[str, str] = {}
    """Only http and https; by what they lead to."""
    card: str | None = None
    """The card's file in the repository, where it has one there."""
    adapter: str | None = None
    """Name of the adapter that it was run with."""
    adapter_facts: Mapping[str, str] = {}


class Answered(_Part):
    """How much of a dataset version stands behind a row; None for reported rows."""

    planned: int
    answered: int
    coverage: float | None
    conflict_clips: int
    """Conflict clips with both questions answered."""
    conflict_planned: int
    """Conflict clips of the dataset version."""


class Example(_Part):
    """One answer of the row's gallery."""

    task: str
    id: str
    seen: str | None
    heard: str | None
    target: str
    answer: str
    outcome: str
    attribution: str | None


class BoardRow(_Part):
    """One line of the leaderboard."""

    id: str
    """Unique on the board and stable; letters, digits, `.`, `_`, `-`: fit for a link."""
    kind: Kind
    specimen: bool
    """A constructed model that is shown apart from the ranking."""
    model: ModelFacts
    dataset: str
    dataset_version: str
    answered: Answered | None
    cells: Mapping[str, Cell]
    """By task; a task without a number has no key."""
    both_right: Mapping[str, BothRight]
    """By condition (`misalign`, `cot_misalign`); the primary one is `Board.primary`."""
    standing: Standing
    alternatives: Alternatives
    submission: str | None
    """The submission's file name; None for reported rows."""
    digest: str | None
    """SHA-256 of the submission's file."""
    submitter: str | None
    contact: str | None
    """A http or https address."""
    source: str | None
    """Where a reported row was published."""
    footnotes: tuple[int, ...] = ()
    """About the row as a whole; those of its cells are there."""
    examples: tuple[Example, ...] = ()


class Footnote(_Part):
    """`number` is what rows and cells refer to."""

    number: int
    text: str


class ConditionColumn(_Part):
    """A task that some row has a number for."""

    task: str
    condition: str
    """The same for both questions: `misleading_caption`."""
    ask: Ask | None
    title: str
    """In words: `misleading caption`."""
    metric: CellMetric
    better: Better


class Ranking(_Part):
    """The ranking of the rows of one kind on one dataset version."""

    dataset: str
    dataset_version: str
    kind: Kind
    ranked: tuple[str, ...]
    """Ids of rows, best first."""
    common: int
    """Conflict clips that all of them answered."""
    conflict_planned: int
    comparisons: int
    """Pairs of rows that were tested; Holm's correction is over all of them."""


class Source(_Part):
    """A file that the board was made from."""

    name: str
    digest: str


class Words(_Part):
    """What has to be said beside the numbers, in plain sentences."""

    primary: str
    ranking: str
    kinds: Mapping[Kind, str]
    alternatives: Mapping[str, str]
    """By the field names of `Alternatives`."""
    not_meant: tuple[str, ...]
    """What the score does not mean."""


class Board(_Part):
    """The whole leaderboard; rows in the order to be shown."""

    format: int = 1
    primary: str = "misalign"
    """The condition whose *both right* ranks."""
    columns: tuple[ConditionColumn, ...]
    rows: tuple[BoardRow, ...]
    rankings: tuple[Ranking, ...]
    footnotes: tuple[Footnote, ...]
    words: Words
    generated_from: tuple[Source, ...]
