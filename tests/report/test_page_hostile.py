"""What a model, a dataset or a card says is shown as text, whatever it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mma_eval import evaluate
from mma_eval.eval.analysis.subject import read_subjects
from mma_eval.report.page.make import write_report
from tests.conftest import make_clip
from tests.report.browser import Browser

SCRIPT = "<script>window.hacked=1</script>"
HANDLER = "\"><img src=x onerror='window.hacked=1'>"
CLOSING = "</script></pre></style><svg onload=window.hacked=1>"
COMMENT = "<!-- <script> {{7*7}} {% raw %} ${7*7} &lt;b&gt; --"
UNSEEN = "\x00 nul, \x1b[31m escape, \u202e turned \u2066 around, half a \\ud800 pair"
LINK = "javascript:window.hacked=1"
CLASSES = (SCRIPT, HANDLER, "{{7*7}}", "Bird \u202eflipped")
MODEL = "</title><script>window.hacked=1</script>{{7*7}}"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mock whose every answer is an attack, under a hostile name, on hostile classes."""
    folder = tmp_path_factory.mktemp("hostile")
    answers = (SCRIPT, HANDLER, CLOSING, COMMENT + "\n" + UNSEEN)
    rows = []
    script: dict[str, str] = {}
    for at, label in enumerate(CLASSES):
        clip = f"clip {at} {HANDLER}"
        make_clip(folder / f"{at}.mp4", shade=50 * at)
        rows.append({"id": clip, "video": f"{at}.mp4", "visual_label": label, "audio_label": label})
        script |= {f"{clip}/visual": answers[at], f"{clip}/audio": answers[at]}
    manifest = folder / "manifest.jsonl"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "script.json").write_text(json.dumps(script), encoding="utf-8")
    card = {
        "name": MODEL,
        "backend": "mock",
        "family": SCRIPT,
        "summary": CLOSING,
        "license": HANDLER,
        "links": {"paper": LINK},
        "arguments": {"behaviour": "script", "script": str(folder / "script.json")},
        "reported": [
            {
                "task": "aligned_visual",
                "metric": "accuracy",
                "value": 50.0,
                "source": SCRIPT,
                "note": HANDLER,
            }
        ],
    }
    (folder / "card.yaml").write_text(json.dumps(card), encoding="utf-8")
    evaluate(
        str(folder / "card.yaml"),
        "aligned,misalign,misleading_caption",
        dataset=manifest,
        output_path=folder / "runs",
    )
    write_report(read_subjects([folder / "runs"]), folder / "report.html")
    return folder / "report.html"


def test_nothing_runs_and_nothing_is_fetched(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.run("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert browser.run("return window.hacked") is None
    assert browser.run("return document.querySelectorAll('main script, main iframe').length") == 0
    sources = browser.run("return [...document.images].map(i => i.src.slice(0, 16))")
    assert set(sources) == {"data:image/jpeg;"}
    handlers = browser.run(
        "return [...document.querySelectorAll('*')]"
        ".filter(e => [...e.attributes].some(a => a.name.startsWith('on'))).length"
    )
    assert handlers == 0
    assert browser.complaints() == []
    assert browser.requests_elsewhere() == []


def test_answers_are_read_as_they_were_given(browser: Browser, page: Path) -> None:
    browser.open(page)
    answers = browser.run(
        "return [...document.querySelectorAll('.card[data-task=aligned_visual] .answer')]"
        ".map(p => p.textContent)"
    )
    assert answers[:3] == [SCRIPT, HANDLER, CLOSING]
    assert answers[3].startswith(COMMENT + "\n␀ nul, ␛[31m escape, ⟨U+202E RIGHT-TO-LEFT OVERRIDE⟩")


def test_names_and_classes_are_text(browser: Browser, page: Path) -> None:
    browser.open(page)
    assert browser.run("return document.title").startswith(MODEL)
    assert browser.find("h2").text == MODEL
    targets = browser.run(
        "return [...document.querySelectorAll('.card[data-task=aligned_visual]')]"
        ".map(c => c.dataset.class)"
    )
    assert targets[:3] == [SCRIPT, HANDLER, "{{7*7}}"]
    assert "\u202e" not in browser.run("return document.documentElement.outerHTML")
    assert browser.run(f"return document.querySelectorAll('a[href=\"{LINK}\"]').length") == 0


def test_filters_work_on_hostile_values(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.choose("class", SCRIPT)
    shown = browser.visible_cards()
    assert 0 < len(shown) < 24
    fragment = browser.run("return location.hash")
    browser.open(page, fragment)
    assert browser.visible_cards() == shown


def test_markup_that_does_get_in_cannot_act(browser: Browser, page: Path, tmp_path: Path) -> None:
    html = page.read_text(encoding="utf-8")
    attack = (
        "<main id='main'><script>window.hacked=1</script><img src='https://example.org/x.png'>"
        "<img src=x onerror='window.hacked=1'><style>body{background:url(https://example.org)}"
        "</style><iframe src='https://example.org'></iframe>"
    )
    opened = tmp_path / "report.html"
    opened.write_text(html.replace('<main id="main">', attack), encoding="utf-8")
    browser.open(opened)
    assert "example.org" in browser.run("return document.documentElement.outerHTML")
    assert browser.run("return window.hacked") is None
    assert browser.requests_elsewhere() == []
    assert len(browser.complaints()) >= 5
