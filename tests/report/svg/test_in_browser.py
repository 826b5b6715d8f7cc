"""Labels as a real browser sets them: estimated widths leave enough room."""

from __future__ import annotations

from pathlib import Path

from mma_eval.eval.scorecard import RunScores
from mma_eval.models.card import Reported
from mma_eval.report.svg.attribution import attribution
from mma_eval.report.svg.before_after import before_after
from mma_eval.report.svg.drawing import NARROW, WIDE, Drawing
from mma_eval.report.svg.grouped_bars import Bar, BarGroup, grouped_bars
from mma_eval.report.svg.heat_map import class_heat_map
from mma_eval.report.svg.lettering import text_width
from mma_eval.report.svg.profile import profile
from mma_eval.report.svg.reported_comparison import reported_comparison
from mma_eval.types import Attribution
from tests.report.browser import Browser
from tests.report.svg.scores import class_table, scores_of, task

FAMILIES = (
    "aligned",
    "misalign",
    "frames_zeroed",
    "audio_removed",
    "misleading_caption",
    "long_context",
    "abstention",
    "cot_aligned",
    "cot_misalign",
)
NAME = "An organisation with a LONG NAME/Some-Video-LLM-72B-Instruct-AV-2511 + adapter_of_somebody"
MISPLACED = """
return [...document.querySelectorAll('svg')].flatMap(svg => {
  const whole = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll('text')];
  const boxes = texts.map(text => text.getBoundingClientRect());
  const found = [];
  boxes.forEach((a, i) => {
    const label = svg.getAttribute('aria-label') + ': ' + texts[i].firstChild?.nodeValue;
    if (a.left < whole.left || a.right > whole.right + 0.5) found.push(label + ' sticks out');
    boxes.slice(0, i).forEach((b, j) => {
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > 1 && high > 4) found.push(label + ' covers ' + texts[j].firstChild.nodeValue);
    });
  });
  return found;
});
"""


def test_no_character_is_wider_than_estimated(browser: Browser, tmp_path: Path) -> None:
    characters = [chr(code) for code in range(33, 127)] + list("…→−éüßж中")
    drawing = Drawing(WIDE, "", "")
    for bold in (False, True):
        for character in characters:
            drawing.text(0, 20, character * 50, size=10, bold=bold)
    page = tmp_path / "letters.html"
    page.write_text(f"<!doctype html><meta charset=utf-8>{drawing.finish(40)}", encoding="utf-8")
    browser.open(page)
    real = browser.run(
        "return [...document.querySelectorAll('text')].map(text => text.getComputedTextLength())"
    )
    estimated = [
        text_width(character * 50, 10, bold=bold)
        for bold in (False, True)
        for character in characters
    ]
    too_wide = [
        (text, width, guess)
        for text, width, guess in zip(characters * 2, real, estimated, strict=True)
        if width > guess
    ]
    assert too_wide == []


def _plots(width: int) -> list[str]:
    scores = _scores(75)
    reported = [
        Reported(task=score.task, metric=metric, value=100, source=f"{NAME}, Table {at}")
        for at, score in enumerate(scores.tasks)
        for metric in ("accuracy", "leak")
    ]
    bars = (Bar("frames zeroed", 1, 0.9, 1), Bar(NAME, 1, reported=True), Bar(NAME, 0))
    return [
        profile(NAME, scores, reported=reported, width=width),
        attribution(NAME, scores, width=width),
        class_heat_map(NAME, scores, width=width),
        reported_comparison(NAME, scores, reported, width=width),
        before_after(NAME, scores, f"{NAME} with more", _scores(100), width=width),
        grouped_bars(NAME, [BarGroup(NAME, bars, bars)], notes=[NAME], width=width),
    ]


def _scores(right: int) -> RunScores:
    """Every kind of task and of answer, with long names of tasks and classes."""
    rest = 100 - right
    named = {source: min(rest, 3) for source in Attribution}
    tasks = [
        task(f"{family}_{ask}{variant}", right=right, attribution=named)
        for family in (*FAMILIES, "somebodys_task_of_a_long_name")
        for ask in ("visual", "audio")
        for variant in (("", "@with_a_variant") if family == "misalign" else ("",))
        if (family, ask) != ("frames_zeroed", "visual")
    ]
    tasks += [task("frames_zeroed_visual", leak=right), task("empty_visual", n=0)]
    labels = {f"Vehicle horn, car horn, honking {at}": 10 for at in range(8)}
    tables = tuple(class_table(score.task, labels) for score in tasks[:18])
    return scores_of(*tasks, classes=tables)


def test_no_label_sticks_out_or_covers_another(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "plots.html"
    plots = [plot for width in (WIDE, NARROW) for plot in _plots(width)]
    page.write_text(f"<!doctype html><meta charset=utf-8>{''.join(plots)}", encoding="utf-8")
    browser.open(page)
    assert browser.run("return document.querySelectorAll('svg').length") == len(plots)
    assert browser.run(MISPLACED) == []
