"""The page as a reader meets it: opened from a file in a real browser, on real runs."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mma_eval import evaluate
from mma_eval.diagnose.effects import effects_of
from mma_eval.eval.analysis.subject import Subject, read_subjects
from mma_eval.report.attention_figures.folder import AttentionFolder
from mma_eval.report.page.make import write_report
from mma_eval.types import Outcome
from tests.diagnose.attention_runs import attention_run
from tests.report.browser import Browser

PLAYING = "document.querySelector('video, audio')?.currentTime > 0.2"


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """tiny-omni on six demo clips: swapped sound, black frames, silence."""
    folder = tmp_path_factory.mktemp("runs")
    tasks = "misalign,frames_zeroed,audio_removed"
    evaluate("tiny-omni", tasks, dataset="demo:count=20", limit=6, output_path=folder)
    (read,) = read_subjects([folder])
    return read


@pytest.fixture(scope="module")
def page(subject: Subject, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    attention = AttentionFolder(effects_of(attention_run(), replicates=50))
    write_report([subject], path, attention=[attention])
    return path


@pytest.fixture(scope="module")
def streams_page(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mock on clips of which one stream is absent, with every clip beside the page."""
    folder = tmp_path_factory.mktemp("streams")
    for condition in ("strip_video", "strip_audio"):
        evaluate("mock", "aligned", dataset=manifest, perturb=[condition], output_path=folder)
    write_report(read_subjects([folder]), folder / "report.html", max_embedded=0)
    return folder / "report.html"


def play(browser: Browser, task: str) -> None:
    """Click the play button of the task's first sample and wait until its clip runs."""
    browser.find(f'.card[data-task="{task}"] .play').click()
    browser.wait(PLAYING)


def test_all_samples_are_there_and_nothing_is_fetched(
    browser: Browser, page: Path, subject: Subject
) -> None:
    browser.open(page)
    assert len(browser.visible_cards()) == len(subject.samples) == 36
    widths = browser.run(
        "return [...document.querySelectorAll('.attention img')].map(one => one.naturalWidth)"
    )
    assert len(widths) == 5 and all(widths)
    assert browser.requests_elsewhere() == []
    assert browser.complaints() == []


def test_a_filter_keeps_what_it_names(browser: Browser, page: Path, subject: Subject) -> None:
    browser.open(page)
    browser.choose("task", "misalign_audio")
    browser.choose("outcome", "wrong")
    wrong = [s for s in subject.samples_of("misalign_audio") if s.outcome is Outcome.WRONG]
    assert len(browser.visible_cards()) == len(wrong) > 0
    assert browser.find("#count").text == f"Showing {len(wrong)} of 36 samples"
    others = browser.run(
        "return document.querySelector('select[data-filter=task] option[value=misalign_visual]')"
        ".textContent"
    )
    visual = [s for s in subject.samples_of("misalign_visual") if s.outcome is Outcome.WRONG]
    assert others == f"misalign_visual ({len(visual)})"
    browser.find("#clear").click()
    assert len(browser.visible_cards()) == 36


def test_text_filters_prompts_and_answers(browser: Browser, page: Path, subject: Subject) -> None:
    browser.open(page)
    browser.find("input[data-filter=text]").send_keys("AUDIO content")
    asked = [sample for sample in subject.samples if "audio content" in sample.prompt.lower()]
    assert 0 < len(browser.visible_cards()) == len(asked) < 36
    browser.find("input[data-filter=text]").send_keys(" of no such prompt")
    assert browser.visible_cards() == []
    assert browser.find("#nothing").is_displayed()


