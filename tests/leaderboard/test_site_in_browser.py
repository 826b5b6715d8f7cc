"""The leaderboard's page as a reader meets it: opened from a file in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mma_eval.leaderboard.site.render import render_site
from tests.leaderboard.axe import axe_source, violations
from tests.leaderboard.boards import example_board
from tests.leaderboard.test_site import HOSTILE, hostile, many_rows
from tests.report.browser import Browser, chromium

SCREENS = [(scheme, width) for scheme in ("light", "dark") for width in (390, 1280)]
VIEW = "#view?sort=misalign_audio&open=open&pick=qwen2.5-omni%2Comni-api&show=qwen2.5-omni"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One window for the tests of this file."""
    with chromium(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("site") / "index.html"
    path.write_text(render_site(example_board()), encoding="utf-8")
    return path


@contextmanager
def screen(browser: Browser, scheme: str, width: int) -> Iterator[None]:
    """A scheme of colours, and the shape of a phone or a desk."""
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    browser.resize(width, 844)
    try:
        yield
    finally:
        browser.restore()
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def shown(browser: Browser, section: str = "re-scored") -> list[str]:
    """Ids of the rows in a section, from the top."""
    found: list[str] = browser.run(
        "return [...document.querySelectorAll(`[id='${arguments[0]}'] tr[data-row]`)]"
        ".filter(row => row.offsetParent).map(row => row.dataset.row)",
        section,
    )
    return found


def pick(browser: Browser, name: str, value: str) -> None:
    """Set a menu as a user does."""
    from selenium.webdriver.support.ui import Select

    Select(browser.find(f"select[data-state={name}]")).select_by_value(value)


def head(browser: Browser, key: str) -> str:
    """How a column of the reproduced rows says that it is sorted."""
    selector = f"#reproduced th[data-key={key}]"
    return str(browser.find(selector).get_attribute("aria-sort"))


def test_a_head_sorts_and_says_so(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.find("#re-scored th[data-key=misalign_visual] button").click()
    assert shown(browser) == ["half-omni", "omni-api", "listening-omni", "script-alert-1"]
    assert head(browser, "misalign_visual") == "descending"
    browser.find("#re-scored th[data-key=misalign_visual] button").click()
    assert shown(browser) == ["script-alert-1", "listening-omni", "omni-api", "half-omni"]
    assert head(browser, "misalign_visual") == "ascending"
    pick(browser, "sort", "drop")
    pick(browser, "dir", "")
    assert head(browser, "drop") == "ascending"
    pick(browser, "sort", "size")
    assert shown(browser)[-1] == "omni-api"
    assert browser.complaints() == []
    assert browser.requests_elsewhere() == []


def test_a_filter_keeps_what_it_names(browser: Browser, page: Path) -> None:
    browser.open(page)
    every = ["listening-omni", "omni-api", "half-omni", "script-alert-1"]
    for name, value, left in (
        ("open", "closed", ["omni-api"]),
        ("licence", "proprietary", ["omni-api"]),
        ("size", "-", ["omni-api"]),
        ("size", "4-10", ["listening-omni", "half-omni", "script-alert-1"]),
        ("exposure", "y..", []),
        ("kind", "reported", []),
        ("cond", "abstention", every),
    ):
        pick(browser, name, value)
        assert shown(browser) == left, (name, value)
        rows = browser.run(
            "return [...document.querySelectorAll('tr[data-row]')]"
            ".filter(row => row.offsetParent).length"
        )
        assert browser.find("#count").text.startswith(f"{rows} of 11 rows")
        browser.find("#clear").click()
        kinds = "3 reproduced, 4 re-scored, 2 reported, 2 specimen"
        assert browser.find("#count").text == f"11 rows: {kinds}"


def test_a_condition_and_a_question_leave_their_column(browser: Browser, page: Path) -> None:
    browser.open(page)
    pick(browser, "cond", "misalign")
    pick(browser, "ask", "audio")
    tasks = browser.run(
        "return [...document.querySelectorAll('#reproduced th[data-condition]')]"
        ".filter(head => head.offsetParent).map(head => head.dataset.key)"
    )
    assert tasks == ["misalign_audio"]
    cells = browser.find("#reproduced tr[data-row='qwen2.5-omni']").text
    assert "25.2" in cells and "58.7" not in cells


def test_the_address_holds_the_whole_view(browser: Browser, page: Path) -> None:
    browser.open(page)
    pick(browser, "sort", "misalign_audio")
    pick(browser, "open", "open")
    for row in ("qwen2.5-omni", "listening-omni"):
        browser.find(f"tr[data-row='{row}'] input").click()
    browser.find("tr[data-row='listening-omni'] a").click()
    fragment, before = browser.run("return location.hash"), shown(browser)
    browser.open(page, fragment)
    assert shown(browser) == before == ["listening-omni", "half-omni", "script-alert-1"]
    assert browser.find("select[data-state=open]").get_attribute("value") == "open"
    assert browser.find("#details-title").text == "listening-omni"
    compared = browser.run(
        "return [...document.querySelectorAll('.compared thead bdi')].map(b => b.textContent)"
    )
    assert compared == ["qwen2.5-omni", "listening-omni"]
    browser.find("#close").click()
    assert "show=" not in browser.run("return location.hash")


def test_an_address_that_names_nothing_known_shows_everything(browser: Browser, page: Path) -> None:
    browser.open(page, "#view?sort=nonsense&open=%3Cb%3E&pick=gone,%00&show=__proto__")
    assert len(shown(browser)) == 4
    assert browser.complaints() == []


def test_chosen_rows_stand_side_by_side(browser: Browser, page: Path) -> None:
    browser.open(page, "#view?pick=qwen2.5-omni,reported-gemini-2.5-pro")
    lines = browser.run(
        "return Object.fromEntries([...document.querySelectorAll('.compared tbody tr')].map(line =>"
        " [line.cells[0].textContent, [...line.cells].slice(1).map(c => c.textContent.trim())]))"
    )
    assert lines["misaligned: heard"] == ["25.2 22–29", "24.95"]
    assert lines["Both right"] == ["9.1 7–12", "20.23 to 24.95"]
    warning = browser.find("#comparison-warning").text
    assert "different clips" in warning and "different kinds" in warning
    browser.find(".compared button[aria-label='Remove qwen2.5-omni']").click()
    assert browser.run("return location.hash") == "#view?pick=reported-gemini-2.5-pro"
    browser.find("#unchoose").click()
    assert not browser.find("#comparison").is_displayed()


def test_the_profile_sets_each_condition_against_aligned(browser: Browser, page: Path) -> None:
    browser.open(page, "#model-qwen2.5-omni")
    spoken = browser.find("#details .large-profile").get_attribute("aria-label")
    assert "aligned: seen 68.5, heard 50.2; misaligned: seen 58.7, heard 25.2" in spoken
    assert browser.run("return document.querySelectorAll('#details .level').length") == 6
    assert "named the other modality" in browser.find("#details .samples").text
    assert browser.find("#details .links a").get_attribute("href").endswith("qwen2.5-omni.yaml")


def test_without_script_there_is_a_plain_complete_page(browser: Browser, page: Path) -> None:
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.open(page)
        assert len(browser.driver.find_elements("css selector", "tr[data-row]")) == 11
        controls = browser.driver.find_elements("css selector", "button, select, dialog")
        assert controls and not any(control.is_displayed() for control in controls)
        assert "need JavaScript" in browser.find("main").text
        browser.find("tr[data-row=omni-api] a").click()
        assert browser.find("#model-omni-api .samples").is_displayed()
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.mark.parametrize(("scheme", "width"), SCREENS)
def test_it_is_accessible_and_no_wider_than_the_screen(
    browser: Browser, page: Path, scheme: str, width: int
) -> None:
    source = axe_source()
    with screen(browser, scheme, width):
        browser.open(page, "#view?sort=misalign_audio&pick=qwen2.5-omni,omni-api")
        browser.run("document.querySelectorAll('details').forEach(part => part.open = true)")
        assert violations(browser, source) == []
        assert browser.run("return document.documentElement.scrollWidth") <= width
        assert browser.complaints() == []


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_what_is_known_of_a_model_is_accessible(
    browser: Browser, page: Path, scheme: str, width: int
) -> None:
    source = axe_source()
    with screen(browser, scheme, width):
        browser.open(page, "#view?show=qwen2.5-omni")
        assert violations(browser, source) == []
        widths = (
            "const d = document.getElementById('details'); return [d.scrollWidth, d.clientWidth]"
        )
        needed, given = browser.run(widths)
        assert needed <= given


def test_a_keyboard_reaches_rows_and_comes_back(browser: Browser, page: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.open(page)
    link = browser.find("tr[data-row='qwen2.5-omni'] a")
    link.send_keys(Keys.ENTER)
    assert browser.run("return document.activeElement.id") == "close"
    browser.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert browser.run("return document.activeElement.textContent") == "qwen2.5-omni"
    browser.find("#reproduced th[data-key=both] button").send_keys(Keys.ENTER)
    assert head(browser, "both") == "descending"


def test_hostile_rows_do_nothing(browser: Browser, tmp_path: Path) -> None:
    board = example_board()
    page = tmp_path / "index.html"
    attacked = board.model_copy(update={"rows": tuple(hostile(row) for row in board.rows)})
    page.write_text(render_site(attacked), encoding="utf-8")
    browser.open(page, VIEW)
    assert browser.run("return window.hacked") is None
    assert browser.run("return document.images.length") == 0
    title = browser.find("#details-title").text
    assert title.startswith(HOSTILE.partition("\u202e")[0])
    browser.find("#close").click()
    pick(browser, "open", "")
    browser.run("document.querySelector('#filters').open = true")
    choice = browser.run("return document.querySelector('[data-state=licence]').options[1].value")
    pick(browser, "licence", choice)
    assert len(shown(browser)) == 4
    assert browser.complaints() == []
    assert browser.requests_elsewhere() == []


def test_many_rows_are_shown_in_parts(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_text(render_site(many_rows(example_board(), 120)), encoding="utf-8")
    browser.open(page)
    assert len(shown(browser)) == 50
    assert browser.find("#re-scored .more").text == "Show 70 more of 70 rows"
    browser.find("#re-scored .more button").click()
    assert len(shown(browser)) == 120
    assert not browser.find("#re-scored .more").is_displayed()
    browser.find("input[data-state=q]").send_keys("-0")
    assert 0 < len(shown(browser)) < 50
    assert browser.complaints() == []
