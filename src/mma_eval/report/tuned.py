"""What a tuning came to, on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from mma_eval.eval.scorecard import Share
from mma_eval.train.record import TrainingRecord


def print_tuned(console: Console, record: TrainingRecord) -> None:
    """Accuracy on the validation part before and after, and which step was kept."""
    after = None if record.best is None else record.best.accuracy
    console.print(
        f"{record.recipe.name}: {record.base.card}, {record.trained_parameters:,} weights tuned in "
        f"{record.steps} steps",
        style="bold",
        markup=False,
    )
    if record.before is None or after is None or record.best is None:
        console.print("no validation part: what was trained last is kept")
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("validation", no_wrap=True)
    for column in ("before", "after", "points"):
        table.add_column(column, justify="right")
    for task, share in after.tasks.items():
        before = record.before.tasks.get(task)
        change = "" if before is None else f"{100 * (share.rate - before.rate):+.1f}"
        table.add_row(task, _shown(before), _shown(share), change)
    console.print(table)
    console.print(
        f"kept: the adapter of step {record.best.step}, chosen on these same clips; what it is "
        "worth is what an evaluation on others says",
        style="dim",
        markup=False,
        soft_wrap=True,
    )


def _shown(share: Share | None) -> str:
    if share is None:
        return ""
    return f"{100 * share.rate:.1f} [{100 * share.low:.0f}, {100 * share.high:.0f}]"
