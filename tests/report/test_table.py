"""The result table as it reads on a terminal of 80 columns, without colour."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from mma_eval.eval.score import AbstentionSummary, RunScores, Share, TaskScore
from mma_eval.eval.scorecard import Drop, Estimate, Following
from mma_eval.report.table import print_next, print_results
from mma_eval.types import Attribution, Status

FAMILIES = ("aligned", "misalign", "frames_zeroed", "audio_removed", "misleading_caption")
MORE_FAMILIES = ("long_context", "abstention", "cot_aligned", "cot_misalign")


def task(name: str, **numbers: Any) -> TaskScore:
    """A task of 100 answers, 80 right and 20 naming another option, but for `numbers`."""
    defaults: dict[str, Any] = {
        "task": name,
        "ask": "audio" if name.endswith("audio") else "visual",
        "n": 100,
        "answered": 100,
        "coverage": 1.0,
        "accuracy": Share.of(80, 100),
        "macro_accuracy": Estimate(value=0.795, low=0.7, high=0.87, n=100),
        "chance": 0.1,
        "majority": 0.2,
        "leak": None,
        "both_right": None,
        "lenient_accuracy": Share.of(80, 100),
        "unparsed_rate": 0.0,
        "correct": 80,
        "wrong": 20,
        "abstained": 0,
        "ambiguous": 0,
        "unparsed": 0,
        "refused": 0,
        "context_overflow": 0,
        "conflicts": 0,
        "attribution": {Attribution.ABSTENTION: 0, Attribution.OTHER_OPTION: 20},
        "failures": {},
        "unanswered": 0,
        "not_applicable": 0,
    }
    return TaskScore(**{**defaults, **numbers})


def leaking(name: str) -> TaskScore:
    return task(
        name,
        accuracy=None,
        macro_accuracy=None,
        leak=Share.of(46, 100),
        correct=0,
        wrong=100,
        attribution={Attribution.REMOVED: 46, Attribution.OTHER_OPTION: 54},
    )


def printed(
    *tasks: TaskScore,
    abstentions: tuple[AbstentionSummary, ...] = (),
    drops: tuple[Drop, ...] = (),
    followings: tuple[Following, ...] = (),
    baseline: str | None = None,
    width: int = 80,
    colour: bool = False,
) -> str:
    output = io.StringIO()
    console = Console(
        file=output,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
    )
    scores = RunScores(
        tasks=tasks,
        pairs=(),
        abstentions=abstentions,
        drops=drops,
        followings=followings,
        n=100,
        answered=100,
        coverage=1.0,
    )
    print_results(console, scores, model="qwen2.5-omni[x]", dataset="demo")
    print_next(
        console,
        scores,
        run_path=Path("results") / "qwen2.5-omni" / "3f9a1c20b7de",
        baseline=baseline,
        next_command="mma-eval score results/qwen2.5-omni/3f9a1c20b7de --with a --long --tail",
    )
    return output.getvalue()


def row(text: str, name: str, table: int = 0) -> list[str]:
    """The cells of a task's row in the nth table that has one."""
    rows = [line.split() for line in text.splitlines() if line.startswith(name + " ")]
    return rows[table][1:]


def test_one_task() -> None:
    text = printed(task("aligned_audio"), baseline="mma-eval --tasks aligned_visual")
    assert "qwen2.5-omni[x] on demo" in text
    assert row(text, "aligned_audio") == ["100", "80.0", "[71-87]", "79.5", "10.0", "0.0", "100"]
    assert row(text, "aligned_audio", table=1) == ["20.0", "20.0"]
    assert "Baseline  mma-eval --tasks aligned_visual\n" in text
    assert re.search(r"^Run +results/qwen2.5-omni/3f9a1c20b7de$", text, re.MULTILINE)
    assert "--with a --long --tail\n" in text, "a command must stay on one line"


def test_the_aligned_baseline_of_the_run_is_repeated() -> None:
    text = printed(task("aligned_audio"), task("aligned_visual"), task("misalign_audio"))
    assert "Baseline  aligned: audio 80.0, visual 80.0\n" in text


