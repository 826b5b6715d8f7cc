"""What hangs in one test must not go on in the next."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.backends import let_go


@pytest.fixture(autouse=True)
def _nothing_goes_on_hanging() -> Iterator[None]:
    yield
    let_go()
