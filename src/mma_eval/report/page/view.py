"""What the page shows, as text ready to print; the templates only lay it out."""

from __future__ import annotations

from dataclasses import dataclass

from mma_eval.report.attention_figures.picture import NumberTable
from mma_eval.report.page.clips import ClipView


@dataclass(frozen=True)
class Fact:
    """A line of a list: a name and what it is."""

    name: str
    value: str
    href: str | None = None


@dataclass(frozen=True)
class Plot:
    """One plot in two shapes, for wide and for narrow screens, as SVG text."""

    wide: str
    narrow: str


@dataclass(frozen=True)
class Number:
    """A number with its interval and a remark below; all empty where there is none."""

    text: str = ""
    detail: str = ""
    remark: str = ""


@dataclass(frozen=True)
class ScoreRow:
    """One task in the table of scores."""

    task: str
    condition: str
    asked: str
    n: str
    accuracy: Number
    both_right: Number
    leak: Number
    drop: Number
    coverage: str
    gallery: str
    """Fragment that opens the gallery on this task's samples."""


@dataclass(frozen=True)
class SideRow:
    """One task with the number of every model."""

    task: str
    condition: str
    asked: str
    numbers: tuple[Number, ...]
    """In the order of the subjects."""


@dataclass(frozen=True)
class AbstentionRow:
    """How one task's questions without an answer were declined, against its controls."""

    condition: str
    asked: str
    recall: Number
    false_abstention: Number
    balanced: Number


@dataclass(frozen=True)
class FollowingRow:
    """How often a source that was not asked about was named, and what is left net of inability."""

    condition: str
    asked: str
    source: str
    share: Number
    expected: str
    net: Number
    able: Number


@dataclass(frozen=True)
class ConfusionRow:
    """A class that was often taken for another one."""

    condition: str
    asked: str
    target: str
    named: str
    count: str


@dataclass(frozen=True)
class ReportedRow:
    """A published number beside the one of this page."""

    condition: str
    asked: str
    metric: str
    here: Number
    reported: str
    source: str
    note: str


@dataclass(frozen=True)
class RunView:
    """How one run was made."""

    command: str
    facts: tuple[Fact, ...]
    tasks: tuple[Fact, ...]
    """Task names with their hashes."""


@dataclass(frozen=True)
class DiagnosisView:
    """What the numbers say in sentences, what they leave open, and what was not tested."""

    title: str
    found: tuple[str, ...]
    open: tuple[str, ...]
    untested: tuple[str, ...]


@dataclass(frozen=True)
class SubjectView:
    """One model of the page."""

    anchor: str
    name: str
    summary: str
    facts: tuple[Fact, ...]
    warnings: tuple[str, ...]
    diagnosis: DiagnosisView
    profile: Plot
    attribution: Plot
    rows: tuple[ScoreRow, ...]
    abstentions: tuple[AbstentionRow, ...]
    followings: tuple[FollowingRow, ...]
    reported: tuple[ReportedRow, ...]
    reported_plot: Plot | None
    data: str
    """The datasets by name."""
    classes: Plot | None
    confusions: tuple[ConfusionRow, ...]
    """The most frequent ones of each task."""
    runs: tuple[RunView, ...]

    @property
    def has_both_right(self) -> bool:
        return any(row.both_right.text for row in self.rows)

    @property
    def has_leak(self) -> bool:
        return any(row.leak.text for row in self.rows)

    @property
    def has_drop(self) -> bool:
        return any(row.drop.text for row in self.rows)


@dataclass(frozen=True)
class AttentionFigure:
    """A figure of attention; `source` is the image itself, as a data: address."""

    caption: str
    alt: str
    source: str | None
    """None where nothing can draw it; its numbers are there all the same."""
    numbers: NumberTable | None


@dataclass(frozen=True)
class AttentionView:
    """What one diagnosis of attention shows."""

    name: str
    facts: tuple[Fact, ...]
    figures: tuple[AttentionFigure, ...]
    more: tuple[AttentionFigure, ...]
    """Figures that are folded away."""
    missing: str | None
    """Why there are numbers and no pictures."""


@dataclass(frozen=True)
class StreamView:
    """What one stream of a sample held."""

    now: str
    """The class seen or heard, or what stands in its place."""
    detail: str


@dataclass(frozen=True)
class ExhibitView:
    """One card of the gallery."""

    anchor: str
    model: str
    """Anchor of its model."""
    model_name: str
    task: str
    condition: str
    clip: str
    asked: str
    outcome: str
    """What is filtered by: an outcome, `failed` or `not applicable`."""
    badge: str
    attribution: str
    target: str
    well_posed: bool
    """Whether the target can be known; where it cannot, naming it is a leak."""
    seen: StreamView
    heard: StreamView
    caption: str | None
    answer: str | None
    option_scores: tuple[Fact, ...]
    option: str | None
    error: str | None
    notes: tuple[str, ...]
    """What was unusual about how the answer came about."""
    tokens: str
    frames: str | None
    filler: str | None
    """Recipe of the text that the prompt only stands for."""
    prompt: str
    media: ClipView | None
    media_note: str | None


@dataclass(frozen=True)
class FilterChoice:
    """One value of a filter."""

    value: str
    words: str
    count: int


@dataclass(frozen=True)
class Filter:
    """One menu above the gallery."""

    name: str
    label: str
    choices: tuple[FilterChoice, ...]


@dataclass(frozen=True)
class GalleryView:
    """The samples of the page."""

    exhibits: tuple[ExhibitView, ...]
    filters: tuple[Filter, ...]
    total: int
    """Samples of the runs, shown or not."""
    without_clip: int
    """Exhibits whose clip is missing, changed or damaged."""
    clips: tuple[ClipView, ...]
    """What the page holds of media."""
    any_reduced: bool


@dataclass(frozen=True)
class Page:
    """Everything on the page."""

    title: str
    lead: tuple[Fact, ...]
    made: str
    version: str
    side: tuple[SideRow, ...]
    """Empty where there is nothing to set side by side."""
    same_clips: bool
    """Whether all subjects were asked about the same clips, drawn and paired alike."""
    subjects: tuple[SubjectView, ...]
    changes: tuple[Plot, ...]
    """Before and after of each adapter whose base model is on the page too."""
    attention: tuple[AttentionView, ...]
    gallery: GalleryView
    terms: tuple[Fact, ...]
