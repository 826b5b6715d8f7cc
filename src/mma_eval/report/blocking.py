"""What hiding a stream does to the answers, on the terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mma_eval.diagnose.blocks import BlockedTask, BlockingRun
from mma_eval.eval.scorecard import Share
from mma_eval.report.columns import print_heading

NOTE = (
    "Hidden: the question and the answer do not see the stream's tokens in those layers; other "
    "tokens do, and pass on what they saw."
)


def print_blocking(console: Console, run: BlockingRun) -> None:
    """Changed answers and accuracy, task by task and block by block."""
    print_heading(console, f"Answers of {run.origin.model} with a stream hidden")
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for name in ("task", "hidden", "layers"):
        table.add_column(name, no_wrap=True)
    for name in ("changed, %", "to the other\nmodality, %", "right, %\nbefore", "right, %\nafter"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in run.tasks:
        table.add_row(one.task, one.block.stream, _layers(one, run.layers), *_numbers(one))
    console.print(table)
    console.print(Text(NOTE, style="dim"))


def _layers(one: BlockedTask, layers: int) -> str:
    if (one.block.first, one.block.stop) == (0, layers):
        return "all"
    last = one.block.stop - 1
    return str(last) if last == one.block.first else f"{one.block.first} to {last}"


def _numbers(one: BlockedTask) -> tuple[str, ...]:
    shares = (one.flips, one.flips_to_other, one.accuracy_before, one.accuracy_after)
    first, *others = shares
    return (_with_interval(first), *(_rate(share) for share in others))


def _with_interval(share: Share | None) -> str:
    if share is None:
        return "-"
    return f"{100 * share.rate:.1f} [{100 * share.low:.0f}, {100 * share.high:.0f}]"


def _rate(share: Share | None) -> str:
    return "-" if share is None else f"{100 * share.rate:.1f}"
