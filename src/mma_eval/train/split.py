"""Which clips are trained on, validated on and tested on; no picture or sound is in two parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mma_eval.errors import UnknownNameError, UsageError
from mma_eval.seeded import SeededStream
from mma_eval.task.dataset import Dataset
from mma_eval.task.rows import Row
from mma_eval.train.recipe import DataSettings
from mma_eval.train.same_media import clips_by_media

Groups = Sequence[tuple[str, ...]]

COLUMN_WORDS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
}
"""What a manifest may write into its `split` column, and the part that it means."""


@dataclass(frozen=True)
class Split:
    """Ids of clips by part, each part in their order, and the classes on both sides."""

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    held_out: tuple[str, ...]
    """Every clip of a class that is held out: a test of what was never trained."""
    seen: tuple[str, ...]
    """Classes of the clips in the first three parts."""
    unseen: tuple[str, ...]
    """Classes that are held out; they stay in the option lists, as in the evaluation."""
    left_out: tuple[str, ...]
    """Clips of seen classes that share a file with a clip of a held-out one."""

    @property
    def parts(self) -> dict[str, tuple[str, ...]]:
        return {
            "train": self.train,
            "validation": self.validation,
            "test": self.test,
            "held out": self.held_out,
        }


def split_clips(dataset: Dataset, settings: DataSettings, seed: int) -> Split:
    """Divide the aligned clips; the order of the manifest makes no difference.

    Drawn class by class, so that every part has its share of each; clips that share a file by its
    bytes stay together. Raises UsageError, with the class and what to do, where clips or classes
    are too few, and MediaError for a file that cannot be read.
    """
    rows = _limited(usable_rows(dataset), settings.limit, seed)
    classes = tuple(sorted({label_of(row) for row in rows.values()}))
    unseen = _held_out(dataset, classes, settings.held_out_classes, seed)
    groups = clips_by_media(rows)
    held, left, kept = [], [], []
    for group in groups:
        outside = [clip for clip in group if label_of(rows[clip]) in unseen]
        if outside:
            held += outside
            left += [clip for clip in group if clip not in outside]
        else:
            kept.append(group)
    if settings.split == "column":
        parts = _by_column(kept, rows, dataset)
    else:
        parts = _by_draw(kept, rows, settings, seed)
    _check_classes(parts, classes, unseen)
    return Split(
        train=tuple(sorted(parts["train"])),
        validation=tuple(sorted(parts["validation"])),
        test=tuple(sorted(parts["test"])),
        held_out=tuple(sorted(held)),
        seen=tuple(name for name in classes if name not in unseen),
        unseen=unseen,
        left_out=tuple(sorted(left)),
    )


def usable_rows(dataset: Dataset) -> dict[str, Row]:
    """One aligned, labelled row of every clip, in the order of the clips' ids."""
    rows: dict[str, Row] = {}
    for row in sorted(dataset.aligned, key=lambda row: (row.clip, row.id)):
        labelled = row.labels.visual is not None and row.labels.audio is not None
        if labelled and row.clip not in dataset.vanished:
            rows.setdefault(row.clip, row)
    if not rows:
        raise UsageError(
            f"the dataset {dataset.name} has no aligned rows (visual_label equal to audio_label),"
            " and tuning makes its own swaps from those"
        )
    return rows


def label_of(row: Row) -> str:
    """The class of an aligned row."""
    assert row.labels.visual is not None
    return row.labels.visual


def _limited(rows: dict[str, Row], limit: int | None, seed: int) -> dict[str, Row]:
    """`limit` clips, class by class in turn; a larger limit only adds clips."""
    if limit is None or limit >= len(rows):
        return rows
    turns: list[tuple[int, int, str]] = []
    for label, clips in _by_class(rows, rows).items():
        order = SeededStream(seed, "limit", label).shuffled(clips)
        place = SeededStream(seed, "limit", "class", label).bits()
        turns += [(turn, place, clip) for turn, clip in enumerate(order)]
    drawn = {clip for _, _, clip in sorted(turns)[:limit]}
    return {clip: row for clip, row in rows.items() if clip in drawn}


