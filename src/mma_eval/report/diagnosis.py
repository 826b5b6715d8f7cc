"""What is wrong with a model, in a few lines below its result table."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from mma_eval.eval.analysis.diagnosis import Diagnosis
from mma_eval.eval.analysis.findings import LEAST_CLIPS, SECONDARY, Fault, Finding, Verdict
from mma_eval.eval.task_names import twin_of

WIDTH, INDENT = 80, "  "
TITLES = {
    Fault.ALWAYS_ABSTAINS: "always abstains",
    Fault.POSITION_BIASED: "biased towards a position",
    Fault.FAVOURS_A_CLASS: "favours a class",
    Fault.RANDOM: "little better than guessing",
    Fault.SEES_ONLY: "sees only",
    Fault.HEARS_ONLY: "hears only",
    Fault.VISUALLY_DOMINATED: "dominated by sight",
    Fault.AURALLY_DOMINATED: "dominated by sound",
    Fault.FOLLOWS_SIGHT: "sees only, or dominated by sight",
    Fault.FOLLOWS_SOUND: "hears only, or dominated by sound",
    Fault.FOLLOWS_CAPTIONS: "follows captions",
    Fault.LEAKS: "names removed streams",
    Fault.NEVER_ABSTAINS: "hardly ever abstains",
    Fault.NONE: "no fault found; every one in question was looked for and ruled out",
    Fault.UNDECIDED: "undecided",
}
CONDITIONS = frozenset(
    {Fault.SEES_ONLY, Fault.HEARS_ONLY, Fault.VISUALLY_DOMINATED, Fault.AURALLY_DOMINATED}
    | {Fault.FOLLOWS_CAPTIONS}
)
"""Faults that only show under a changed clip or prompt."""


def print_diagnosis(console: Console, diagnosis: Diagnosis) -> None:
    """The faults found, what could not be decided, and what to run for the rest.

    One line where nothing can be said: only untouched clips, or too few of them.
    """
    console.print()
    if (lacking := _lacking(diagnosis)) is not None:
        console.print(Text(f"Diagnosis: {lacking}", style="dim"), soft_wrap=True)
        return
    console.print(Text(f"Diagnosis: {TITLES[diagnosis.primary]}", style="bold"))
    for finding in diagnosis.findings:
        title = "" if finding.fault is diagnosis.primary else f"{TITLES[finding.fault]}: "
        _print_line(console, title[:1].upper() + title[1:] + finding.sentence)
    if diagnosis.open:
        _print_line(console, f"Too few clips to decide: {_titles(diagnosis.open)}.", "dim")
    if diagnosis.untested:
        _print_line(console, f"Not tested: {_titles(diagnosis.untested)}; these tasks tell:", "dim")
        # A list of tasks stays on one line, or it could not be copied.
        tasks = Text(f"{INDENT}--tasks {_tasks(diagnosis.untested)}", style="dim")
        console.print(tasks, soft_wrap=True)


def _lacking(diagnosis: Diagnosis) -> str | None:
    """What is missing where there is nothing to say."""
    if diagnosis.findings:
        return None
    looked_for = [check for check in diagnosis.checks if check.fault in CONDITIONS]
    if all(check.verdict is Verdict.UNTESTED for check in looked_for):
        needed = [check for check in diagnosis.untested if check.fault not in SECONDARY]
        return f"needs more than this; add --tasks {_tasks(needed)}"
    if all(check.verdict in (Verdict.UNTESTED, Verdict.OPEN) for check in diagnosis.checks):
        return f"too few clips to tell anything; at least {LEAST_CLIPS}, better 100"
    return None


def _titles(checks: Iterable[Finding]) -> str:
    return ", ".join(TITLES[check.fault] for check in checks)


def _tasks(checks: Iterable[Finding]) -> str:
    """The tasks that would tell, both modalities of one under its family's name."""
    wanted = dict.fromkeys(task for check in checks for task in check.tasks)
    families: dict[str, None] = {}
    for task in wanted:
        twin = twin_of(task)
        family = re.sub("_(visual|audio)$", "", task)
        families[family if twin in wanted else task] = None
    return ",".join(families)


def _print_line(console: Console, text: str, style: str = "") -> None:
    width = min(console.width, WIDTH) - len(INDENT)
    for line in textwrap.wrap(text, width):
        console.print(Text(INDENT + line, style=style))
