"""docs/paper-map.md says what the data say, and its commands exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

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


def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def inline_commands() -> list[str]:
    return re.findall(r"`(mma-eval [^`]+)`", page())


def test_the_page_is_what_the_data_say(paper: Paper) -> None:
    assert page() == paper_map(paper), "make it again: mma-eval paper --map > docs/paper-map.md"


def test_every_table_and_figure_has_a_row(paper: Paper) -> None:
    text = page()
    for exhibit in paper.exhibits:
        assert text.count(f"\n| {exhibit.label} |") == 1, exhibit.id


def test_the_quoted_selections_are_the_tasks_of_the_columns(paper: Paper) -> None:
    catalogue = TaskCatalogue()
    for exhibit in paper.measurable:
        source = paper.numbers_of(exhibit)
        chosen = {t.name for t in catalogue.select(tasks_of(source)) if t.control_of is None}
        assert chosen == {column.task for column in source.columns}, exhibit.id


def test_the_quoted_selections_are_on_the_page(paper: Paper) -> None:
    asked = [c for c in inline_commands() if c.startswith("mma-eval --model")]
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


def test_the_attention_figures_are_made_by_their_commands(
    manifest: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On a model that is here; there is no adapter to be had."""
    monkeypatch.chdir(tmp_path)
    few = ["--dataset", str(manifest), "--limit", "3", "--model-args", "max_frames=2"]

    def ask(command: str) -> tuple[object, str]:
        with pytest.raises(SystemExit) as stop:
            main([*shlex.split(command)[1:], *few])
        return stop.value.code, capsys.readouterr().err

    written = [c for c in inline_commands() if c.startswith("mma-eval diagnose")]
    known = [re.sub("MODEL|videollama2.1-7b-av", "tiny-omni", command) for command in written]
    plain, compared, mapped = dict.fromkeys(known)
    assert set(plain.split()) < set(mapped.split()), "whoever runs the one has run the other"
    assert ask(mapped) == (0, "")
    code, sentence = ask(compared)
    assert code == 2 and "ADAPTER" in sentence
    assert ask(compared.replace("--adapter ADAPTER ", "")) == (0, "")
    figures = {path.stem for path in tmp_path.glob("attention/*.svg")}
    set_side_by_side = {path.stem for path in tmp_path.glob("attention-tuned/*.svg")}
    for spoken_of in re.findall(r"(?:layers|heads)_by_mass|(?:layers|heads)_per_token", page()):
        assert {spoken_of, f"{spoken_of}_before_after"} <= figures | set_side_by_side
    assert {"token_map_1", "token_map_2", "token_map_3"} <= figures