def test_a_filtered_view_is_an_address(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.choose("task", "frames_zeroed_visual")
    shown = browser.visible_cards()
    fragment = browser.run("return location.hash")
    browser.open(page, fragment)
    assert browser.visible_cards() == shown
    browser.open(page)
    browser.find('a[aria-label="Samples of frames_zeroed_visual"]').click()
    browser.wait("document.getElementById('count').textContent.startsWith('Showing')")
    assert browser.visible_cards() == shown


def test_a_sample_is_an_address_that_no_filter_hides(browser: Browser, page: Path) -> None:
    browser.open(page)
    last = browser.visible_cards()[-1]
    browser.open(page, f"#{last}")
    assert browser.run("return document.activeElement.id") == last
    assert browser.run(
        "const r = document.activeElement.getBoundingClientRect();"
        "return r.bottom > 0 && r.top < innerHeight"
    )
    browser.choose("task", "misalign_visual")
    assert last not in browser.visible_cards()
    browser.run("location.hash = arguments[0]", last)
    browser.wait(f"document.activeElement.id === '{last}'")
    assert last in browser.visible_cards()


def test_copying_a_link_puts_it_in_the_address(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.find(".card:nth-child(3) .copy").click()
    assert browser.run("return location.hash") == "#" + browser.visible_cards()[2]


def test_a_swapped_clip_plays_with_picture_and_sound(browser: Browser, page: Path) -> None:
    browser.open(page)
    play(browser, "misalign_audio")
    facts = browser.run(
        "const v = document.querySelector('video');"
        "return [v.videoWidth, v.webkitAudioDecodedByteCount, v.error]"
    )
    assert facts[0] > 0
    assert facts[1] > 0
    assert facts[2] is None
    assert browser.complaints() == []
    assert browser.requests_elsewhere() == []


@pytest.mark.parametrize(
    ("task", "is_right"),
    [
        ("frames_zeroed_audio", lambda brightest: brightest == 0),
        ("misalign_audio", lambda brightest: brightest > 60),
    ],
)
def test_black_frames_are_black_and_others_are_not(
    browser: Browser, page: Path, task: str, is_right: Callable[[int], bool]
) -> None:
    browser.open(page)
    play(browser, task)
    brightest = browser.run(
        "const v = document.querySelector('video'), c = document.createElement('canvas');"
        "c.width = v.videoWidth; c.height = v.videoHeight;"
        "const pen = c.getContext('2d'); pen.drawImage(v, 0, 0);"
        "const data = pen.getImageData(0, 0, c.width, c.height).data;"
        "let most = 0;"
        "for (let i = 0; i < data.length; i += 4)"
        "  most = Math.max(most, data[i], data[i + 1], data[i + 2]);"
        "return most"
    )
    assert is_right(brightest)


def test_starting_a_clip_stops_the_other(browser: Browser, page: Path) -> None:
    browser.open(page)
    play(browser, "misalign_audio")
    browser.find('.card[data-task="misalign_visual"] .play').click()
    browser.wait("document.querySelectorAll('video').length === 2")
    browser.wait("[...document.querySelectorAll('video')].filter(v => !v.paused).length <= 1")


def test_a_missing_picture_is_an_audio_player(browser: Browser, streams_page: Path) -> None:
    browser.open(streams_page)
    card = '.card[data-task="aligned_audio+strip_video"]'
    assert browser.find(f"{card} .no-picture").text == "No picture was sent"
    browser.find(f"{card} .play").click()
    browser.wait(PLAYING)
    assert browser.run("return document.querySelectorAll('audio').length") == 1
    assert "picture absent" in browser.find(f"{card} .streams").text


def test_clips_beside_the_page_play(browser: Browser, streams_page: Path) -> None:
    files = list((streams_page.parent / "report_files").iterdir())
    assert len(files) == 12
    browser.open(streams_page)
    play(browser, "aligned_visual+strip_audio")
    assert browser.run("return document.querySelector('video').videoWidth") == 56
    assert browser.run("return document.querySelector('video').webkitAudioDecodedByteCount") == 0
    requests = browser.requests()
    assert any(address.startswith("file:") and "/report_files/" in address for address in requests)
    assert browser.complaints() == []


def test_clips_beside_a_page_of_any_name_play(
    browser: Browser, streams_page: Path, tmp_path: Path
) -> None:
    page = tmp_path / "run: #1? 50%41 é.html"
    write_report(read_subjects([streams_page.parent]), page, max_embedded=0)
    browser.open(page)
    play(browser, "aligned_visual+strip_audio")
    assert browser.complaints() == []
    shutil.rmtree(tmp_path / f"{page.stem}_files")
    browser.open(page)
    browser.find(".play").click()
    browser.wait("document.querySelector('.clip p:not(.no-picture)')")
    note = browser.find(".clip p:not(.no-picture)").text
    assert note.startswith(f"The clip is not beside the page: {page.stem}_files/clip-")


def test_a_clip_that_was_left_behind_is_said_to_be_missing(
    browser: Browser, streams_page: Path, tmp_path: Path
) -> None:
    alone = tmp_path / "report.html"
    alone.write_bytes(streams_page.read_bytes())
    browser.open(alone)
    browser.find(".play").click()
    browser.wait(
        "[...document.querySelectorAll('.clip p')]"
        ".some(p => p.textContent.startsWith('The clip is not beside the page'))"
    )


def test_a_long_path_of_a_missing_clip_is_all_on_its_card(
    browser: Browser, manifest: Path, tmp_path: Path
) -> None:
    folder = tmp_path / ("long" * 50)
    shutil.copytree(manifest.parent, folder)
    evaluate("mock", "aligned", dataset=folder / manifest.name, output_path=tmp_path / "runs")
    (folder / "clip2.mp4").unlink()
    write_report(read_subjects([tmp_path / "runs"]), tmp_path / "report.html")
    browser.open(tmp_path / "report.html")
    assert str(folder) in browser.find(".clip.missing p").text
    assert browser.run(
        "const note = document.querySelector('.clip.missing p').getBoundingClientRect();"
        "const card = document.querySelector('.clip.missing').getBoundingClientRect();"
        "return note.left >= card.left && note.right <= card.right"
    )


@pytest.mark.parametrize("width", [360, 390, 1280])
def test_the_page_is_no_wider_than_the_screen(browser: Browser, page: Path, width: int) -> None:
    browser.resize(width, 800)
    try:
        browser.open(page)
        browser.run("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert browser.run("return document.documentElement.scrollWidth") <= width
        assert browser.run("return innerWidth") == width
    finally:
        browser.restore()


def test_a_phone_gets_the_narrow_plots(browser: Browser, page: Path) -> None:
    shown = "return [...document.querySelectorAll('.wide, .narrow')].filter(d => d.offsetParent)"
    browser.resize(390, 800)
    try:
        browser.open(page)
        assert set(browser.run(f"{shown}.map(d => d.className)")) == {"narrow"}
    finally:
        browser.restore()
    browser.open(page)
    assert set(browser.run(f"{shown}.map(d => d.className)")) == {"wide"}


def test_it_prints(browser: Browser, page: Path) -> None:
    browser.open(page)
    document = browser.pdf()
    assert document.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b", document)) >= 3
    # A picture for every clip: what is printed shows them without a player.
    assert document.count(b"/Subtype /Image") >= 6


def test_without_script_all_is_readable_and_links_work(
    browser: Browser, streams_page: Path
) -> None:
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.open(streams_page)
        text = browser.find("#gallery").text
        assert text.count("Open the clip") == 24
        assert "need JavaScript" in text
        assert not browser.find(".filters").is_displayed()
        assert len(browser.driver.find_elements("css selector", ".card")) == 24
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_everything_can_be_reached_by_keyboard(browser: Browser, page: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.open(page)
    play_button = browser.find(".play")
    play_button.send_keys(Keys.ENTER)
    browser.wait(PLAYING)
    assert browser.run("return document.activeElement.tagName") == "VIDEO"
    unnamed = browser.run(
        "return [...document.querySelectorAll('button, select, input')]"
        ".filter(e => !e.textContent.trim() && !e.ariaLabel && !e.labels?.length).length"
    )
    assert unnamed == 0


def test_the_text_has_contrast_in_both_schemes(browser: Browser, page: Path) -> None:
    for scheme in ("light", "dark"):
        browser.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia",
            {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
        )
        browser.open(page)
        for selector in ("body", ".note", "a", ".asked-seen", ".asked-heard", ".badge.wrong"):
            ink = browser.run(
                "return getComputedStyle(document.querySelector(arguments[0])).color", selector
            )
            paper = browser.run("return getComputedStyle(document.body).backgroundColor")
            assert contrast(ink, paper) >= 4.5, (scheme, selector)


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two CSS `rgb(...)` colours (WCAG 2.2)."""

    def luminance(colour: str) -> float:
        parts = np.array([int(part) for part in re.findall(r"\d+", colour)[:3]]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)