def test_a_number_that_does_not_exist_is_a_dash() -> None:
    text = printed(leaking("audio_removed_audio"), task("aligned_audio", unparsed_rate=None))
    assert row(text, "audio_removed_audio") == ["100", "-", "-", "10.0", "0.0", "100"]
    assert row(text, "aligned_audio")[3:] == ["79.5", "10.0", "-", "100"]


def test_leak_stands_apart_from_accuracy_with_its_interval() -> None:
    text = printed(leaking("audio_removed_audio"), task("aligned_audio"))
    assert row(text, "audio_removed_audio", table=2) == ["46.0", "[37-56]", "10.0"]
    assert "lower is better" in text


def test_a_source_that_cannot_occur_is_a_dash_and_one_that_does_not_is_zero() -> None:
    conflict = task(
        "misalign_audio",
        conflicts=100,
        both_right=Share.of(55, 100),
        attribution={
            Attribution.OTHER_MODALITY: 15,
            Attribution.ABSTENTION: 5,
            Attribution.OTHER_OPTION: 0,
        },
    )
    text = printed(conflict, task("aligned_audio"))
    assert row(text, "misalign_audio")[3] == "55.0"
    assert row(text, "misalign_audio", table=1) == ["20.0", "15.0", "5.0", "0.0"]
    assert row(text, "aligned_audio", table=1) == ["20.0", "-", "0.0", "20.0"]


def test_both_right_asks_for_the_twin() -> None:
    text = printed(task("misalign_audio", conflicts=100))
    assert "Both right needs the twin task too: misalign_visual." in text


def test_a_perfect_run_has_no_attribution() -> None:
    perfect = task("aligned_audio", accuracy=Share.of(100, 100), correct=100, wrong=0)
    text = printed(perfect)
    assert "What the wrong answers named" not in text
    assert row(text, "aligned_audio")[1:3] == ["100", "[96-100]"]


def test_nothing_answered() -> None:
    text = printed(
        task(
            "aligned_audio",
            answered=0,
            coverage=0.0,
            accuracy=None,
            macro_accuracy=None,
            chance=None,
            lenient_accuracy=None,
            unparsed_rate=None,
            correct=0,
            wrong=0,
            attribution={},
            failures={Status.OUT_OF_MEMORY: 99},
            unanswered=1,
        )
    )
    assert row(text, "aligned_audio") == ["100", "-", "-", "-", "-", "0.0"]
    assert "asked again by the next run: 99 out of memory." in text
    assert "Not asked yet: 1." in text


def test_lenient_reading_is_told_where_it_differs() -> None:
    text = printed(
        task("aligned_audio"), task("cot_aligned_audio", lenient_accuracy=Share.of(90, 100))
    )
    assert "(first option mentioned anywhere): cot_aligned_audio 90.0." in " ".join(text.split())


def test_abstention_stands_apart_and_its_controls_are_not_rows() -> None:
    summary = AbstentionSummary(
        task="abstention_audio",
        recall=Share.of(30, 100),
        false_abstention=Share.of(5, 100),
        false_aligned=Share.of(5, 100),
        false_irrelevant=None,
        balanced_accuracy=Estimate(value=0.625, low=0.5, high=0.75, n=100),
    )
    text = printed(
        task("abstention_audio"),
        task("abstention_audio.control_aligned"),
        abstentions=(summary,),
    )
    assert row(text, "abstention_audio", table=2) == ["30.0", "[22-40]", "5.0", "-", "62.5"]
    assert "control_aligned" not in text


def test_a_drop_shows_its_pairs_and_its_corrected_p() -> None:
    drop = Drop(
        task="misalign_audio",
        baseline="aligned_audio",
        pairs=38,
        before=0.9,
        after=0.5,
        difference=Estimate(value=-0.4, low=-0.552, high=-0.211, n=38),
        lost=17,
        gained=2,
        p=0.0007,
        p_holm=0.0056,
    )
    text = printed(task("misalign_audio"), drops=(drop,))
    assert row(text, "misalign_audio", table=1) == [
        "38",
        "-40.0",
        "[-55,",
        "-21]",
        "17",
        "2",
        "0.006",
    ]
    assert "baseline" not in text, "drops are from the aligned question unless said otherwise"


