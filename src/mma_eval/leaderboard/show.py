"""Verdicts in the terminal, and for a program."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mma_eval.leaderboard.check import CheckedSubmission, Verdict
from mma_eval.leaderboard.findings import Weight
from mma_eval.leaderboard.plain_text import shown

_STYLES = {Weight.ERROR: "red", Weight.WARNING: "yellow", Weight.NOTE: "dim"}


def print_verdict(console: Console, verdict: Verdict) -> None:
    """What was found in one file, and whether it may become a row."""
    said, style = ("passes", "green") if verdict.ok else ("refused", "red")
    console.print()
    console.print(
        Text.assemble((shown(verdict.file, 200), "bold"), "  ", (said, f"bold {style}")),
        soft_wrap=True,
    )
    if verdict.rescored is not None:
        print_row(console, verdict.rescored)
    if verdict.findings:
        console.print(_findings(verdict))


def print_row(console: Console, checked: CheckedSubmission) -> None:
    """What the row is of, and its numbers as counted here."""
    adapter = f" + {checked.adapter.name}" if checked.adapter else ""
    answers = sum(len(records) for records in checked.records_by_task.values())
    console.print(
        Text(
            f"{checked.card.name}{adapter} on {checked.dataset} {checked.dataset_version}: "
            f"{answers:,} answers re-scored, coverage {100 * checked.coverage:.1f} %",
            style="dim",
        ),
        soft_wrap=True,
    )
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    table.add_column("task")
    for name in ("n", "correct", "both right", "leak", "unparsed"):
        table.add_column(name, justify="right", no_wrap=True)
    for claim in checked.claims:
        shares = (claim.accuracy, claim.both_right, claim.leak)
        cells = ["-" if share is None else f"{share.k}/{share.n}" for share in shares]
        table.add_row(Text(claim.task), str(claim.n), *cells, str(claim.unparsed))
    console.print(table)
    console.print(Text(f"sha256 {checked.digest}", style="dim"), soft_wrap=True)


def verdicts_as_json(verdicts: Sequence[Verdict]) -> str:
    """Everything, in ASCII."""
    return json.dumps([_as_json(verdict) for verdict in verdicts], indent=1)


def _as_json(verdict: Verdict) -> dict[str, object]:
    told: dict[str, object] = {
        "file": shown(verdict.file, 200),
        "ok": verdict.ok,
        "findings": [finding.model_dump(mode="json") for finding in verdict.findings],
    }
    if (checked := verdict.rescored) is not None:
        told |= {
            "digest": checked.digest,
            "model": checked.card.name,
            "adapter": None if checked.adapter is None else checked.adapter.name,
            "dataset": checked.dataset,
            "dataset_version": checked.dataset_version,
            "coverage": checked.coverage,
            "scores": [claim.model_dump(mode="json") for claim in checked.claims],
        }
    return told


def _findings(verdict: Verdict) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    table.add_column("", no_wrap=True)
    table.add_column("where", max_width=24, overflow="fold")
    table.add_column("what", ratio=3, overflow="fold")
    table.add_column("what to do", ratio=2, overflow="fold")
    for finding in sorted(verdict.findings, key=lambda found: list(Weight).index(found.weight)):
        table.add_row(
            Text(finding.weight.value, style=_STYLES[finding.weight]),
            Text(finding.where),
            Text(finding.what),
            Text(finding.todo),
        )
    return table
