"""One genuine submission for all forgeries."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.leaderboard.forging import Genuine, make_genuine


@pytest.fixture(scope="session")
def genuine(tmp_path_factory: pytest.TempPathFactory, manifest: Path) -> Genuine:
    return make_genuine(tmp_path_factory.mktemp("genuine"), manifest)