def _held_out(
    dataset: Dataset,
    classes: tuple[str, ...],
    wanted: float | tuple[str, ...] | None,
    seed: int,
) -> tuple[str, ...]:
    if wanted is None:
        return ()
    if isinstance(wanted, tuple):
        for name in wanted:
            if name not in dataset.classes:
                raise UnknownNameError("class", name, classes, where="data.held_out_classes: ")
            if name not in classes:
                raise UsageError(
                    f"data.held_out_classes: no clip shows the class '{name}'; hold out another"
                )
        chosen = set(wanted)
    else:
        number = round(wanted * len(classes))
        chosen = set(SeededStream(seed, "held out classes").shuffled(classes)[:number])
    if len(chosen) < 2:
        raise UsageError(
            f"data.held_out_classes holds out {len(chosen)} of {len(classes)} classes; hold out at"
            " least two, because they can only be swapped among themselves"
        )
    return tuple(sorted(chosen))


def _by_draw(
    groups: Groups, rows: Mapping[str, Row], settings: DataSettings, seed: int
) -> dict[str, list[str]]:
    """Parts with their share of every class; training has at least one clip of each."""
    waiting: dict[str, list[tuple[str, ...]]] = {}
    for group in groups:
        waiting.setdefault(label_of(rows[group[0]]), []).append(group)
    waiting = {
        label: SeededStream(seed, "split", label).shuffled(of_class)
        for label, of_class in waiting.items()
    }
    sizes = {label: sum(map(len, of_class)) for label, of_class in waiting.items()}
    parts: dict[str, list[str]] = {"train": []}
    for part, share in (("validation", settings.validation), ("test", settings.test)):
        # Each part goes round in its own order, or the same classes would give to both.
        order = SeededStream(seed, "split", part).shuffled(sorted(waiting))
        parts[part] = _take(waiting, sizes, order, share)
        if share and not parts[part]:
            raise UsageError(
                f"the {part} part is empty: {share:g} of {sum(sizes.values())} clips is less than"
                f" one, or no class has a clip to spare; make data.{part} larger, set it to 0 to go"
                " without, or add clips"
            )
    parts["train"] += [
        clip for of_class in waiting.values() for group in of_class for clip in group
    ]
    return parts


def _take(
    waiting: Mapping[str, list[tuple[str, ...]]],
    sizes: Mapping[str, int],
    order: Sequence[str],
    share: float,
) -> list[str]:
    """Takes `share` of every class from what waits; less than a clip is owed by the next class."""
    taken: list[str] = []
    due = 0.0
    for label in order:
        due += share * sizes[label]
        while len(waiting[label]) > 1 and len(taken) + len(waiting[label][-1]) / 2 <= due:
            taken += waiting[label].pop()
    return taken


def _by_column(groups: Groups, rows: Mapping[str, Row], dataset: Dataset) -> dict[str, list[str]]:
    parts: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    for group in groups:
        words = {clip: _part_named(rows[clip], dataset) for clip in group}
        first = group[0]
        for clip, part in words.items():
            if part != words[first]:
                raise UsageError(
                    f"{dataset.path}: the clips '{first}' ({words[first]}) and '{clip}' ({part})"
                    " share a file, so one part would know the other; give both the same split"
                )
        parts[words[first]] += group
    return parts


def _part_named(row: Row, dataset: Dataset) -> str:
    part = COLUMN_WORDS.get((row.split or "").casefold())
    if part is None:
        raise UsageError(
            f"{dataset.path}: the clip '{row.clip}' has the split '{row.split or ''}', and"
            " data.split=column knows train, validation and test; data.split=clip draws them"
        )
    return part


def _check_classes(
    parts: Mapping[str, Sequence[str]], classes: Sequence[str], unseen: Sequence[str]
) -> None:
    if not parts["train"]:
        raise UsageError(
            f"no clip is left for training: {len(unseen)} of {len(classes)} classes are held out;"
            " hold out fewer, or mark clips as train in the split column"
        )


def _by_class(
    clips: Sequence[str] | Mapping[str, Row], rows: Mapping[str, Row]
) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for clip in clips:
        found.setdefault(label_of(rows[clip]), []).append(clip)
    return found
