"""axe-core, run in a page: `npm install --prefix DIR axe-core`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.report.browser import Browser

INSTALLED = Path("node_modules/axe-core/axe.min.js")
RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
RUN = """
const done = arguments[arguments.length - 1];
axe.run(document, {runOnly: arguments[0], preload: false}).then(
  (found) => done(found.violations.map((one) => [one.id, one.nodes.map((node) => node.html)])),
  (error) => done([["axe failed", [String(error)]]]));
"""


def axe_source() -> str:
    """The script from MMA_EVAL_AXE, or from the user's cache; in CI a test fails without it."""
    cached = Path.home() / ".cache" / "mma-eval" / INSTALLED
    file = Path(os.environ.get("MMA_EVAL_AXE", cached))
    if file.is_file():
        return file.read_text(encoding="utf-8")
    sentence = f"accessibility is tested with axe-core: set MMA_EVAL_AXE to its {INSTALLED.name}"
    if os.environ.get("CI"):
        pytest.fail(sentence)
    pytest.skip(sentence)


def violations(browser: Browser, source: str) -> list[Any]:
    """Broken rules of WCAG 2.1 A and AA in the open page, with the elements that break them."""
    browser.run(source)
    found: list[Any] = browser.driver.execute_async_script(RUN, RULES)
    return found
