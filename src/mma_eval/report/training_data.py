"""What a tuning would be trained on, on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from mma_eval.train.describe import ClassSummary, DataSummary, PartSummary, TextLengths
from mma_eval.train.llama_factory import Exported

MEGABYTE = 1_000_000


def print_training_data(console: Console, summary: DataSummary) -> None:
    """Counts by part, condition, question and class, then a few examples and text lengths."""
    console.print(
        f"{summary.recipe}: {summary.base} on {summary.dataset}, seed {summary.seed}",
        style="bold",
        markup=False,
    )
    console.print(_parts(summary.parts))
    console.print(_text_line(summary), markup=False, soft_wrap=True)
    if summary.left_out:
        console.print(
            f"{summary.left_out} clips take no part: they share a file with a held-out class"
        )
    console.print()
    console.print(_classes(summary))
    for example in summary.shown:
        console.print()
        console.rule(example.id, align="left")
        source = "its own" if example.sound == example.clip else f"of {example.sound}"
        console.print(
            f"seen {example.seen}, heard {example.heard} (the sound is {source})",
            markup=False,
            style="dim",
        )
        console.print(example.prompt, markup=False, soft_wrap=True)
        console.print(f"target: {example.target}", markup=False, style="bold")


def print_export(console: Console, exported: Exported) -> None:
    """What was written, in files and bytes."""
    table = Table(box=None, pad_edge=False)
    table.add_column("data set", no_wrap=True)
    for column in ("examples", "size"):
        table.add_column(column, justify="right")
    for part in exported.parts:
        table.add_row(part.name, f"{part.examples:,}", _size(part.bytes))
    console.print(table)
    media = exported.media
    kept = media.files - media.written
    console.print(
        f"{media.files:,} media files, {_size(media.bytes)} ({media.written:,} written, {kept:,}"
        f" kept), in {exported.folder}",
        markup=False,
        soft_wrap=True,
    )


def _size(size: int) -> str:
    return f"{size / MEGABYTE:,.1f} MB" if size >= MEGABYTE / 10 else f"{size:,} bytes"


def _parts(parts: tuple[PartSummary, ...]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("part", no_wrap=True)
    for column in ("clips", "swaps a clip", "media", "examples"):
        table.add_column(column, justify="right")
    kinds = [(condition, ask) for condition, ask, _ in parts[0].counts] if parts else []
    for condition, ask in kinds:
        table.add_column(f"{condition} {ask}", justify="right")
    for part in parts:
        numbers = (part.clips, part.sounds_a_clip, part.media, part.examples)
        counts = (number for _, _, number in part.counts)
        table.add_row(part.name, *(f"{number:,}" for number in (*numbers, *counts)))
    return table


def _classes(summary: DataSummary) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("class")
    for part in summary.parts:
        table.add_column(part.name, justify="right")
    table.add_column("sounds lent in training", justify="right")
    for one in summary.classes:
        table.add_row(_class_name(one), *map(str, one.clips), str(one.lent))
    return table


def _class_name(one: ClassSummary) -> str:
    return f"{one.label} (held out)" if one.held_out else one.label


def _text_line(summary: DataSummary) -> str:
    if summary.text is None:
        return "text tokens: not counted, the model has no tokenizer here"
    return (
        f"text tokens: prompts {_range(summary.text.prompts)}, targets"
        f" {_range(summary.text.targets)} ({summary.text.examples:,} examples measured; media"
        " tokens come on top)"
    )


def _range(lengths: TextLengths) -> str:
    if lengths.shortest == lengths.longest:
        return str(lengths.shortest)
    return f"{lengths.shortest} to {lengths.longest}"
