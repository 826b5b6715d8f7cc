"""`--dry-run` on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from mma_eval.eval.preview import RunPreview
from mma_eval.models.remote.cost import Bill

MEGABYTE = 1_000_000


def print_preview(console: Console, preview: RunPreview) -> None:
    """Counts, hashes and detectable differences, then each task's prompt and media."""
    console.print(
        f"{preview.model}: {preview.samples} samples on {preview.clips} clips; nothing was asked",
        style="bold",
    )
    console.print(f"run folder {preview.folder}", soft_wrap=True)
    if preview.bill is not None:
        console.print(_bill_words(preview.bill), soft_wrap=True, markup=False)
    table = Table(box=None, pad_edge=False)
    table.add_column("task", no_wrap=True)
    for column in ("n", "hash", "text tokens", "smallest difference"):
        table.add_column(column, justify="right")
    for task in preview.tasks:
        difference = task.smallest_difference
        table.add_row(
            task.name,
            str(task.samples),
            task.hash,
            "-" if task.text_tokens is None else str(task.text_tokens),
            "-" if difference is None else f"{100 * difference:.0f} points",
        )
    console.print(table)
    console.print(
        "Smallest difference: what two paired conditions of this size show with power 0.8.\n",
        style="dim",
    )
    for task in preview.tasks:
        console.rule(f"{task.name}  (target {task.target})", align="left")
        console.print(task.media, markup=False, style="dim")
        for edit in task.edits:
            console.print(edit, markup=False, style="dim")
        console.print(task.prompt, markup=False, soft_wrap=True)


def _bill_words(bill: Bill) -> str:
    """One line: requests, bytes, tokens and dollars, were all of it to be asked."""
    parts = [f"{bill.requests:,} requests"]
    if bill.sent_bytes is not None:
        parts.append(f"about {bill.sent_bytes / MEGABYTE:,.1f} MB to send")
    if bill.text is not None:
        parts.append(f"{bill.text:,} tokens of text")
    if bill.input is not None:
        parts.append(f"about {bill.input:,} tokens in")
    out = f"at most {bill.output:,} out" if bill.input else f"at most {bill.output:,} tokens out"
    cost = (
        "price unknown: set --model-args input_price=...,output_price=..."
        if bill.cost is None
        else f"${bill.cost:,.2f} at most"
    )
    return f"{', '.join([*parts, out])}: {cost}"
