"""A rerun on the terminal: what had changed before it, and what came out different."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mma_eval.eval.rerun.comparison import Kind, RunComparison, SampleComparison
from mma_eval.eval.rerun.facts import FactChange
from mma_eval.eval.run import Run

EXAMPLES = 5
LONGEST = 300
"""Characters of a value that are shown."""
HASH = 12


def print_facts(console: Console, original: Run, changed: Sequence[FactChange]) -> None:
    """Which run is repeated, and everything around it that is different now."""
    manifest = original.manifest
    console.print(
        f"{manifest.card.name}: {len(original.samples)} samples of "
        f"{manifest.started:%Y-%m-%d %H:%M} UTC, {original.folder}",
        style="bold",
        markup=False,
        soft_wrap=True,
    )
    if manifest.error is not None:
        console.print(f"Its backend broke: {manifest.error}", style="yellow", markup=False)
    if not changed:
        console.print("Software, device, model, tasks and dataset are as they were.", style="dim")
        return
    console.print("Different from when it was made:")
    console.print(facts_table(changed, ("what", "then", "now")))


def facts_table(changed: Sequence[FactChange], columns: tuple[str, str, str]) -> Table:
    """One line a fact: what it is, before, now."""
    table = Table(box=None, pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=place == 0)
    for change in changed:
        table.add_row(
            escape(change.what), escape(_short(change.before)), escape(_short(change.now))
        )
    return table


def print_comparison(console: Console, comparison: RunComparison) -> None:
    """Counts, examples and, last, the outcome in one line."""
    for kind, count in comparison.kinds.items():
        if kind is not Kind.IDENTICAL:
            console.print(f"\n{kind}: {count}", style="bold", markup=False)
            if kind is Kind.CHANGED:
                parts = (f"{field} {number}" for field, number in comparison.fields.items())
                console.print("  in " + ", ".join(parts), markup=False)
            _print_examples(console, [s for s in comparison.differing if s.kind is kind])
    _print_tallies(console, comparison)
    difference = comparison.largest_score_difference
    if difference is not None:
        console.print(
            f"\nLog-likelihoods differ by at most {difference:.3g} nats "
            f"(up to {comparison.tolerance:g} counts as equal).",
            markup=False,
        )
    total = len(comparison.samples)
    console.print(
        f"\nidentical: {comparison.identical} of {total} answers",
        style="green" if comparison.identical == total else "bold red",
    )


def _print_examples(console: Console, samples: Sequence[SampleComparison]) -> None:
    for sample in samples[:EXAMPLES]:
        console.print(f"  {sample.task}:{sample.id}", markup=False, soft_wrap=True)
        for change in sample.changes:
            # A hash tells nothing but that it differs.
            length = HASH if change.field.endswith("_hash") else LONGEST
            before, now = _short(change.before, length), _short(change.now, length)
            console.print(f"    {change.field}: {before} -> {now}", markup=False, soft_wrap=True)
    if len(samples) > EXAMPLES:
        console.print(f"  and {len(samples) - EXAMPLES} more (all of them with --json)")


def _print_tallies(console: Console, comparison: RunComparison) -> None:
    moved = [tally for tally in comparison.tallies if tally.before != tally.now]
    if moved:
        console.print()
    for tally in moved:
        console.print(
            f"{tally.task}: {tally.before} of {tally.n} right, now {tally.now}", markup=False
        )


def _short(text: str, length: int = LONGEST) -> str:
    """One line; of a long text its head."""
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[:length]}..."
