"""docs/paper-map.md says what the data say, and its commands exist."""

from __future__ import annotations

import re
import shlex

import pytest

from mma_eval.cli.main import main
from mma_eval.report.paper.map import paper_map, tasks_of
from mma_eval.report.paper.published import Paper, read_paper
from mma_eval.task.load import TaskCatalogue
from tests.conftest import REPOSITORY

PAGE = REPOSITORY / "docs" / "paper-map.md"


@pytest.fixture(scope="module")
def paper() -> Paper:
    return read_paper()


def inline_commands() -> list[str]:
    return re.findall(r"`(mma-eval [^`]+)`", PAGE.read_text(encoding="utf-8"))


def test_the_page_is_what_the_data_say(paper: Paper) -> None:
    assert PAGE.read_text(encoding="utf-8") == paper_map(paper), (
        "make it again: mma-eval paper --map > docs/paper-map.md"
    )


def test_every_table_and_figure_has_a_row(paper: Paper) -> None:
    page = PAGE.read_text(encoding="utf-8")
    for exhibit in paper.exhibits:
        assert page.count(f"\n| {exhibit.label} |") == 1, exhibit.id


def test_the_quoted_selections_are_the_tasks_of_the_columns(paper: Paper) -> None:
    catalogue = TaskCatalogue()
    for exhibit in paper.measurable:
        source = paper.numbers_of(exhibit)
        chosen = {t.name for t in catalogue.select(tasks_of(source)) if t.control_of is None}
        assert chosen == {column.task for column in source.columns}, exhibit.id


def test_the_quoted_selections_are_on_the_page(paper: Paper) -> None:
    asked = [c for c in inline_commands() if "--tasks" in c]
    assert len(asked) == len(paper.measurable)
    for exhibit, command in zip(paper.measurable, asked, strict=True):
        assert command.endswith(f"--tasks {tasks_of(paper.numbers_of(exhibit))}")


@pytest.mark.parametrize(
    "command",
    sorted({c for c in inline_commands() if c.startswith(("mma-eval show", "mma-eval ls"))}),
)
def test_the_commands_that_show_the_same_thing_run(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(shlex.split(command)[1:])
    assert stop.value.code == 0, capsys.readouterr().err
