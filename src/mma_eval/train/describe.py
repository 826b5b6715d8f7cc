"""What a tuning would be trained on, without weights and without decoding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from mma_eval.train.pairs import ASKS, Example, Examples, TrainingData
from mma_eval.train.recipe import Recipe
from mma_eval.types import TextTokenizer

MEASURED_EXAMPLES = 500
"""Most examples whose texts are measured, spread evenly over the training part."""

FIRST_ROUND = 2 * len(ASKS)
"""Both questions of the first clip, as it is and swapped."""


@dataclass(frozen=True)
class PartSummary:
    """One part in numbers."""

    name: str
    clips: int
    sounds_a_clip: int
    """Sounds of other classes that each clip is shown with."""
    media: int
    """Distinct pairs of clip and sound, aligned ones included."""
    counts: tuple[tuple[str, str, int], ...]
    """Condition, question and their number of examples."""

    @property
    def examples(self) -> int:
        return sum(number for _, _, number in self.counts)


@dataclass(frozen=True)
class ClassSummary:
    """One class: its clips by part, and how often its sounds are lent in training."""

    label: str
    held_out: bool
    clips: tuple[int, ...]
    """In the order of the summary's parts."""
    lent: int


@dataclass(frozen=True)
class TextLengths:
    """Shortest, middle and longest text, in tokens of text alone."""

    shortest: int
    middle: int
    longest: int


@dataclass(frozen=True)
class MeasuredTexts:
    """Lengths of training texts under the model's tokenizer; media tokens are not counted."""

    examples: int
    """How many were measured, spread evenly."""
    prompts: TextLengths
    targets: TextLengths


@dataclass(frozen=True)
class ShownExample:
    """One example in full."""

    id: str
    clip: str
    sound: str
    seen: str
    heard: str
    prompt: str
    target: str


@dataclass(frozen=True)
class DataSummary:
    """Everything `--dry-run` says of the data."""

    recipe: str
    base: str
    dataset: str
    dataset_version: str
    seed: int
    parts: tuple[PartSummary, ...]
    classes: tuple[ClassSummary, ...]
    left_out: int
    """Clips that share a file with a held-out class."""
    shown: tuple[ShownExample, ...]
    text: MeasuredTexts | None
    """None without a tokenizer."""


def describe(data: TrainingData, recipe: Recipe, tokenizer: TextTokenizer | None) -> DataSummary:
    """Counts by part, class, condition and question; the first clip's examples; text lengths.

    Lengths are of text alone, media tokens not counted, and None without a tokenizer.
    """
    measured = None if tokenizer is None else _measured(data.train, tokenizer)
    return DataSummary(
        recipe=recipe.name,
        base=recipe.base,
        dataset=data.dataset.name,
        dataset_version=data.dataset.version,
        seed=recipe.seed,
        parts=tuple(_part(part) for part in data.parts if len(part)),
        classes=_classes(data),
        left_out=len(data.split.left_out),
        shown=tuple(_shown(example) for example in data.train[:FIRST_ROUND]),
        text=measured,
    )


def _part(part: Examples) -> PartSummary:
    each = len(part.clips) * len(part.rounds)
    return PartSummary(
        name=part.part,
        clips=len(part.clips),
        sounds_a_clip=len(part.rounds),
        media=sum(1 for _ in part.pairs()),
        counts=tuple((condition.name, ask, each) for condition in part.conditions for ask in ASKS),
    )


def _classes(data: TrainingData) -> tuple[ClassSummary, ...]:
    parts = [part for part in data.parts if len(part)]
    clips = [Counter(part.label(clip) for clip in part.clips) for part in parts]
    lent = Counter(data.train.label(sound) for clip, sound in data.train.pairs() if sound != clip)
    return tuple(
        ClassSummary(
            label=label,
            held_out=label in data.split.unseen,
            clips=tuple(counted[label] for counted in clips),
            lent=lent[label],
        )
        for label in sorted({*data.split.seen, *data.split.unseen})
    )


def _shown(example: Example) -> ShownExample:
    sample = example.rendered.sample
    return ShownExample(
        id=example.id,
        clip=example.clip,
        sound=example.sound,
        seen=sample.labels.visual or "",
        heard=sample.labels.audio or "",
        prompt="\n".join(filter(None, (example.rendered.before_media, example.rendered.shown))),
        target=example.rendered.target,
    )


def _spread(part: Examples) -> range:
    """Places of at most MEASURED_EXAMPLES examples; an odd step meets every kind of example."""
    step = -(-len(part) // MEASURED_EXAMPLES) | 1
    return range(0, len(part), step)


def _measured(part: Examples, tokenizer: TextTokenizer) -> MeasuredTexts:
    prompts, targets = [], []
    for place in _spread(part):
        rendered = part[place].rendered
        prompts.append(
            tokenizer.count(rendered.before_media) + tokenizer.count(rendered.after_media)
        )
        targets.append(tokenizer.count(rendered.target))
    return MeasuredTexts(len(prompts), _text_lengths(prompts), _text_lengths(targets))


def _text_lengths(tokens: Sequence[int]) -> TextLengths:
    return TextLengths(min(tokens), round(median(tokens)), max(tokens))