def test_following_shows_what_is_left_after_inability() -> None:
    common = {
        "share": Share.of(70, 100),
        "expected": 0.1,
        "net": Estimate(value=0.6, low=0.501, high=0.684, n=100),
        "able_by": ("audio_removed_visual", "frames_zeroed_audio"),
    }
    dominated = Following(
        task="misalign_audio",
        source=Attribution.OTHER_MODALITY,
        able_share=Share.of(40, 50),
        able_net=Estimate(value=0.7, low=0.6, high=0.8, n=50),
        **common,
    )
    credulous = Following(
        task="misleading_caption_audio",
        source=Attribution.CAPTION,
        able_share=None,
        able_net=None,
        **common,
    )
    text = printed(task("misalign_audio"), followings=(dominated, credulous))
    assert row(text, "misalign_audio", table=2) == (
        ["picture", "70.0", "10.0", "+60.0", "[+50,", "+68]", "70.0", "50"]
    )
    assert row(text, "misleading_caption_audio")[0] == "caption"
    assert row(text, "misleading_caption_audio")[-2:] == ["-", "-"]
    assert "audio_removed_visual, frames_zeroed_audio." in text


@pytest.mark.parametrize("colour", [False, True])
def test_eighteen_tasks_fit_80_columns_with_whole_names(colour: bool) -> None:
    tasks = [
        task(
            f"{family}_{ask}",
            conflicts=100 if "misalign" in family else 0,
            both_right=Share.of(55, 100) if "misalign" in family else None,
            accuracy=Share.of(99, 100),
            attribution=dict.fromkeys(Attribution, 2),
        )
        for family in (*FAMILIES, *MORE_FAMILIES)
        for ask in ("visual", "audio")
    ]
    drops = tuple(
        Drop(
            task=score.task,
            baseline="aligned_audio",
            pairs=3500,
            before=1.0,
            after=0.0,
            difference=Estimate(value=-1.0, low=-1.0, high=-0.999, n=3500),
            lost=3500,
            gained=0,
            p=0.0,
            p_holm=0.0,
        )
        for score in tasks
    )
    followings = tuple(
        Following(
            task=score.task,
            source=Attribution.OTHER_MODALITY,
            share=Share(k=3500, n=3500, rate=1.0, low=0.99, high=1.0),
            expected=0.1,
            net=drop.difference,
            able_share=Share(k=3500, n=3500, rate=1.0, low=0.99, high=1.0),
            able_net=drop.difference,
            able_by=("audio_removed_visual", "frames_zeroed_audio"),
        )
        for score, drop in zip(tasks, drops, strict=True)
    )
    text = printed(
        *tasks,
        leaking("audio_removed_audio"),
        drops=drops,
        followings=followings,
        colour=colour,
    )
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    numbers = plain.split("Baseline  ")[0]
    assert max(map(len, numbers.splitlines())) <= 80
    assert "misleading_caption_visual 100 99.0 [95-100]" in numbers
    assert "\u2026" not in numbers


def test_a_name_too_long_breaks_between_its_words() -> None:
    name = "misleading_caption_visual+long_context+shuffle_options"
    text = printed(task(name, conflicts=1))
    lines = text.splitlines()
    first = next(at for at, line in enumerate(lines) if line.startswith("misleading_"))
    start, rest = lines[first].split()[0], lines[first + 1].strip()
    assert start + rest == name and start.endswith(("_", "+"))
    assert max(map(len, text.split("Baseline")[0].splitlines()[:12])) <= 80


def test_colour_draws_a_bar_as_long_as_its_share() -> None:
    half = task("aligned_audio", correct=50, attribution={Attribution.OTHER_OPTION: 50})
    none = task("aligned_visual", correct=0, attribution={Attribution.OTHER_OPTION: 100})
    text = printed(half, none, width=100, colour=True)
    bars = [line.count("\u2588") for line in text.splitlines() if "\u2588" in line]
    assert bars == [20, 40]
    assert "\u2588" not in printed(half, none, width=100)


def test_without_colour_no_escape_codes_and_no_odd_characters() -> None:
    text = printed(leaking("audio_removed_audio"), task("aligned_audio"))
    assert set(re.sub(r"[\x20-\x7e\n]", "", text)) <= {"\u2500"}
