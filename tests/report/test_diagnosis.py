"""A diagnosis on the terminal: short, 80 columns, and quiet where nothing can be said."""

from __future__ import annotations

import io
import shlex

from rich.console import Console

from mma_eval.eval.analysis.diagnosis import Diagnosis
from mma_eval.eval.analysis.findings import Fault, Finding, Verdict, untested
from mma_eval.report.diagnosis import TITLES, print_diagnosis
from mma_eval.task.load import TaskCatalogue

CONDITIONS = (
    untested(Fault.SEES_ONLY, "frames_zeroed_audio"),
    untested(Fault.VISUALLY_DOMINATED, "misalign_audio"),
    untested(Fault.AURALLY_DOMINATED, "misalign_visual"),
    untested(Fault.FOLLOWS_CAPTIONS, "misleading_caption"),
    untested(Fault.LEAKS, "frames_zeroed_visual", "audio_removed_audio"),
)


def found(fault: Fault, sentence: str) -> Finding:
    return Finding(fault, Verdict.FOUND, sentence)


def check(fault: Fault, verdict: Verdict) -> Finding:
    return Finding(fault, verdict, "not shown")


def printed(diagnosis: Diagnosis) -> list[str]:
    console = Console(file=io.StringIO(), width=100)
    print_diagnosis(console, diagnosis)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().strip().splitlines()


def test_faults_come_first_and_the_rest_is_named_below() -> None:
    lines = printed(
        Diagnosis(
            Fault.VISUALLY_DOMINATED,
            (
                check(Fault.RANDOM, Verdict.RULED_OUT),
                found(Fault.VISUALLY_DOMINATED, "It names what it sees. " + "Very long. " * 12),
                untested(Fault.FOLLOWS_CAPTIONS, "misleading_caption"),
                found(Fault.LEAKS, "It still names it."),
                check(Fault.NEVER_ABSTAINS, Verdict.OPEN),
            ),
        )
    )
    assert lines[0] == "Diagnosis: dominated by sight"
    assert lines[1].startswith("  It names what it sees. Very long.")
    assert "  Names removed streams: It still names it." in lines
    assert "  Too few clips to decide: hardly ever abstains." in lines
    assert lines[-2:] == [
        "  Not tested: follows captions; these tasks tell:",
        "  --tasks misleading_caption",
    ]
    assert max(map(len, lines)) <= 80


def test_untouched_clips_alone_get_one_line_with_what_to_run() -> None:
    (line,) = printed(
        Diagnosis(Fault.UNDECIDED, (check(Fault.RANDOM, Verdict.RULED_OUT), *CONDITIONS))
    )
    tasks = "frames_zeroed_audio,misalign,misleading_caption"
    assert line == f"Diagnosis: needs more than this; add --tasks {tasks}"
    names = {task.name for task in TaskCatalogue().select(tuple(tasks.split(",")))}
    assert {"frames_zeroed_audio", "misalign_visual", "misleading_caption_audio"} <= names


def test_few_clips_get_one_line() -> None:
    checks = (check(Fault.RANDOM, Verdict.OPEN), check(Fault.VISUALLY_DOMINATED, Verdict.OPEN))
    (line,) = printed(Diagnosis(Fault.UNDECIDED, checks))
    assert line == "Diagnosis: too few clips to tell anything; at least 10, better 100"


def test_a_model_without_faults() -> None:
    ruled_out = (check(Fault.VISUALLY_DOMINATED, Verdict.RULED_OUT),)
    assert printed(Diagnosis(Fault.NONE, ruled_out)) == [
        "Diagnosis: no fault found; every one in question was looked for and ruled out"
    ]


def test_every_fault_has_words() -> None:
    assert set(TITLES) == set(Fault)


def test_a_sentence_is_not_markup() -> None:
    lines = printed(Diagnosis(Fault.RANDOM, (found(Fault.RANDOM, "'[red]Bell[/red]' [0-100]"),)))
    assert shlex.split(lines[1]) == ["[red]Bell[/red]", "[0-100]"]
