"""What the doctor found, on the terminal: one line a check, advice below what fails."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mma_eval.eval.doctor.checks import Check, Verdict
from mma_eval.eval.doctor.examination import Examination
from mma_eval.eval.doctor.installation import Installation

STYLES = {
    Verdict.OK: "green",
    Verdict.FAIL: "bold red",
    Verdict.CANNOT_TELL: "yellow",
    Verdict.NOT_APPLICABLE: "dim",
}


def print_installation(console: Console, installation: Installation) -> None:
    """Software, device, folders, and the decoder of each codec."""
    packages = [f"{name} {version}" for name, version in installation.packages.items()]
    data = installation.data_folder
    facts = {
        "software": f"mma-eval {installation.mma_eval}, Python {installation.python}",
        "packages": ", ".join(packages),
        "platform": installation.platform,
        "device": f"{installation.device}, {installation.memory_free / 1e9:.1f} GB of memory free",
        "MMA_EVAL_DATA": "not set" if data is None else str(data),
    }
    _print_facts(console, facts)
    print_checks(console, installation.checks)


def print_examination(console: Console, examination: Examination) -> None:
    """One model: what it says of itself, every check, and the outcome in a line."""
    console.print()
    console.rule(f"{examination.model} ({examination.version})", align="left")
    described = {key: str(value) for key, value in examination.described.items() if value != ""}
    _print_facts(console, described)
    console.print(f"Asked about {len(examination.clips)} clips.\n", style="dim")
    print_checks(console, examination.checks)
    failed = [check.name for check in examination.checks if check.verdict is Verdict.FAIL]
    unsure = [check.name for check in examination.checks if check.verdict is Verdict.CANNOT_TELL]
    console.print()
    if failed:
        console.print(f"FAILED: {', '.join(failed)}", style="bold red", markup=False)
    elif unsure:
        console.print(
            f"Nothing failed; not settled: {', '.join(unsure)}", style="yellow", markup=False
        )
    else:
        console.print("Every check that applies passed.", style="green")


def print_checks(console: Console, checks: Sequence[Check]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in checks:
        style = STYLES[check.verdict]
        table.add_row(
            f"[{style}]{check.verdict}[/]", escape(check.name), escape(_lines(check.finding))
        )
        if check.advice is not None:
            table.add_row("", "", f"[{style}]-> {escape(check.advice)}[/]")
    console.print(table)


def _lines(finding: str) -> str:
    """Each part of a finding on a line of its own."""
    return finding.replace("; ", "\n")


def _print_facts(console: Console, facts: dict[str, str]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(escape(name), escape(value))
    console.print(table)
    console.print()
