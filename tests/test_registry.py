"""Registries: names, strings that load late, and what a wrong name says."""

from __future__ import annotations

from typing import Any

import pytest

from mma_eval.errors import PrerequisiteError, UnknownNameError, UsageError
from mma_eval.registry import Registry


def registry() -> Registry[Any]:
    return Registry("thing", {"path": "pathlib:Path", "gone": "no_such_module:X"})


def test_a_string_is_imported_when_asked_for() -> None:
    from pathlib import Path

    assert registry().get("path") is Path


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="unknown thing 'pth'; did you mean 'path'"):
        registry().get("pth")


def test_a_missing_package_is_named() -> None:
    with pytest.raises(PrerequisiteError, match="'gone' needs a package: .*no_such_module"):
        registry().get("gone")


def test_a_name_is_registered_once() -> None:
    things = registry()

    @things.register("mine")
    class Mine:
        pass

    assert things.get("mine") is Mine
    assert things.register("mine")(Mine) is Mine, "the same thing again is no conflict"
    with pytest.raises(UsageError, match="'mine' is taken"):
        things.register("mine")(int)
