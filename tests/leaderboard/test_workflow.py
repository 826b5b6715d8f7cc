"""The workflow of pull requests: it trusts the base branch alone, and does what it says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import REPOSITORY
from tests.leaderboard.forging import Genuine

FILE = REPOSITORY / ".github" / "workflows" / "leaderboard.yaml"


@pytest.fixture(scope="module")
def workflow() -> dict[Any, Any]:
    loaded = yaml.safe_load(FILE.read_text())
    assert isinstance(loaded, dict)
    return loaded


@pytest.fixture(scope="module")
def steps(workflow: dict[Any, Any]) -> dict[str, dict[str, Any]]:
    return {step.get("name", step.get("uses")): step for step in workflow["jobs"]["check"]["steps"]}


def test_it_can_only_read_and_has_no_secrets(workflow: dict[Any, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    # YAML reads the key `on` as true.
    assert list(workflow[True]) == ["pull_request"]
    assert "secrets" not in FILE.read_text().replace("no secrets", "")
    assert all("permissions" not in job for job in workflow["jobs"].values())


def test_actions_are_pinned_and_keep_no_credentials(steps: dict[str, dict[str, Any]]) -> None:
    used = [step for step in steps.values() if "uses" in step]
    assert used
    for step in used:
        assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", step["uses"])
        if step["uses"].startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_no_word_of_a_pull_request_reaches_a_shell(steps: dict[str, dict[str, Any]]) -> None:
    assert not [step for step in steps.values() if "${{" in step.get("run", "")]


def test_only_the_base_branch_is_installed(steps: dict[str, dict[str, Any]]) -> None:
    tool, proposed = [s for s in steps.values() if "checkout@" in s.get("uses", "")]
    assert tool["with"]["ref"] == "${{ github.event.pull_request.base.sha }}"
    assert proposed["with"]["sparse-checkout"] == "/leaderboard/submissions/"
    assert "./base" in steps["Install"]["run"] and "proposed" not in steps["Install"]["run"]


@pytest.fixture
def place(genuine: Genuine, tmp_path: Path) -> Path:
    """Both checkouts, as the workflow has them."""
    for side in ("base", "proposed"):
        (tmp_path / side / "leaderboard" / "submissions").mkdir(parents=True)
    shutil.copytree(genuine.registered.folder, tmp_path / "base" / "leaderboard" / "datasets")
    return tmp_path


def do(step: dict[str, Any], place: Path) -> subprocess.CompletedProcess[str]:
    """Run a step's script as the workflow does, with this project's command."""
    commands = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-e", "-c", step["run"]],
        cwd=place,
        env={**os.environ, "PATH": commands},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_is_new_is_found_and_checked(
    genuine: Genuine, place: Path, steps: dict[str, dict[str, Any]]
) -> None:
    base = place / "base" / "leaderboard" / "submissions"
    proposed = place / "proposed" / "leaderboard" / "submissions"
    (base / "old.submission.gz").write_bytes(b"as it was")
    (proposed / "old.submission.gz").write_bytes(b"as it was")
    shutil.copy(genuine.path, proposed)
    assert do(steps["Find what is new"], place).returncode == 0
    assert [file.name for file in (place / "new").iterdir()] == [genuine.path.name]
    done = do(steps["Check"], place)
    assert done.returncode == 0 and "passes" in done.stdout, done.stderr


def test_links_and_odd_names_are_refused_by_the_check(
    genuine: Genuine, place: Path, steps: dict[str, dict[str, Any]]
) -> None:
    proposed = place / "proposed" / "leaderboard" / "submissions"
    (proposed / "link.submission.gz").symlink_to(genuine.path)
    (proposed / "--help").write_bytes(genuine.path.read_bytes())
    (proposed / "$(touch hacked)\n.gz").write_bytes(b"")
    assert do(steps["Find what is new"], place).returncode == 0
    done = do(steps["Check"], place)
    assert done.returncode != 0
    assert done.stdout.count("refused") == 3
    assert not list(place.rglob("hacked"))


def test_a_folder_that_is_a_link_is_refused(place: Path, steps: dict[str, dict[str, Any]]) -> None:
    proposed = place / "proposed" / "leaderboard" / "submissions"
    proposed.rmdir()
    proposed.symlink_to(place / "base" / "leaderboard" / "submissions")
    done = do(steps["Find what is new"], place)
    assert done.returncode == 1 and "must be a folder" in done.stderr
