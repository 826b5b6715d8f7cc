"""A real headless Chromium for tests of the page."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--mute-audio",
)
LOCAL = ("file:", "data:", "blob:")


class Browser:
    """One window, and what it logged since the last page was opened."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, page: Path, fragment: str = "") -> None:
        """Load `page` anew from its file."""
        self.driver.get("about:blank")
        self.driver.get_log("browser")
        self.driver.get_log("performance")
        self.driver.get(page.absolute().as_uri() + fragment)

    def run(self, script: str, *arguments: object) -> Any:
        """The value of a script's `return`."""
        return self.driver.execute_script(script, *arguments)

    def wait(self, condition: str, seconds: float = 20.0) -> None:
        """Until the expression is true; fails with the expression."""
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.driver, seconds, poll_frequency=0.05).until(
            lambda _: self.run(f"return {condition}"), message=condition
        )

    def find(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def visible_cards(self) -> list[str]:
        """The ids of the samples that are shown."""
        found: list[str] = self.run(
            "return [...document.querySelectorAll('.card')].filter(c => c.offsetParent)"
            ".map(c => c.id)"
        )
        return found

    def choose(self, name: str, value: str) -> None:
        """Set one filter as a user does."""
        from selenium.webdriver.support.ui import Select

        Select(self.find(f"select[data-filter={name}]")).select_by_value(value)

    def resize(self, width: int, height: int) -> None:
        """Give the page the shape of a phone."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 2, "mobile": True},
        )

    def restore(self) -> None:
        self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    def pdf(self) -> bytes:
        printed = self.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
        return base64.b64decode(printed["data"])

    def complaints(self) -> list[str]:
        """What the console has said since the page was opened."""
        return [f"{entry['level']}: {entry['message']}" for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """Addresses that the page asked for since it was opened, and was not kept from."""
        messages = [json.loads(e["message"])["message"] for e in self.driver.get_log("performance")]
        asked = {
            message["params"]["requestId"]: message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        }
        for message in messages:
            if message["params"].get("blockedReason") == "csp":
                del asked[message["params"]["requestId"]]
        return list(asked.values())

    def requests_elsewhere(self) -> list[str]:
        return [address for address in self.requests() if not address.startswith(LOCAL)]


@contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """A browser with an empty profile; without Chromium a test is skipped, and in CI it fails."""
    program, driver_program = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver_program is None:
        sentence = "the page is tested in Chromium: apt-get install chromium chromium-driver"
        if os.environ.get("CI"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (*FLAGS, f"--user-data-dir={profile}", "--window-size=1280,1000"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(driver_program))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
