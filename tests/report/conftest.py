"""Fixtures of the report's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.report.browser import Browser, chromium


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One window for the tests of a file."""
    with chromium(tmp_path_factory.mktemp("profile")) as opened:
        yield opened
