"""A record of the doctor on the terminal: that it was written, and how another machine compares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from mma_eval.eval.doctor.checks import Verdict
from mma_eval.eval.doctor.comparison import RecordComparison, ShownDifference, visible
from mma_eval.eval.doctor.record import DoctorRecord
from mma_eval.report.doctor import STYLES
from mma_eval.report.rerun import facts_table, print_comparison

WORDS = {Verdict.OK: "agrees", Verdict.FAIL: "differs", Verdict.CANNOT_TELL: "cannot tell"}
EXPLAINING = ("model card", "backend", "version", "digest of ", "argument ", "model ")
"""How the facts begin that make it another model, or the same one set otherwise."""


def print_written(console: Console, path: Path, size: int, record: DoctorRecord) -> None:
    """Where the record is, what it holds, and what it does not."""
    console.print(
        f"\nWrote {path}: {len(record.answers)} answers on {_clips(len(record.clips.files))}, "
        f"{size / 1000:.0f} kB. It holds no media, keys, paths or names of people; read it "
        "before you send it.",
        markup=False,
        soft_wrap=True,
    )


def in_a_line(record: DoctorRecord) -> str:
    """Which machine a record is of, and what the checks found there."""
    described = record.environment.model
    hardware = record.machine.get("GPU", "none")
    where = record.machine.get("architecture", "") if hardware == "none" else hardware
    verdicts = Counter(str(check.verdict) for check in record.checks)
    facts = [
        f"{record.made:%Y-%m-%d}",
        where,
        str(described.get("dtype") or ""),
        f"mma-eval {record.environment.mma_eval}",
        ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items()),
    ]
    return visible("; ".join(fact for fact in facts if fact))


def print_against(console: Console, record: DoctorRecord, comparison: RecordComparison) -> None:
    """What is different around the model, what was shown, the answers, and the verdict."""
    console.print()
    title = f"against {visible(record.model.name)} of {record.made:%Y-%m-%d %H:%M}"
    console.rule(title, align="left")
    console.print(
        f"Asked on {comparison.clips} of the record's {_clips(comparison.clips_before)}.",
        style="dim",
    )
    if comparison.facts:
        console.print("\nDifferent here:")
        console.print(facts_table(comparison.facts, ("what", "record", "here")))
    else:
        console.print("Model, software and machine are as they were.", style="dim")
    console.print(f"\n{shown_in_words(comparison)}", markup=False)
    if comparison.on_the_same.samples:
        print_comparison(console, comparison.on_the_same)
        for name, count in comparison.compared.items():
            console.print(f"  {name}: {comparison.alike[name]} of {count} alike", style="dim")
    if comparison.on_others.samples:
        console.print("\nWhere clip or wording is not the same:", style="bold")
        print_comparison(console, comparison.on_others)
    for check in comparison.checks:
        console.print(f"check '{check.name}': {check.before}, here {check.now}", markup=False)
    verdict = comparison.verdict
    console.print(f"\n{WORDS[verdict]}: {reason(comparison)}", style=STYLES[verdict], markup=False)


def shown_in_words(comparison: RecordComparison) -> str:
    """How much of what was shown is the same bit for bit, and why the rest is not."""
    differences = comparison.shown_differently
    same = comparison.shown - len(differences)
    line = f"Shown bit for bit the same: {same} of {comparison.shown} variants of clips."
    return f"{line} {_why(differences)}" if differences else line


def reason(comparison: RecordComparison) -> str:
    """The verdict's reason, and what to do about it."""
    same, others = comparison.on_the_same, comparison.on_others
    match comparison.verdict:
        case Verdict.OK:
            total = len(same.samples) + len(others.samples)
            apart = "" if not others.samples else ", though not all that was shown is the same"
            return f"all {total} answers{apart}"
        case Verdict.FAIL if same.differing:
            return (
                f"{len(same.differing)} of {len(same.samples)} answers to the same questions on "
                f"the same clips; {_what_to_do(comparison)}"
            )
        case Verdict.FAIL:
            return "every answer agrees, but not what the checks found; look at those above"
        case _ if not same.samples and not others.samples:
            return (
                "no clip was asked about on both sides; give --dataset and --clips as the record "
                "had them"
            )
        case _ if others.differing:
            agree = "" if not same.samples else f"; the {len(same.samples)} on the same clips agree"
            return (
                f"{len(others.differing)} of {len(others.samples)} answers differ, but clips or "
                f"wording differ too, so this says nothing about the model{agree}. Use the "
                "record's versions of mma-eval, av and decord, or the same files with --dataset "
                "on both sides"
            )
        case _:
            return "the answers agree and the checks do not, on clips that are not all the same"


def _clips(count: int) -> str:
    return "1 clip" if count == 1 else f"{count} clips"


def _why(differences: Sequence[ShownDifference]) -> str:
    streams = Counter(stream for difference in differences for stream in difference.streams)
    listed = " and ".join(f"the {stream} of {count}" for stream, count in streams.items())
    encoded = sum(difference.files for difference in differences)
    if encoded == len(differences):
        cause = "the clips' files are not the same (those of the demo are encoded on each machine)"
    elif encoded:
        cause = f"for {encoded} the files are not the same, the others were decoded differently"
    else:
        cause = "the files are the same and were decoded differently"
    return f"Not the same: {listed}; {cause}."


def _what_to_do(comparison: RecordComparison) -> str:
    causes = [fact.what for fact in comparison.facts if fact.what.startswith(EXPLAINING)]
    if causes:
        return f"first make these as in the record: {', '.join(causes)}"
    changed = comparison.on_the_same.fields
    if set(changed) == {"option_scores"}:
        return (
            "only likelihoods moved, by up to "
            f"{comparison.on_the_same.largest_score_difference:.2g} nats; if that is this "
            "machine's rounding, say so with --tolerance"
        )
    return "the model is set alike on both sides; the examples above show where it parts"
