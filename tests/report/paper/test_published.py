"""The published numbers that ship with mma-eval are those of their sources."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mma_eval.errors import FileError, UnknownNameError, UsageError
from mma_eval.models.catalogue import CardCatalogue
from mma_eval.paths import data_folder
from mma_eval.report.paper.published import (
    Column,
    Exhibits,
    Metric,
    Paper,
    Results,
    Source,
    read_paper,
)
from mma_eval.task.load import TaskCatalogue
from mma_eval.yaml_file import read_yaml, validate

CONDITIONS = {
    "aligned": "aligned",
    "semantic_misaligned": "misalign",
    "audio_removed": "audio_removed",
    "frames_zeroed": "frames_zeroed",
    "text_misaligned": "misleading_caption",
    "long_context_10k": "long_context",
    "audio_removed+NOTA": "abstention",
    "frames_zeroed+NOTA": "abstention",
}
PLOTS = {
    "unimodal": ("figure4", "figure22"),
    "semantic_misalign": ("figure6", "figure21"),
    "text_misalign": ("figure7", "figure23"),
    "long_context": ("figure8", "figure24"),
}
NOT_MADE_HERE = {
    "paper:Table6",
    "paper:Table9",
    "supplement:Table3",
    "supplement:Table8",
    "supplement:Fig16",
}
ELSEWHERE = {
    "paper:AppI.2 text": "text of Appendix I.2",
    "readme:README leaderboard": "leaderboard in the README",
    "readme:README comment": "comment of the authors' README",
    "project-page:index.html": "project page",
}


@pytest.fixture(scope="module")
def paper() -> Paper:
    return read_paper()


@pytest.fixture(scope="module")
def reference(shared_folder: Path) -> dict[str, Any]:
    path = shared_folder / "reference" / "paper_results.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def column_of(entry: dict[str, Any]) -> Column:
    """The task and the metric that a number of the reference belongs to."""
    condition, ask = entry["condition"], entry["prompt"]
    cot = "cot_" if entry.get("prompting") == "cot" else ""
    removed = {"frames_zeroed": "visual", "audio_removed": "audio"}.get(condition)
    metric: Metric = "leak" if removed == ask else "accuracy"
    if condition.endswith("+NOTA"):
        metric = "abstention"
    return Column(task=f"{cot}{CONDITIONS[condition]}_{ask}", metric=metric)


def source_of(paper: Paper, entry: dict[str, Any]) -> Source:
    """Where the number of the reference stands here."""
    kind, _, name = entry["source"].partition(":")
    if words := ELSEWHERE.get(entry["source"]):
        return next(source for source in paper.sources if words in source.source)
    wanted: tuple[str, ...]
    if kind == "plot":
        family = next(family for family in PLOTS if name.startswith(f"{family}_"))
        wanted = PLOTS[family]
    else:
        prefix = "supplement-" if kind == "supplement" else ""
        wanted = (prefix + name.lower(),)
    (found,) = [
        source
        for source in paper.sources
        if set(wanted) & set(source.exhibits)
        and any(row.model == entry["model"] for row in source.rows)
    ]
    return found


def test_every_number_is_that_of_its_source(paper: Paper, reference: dict[str, Any]) -> None:
    copied: Counter[str] = Counter()
    for entry in reference["results"]:
        if entry["source"] in NOT_MADE_HERE:
            continue
        source = source_of(paper, entry)
        assert source.value(entry["model"], column_of(entry)) == entry["value"], entry
        copied[source.source] += 1
    for source in paper.sources:
        numbers = [value for row in source.rows for value in row.values if value is not None]
        assert len(numbers) == copied[source.source], source.source


def test_what_is_suspect_there_is_in_doubt_here(paper: Paper, reference: dict[str, Any]) -> None:
    for entry in reference["results"]:
        if entry["source"] in NOT_MADE_HERE:
            continue
        doubt = source_of(paper, entry).doubt(entry["model"], column_of(entry).task)
        # The README's misaligned audio number is marked too, but is that of every other source.
        innocent = entry["source"].startswith("readme") and entry["value"] == 14.58
        assert (doubt is not None) == ("suspect" in entry and not innocent), entry


def test_every_contradiction_of_the_sources_is_told(
    paper: Paper, reference: dict[str, Any]
) -> None:
    assert len(paper.contradictions) == len(reference["contradictions"])


@pytest.mark.parametrize(
    ("kind", "count", "prefix"),
    [
        ("table", 11, ""),
        ("figure", 28, ""),
        ("table", 8, "supplement-"),
        ("figure", 20, "supplement-"),
    ],
)
def test_every_table_and_figure_is_listed(paper: Paper, kind: str, count: int, prefix: str) -> None:
    listed = [e.id for e in paper.exhibits if re.fullmatch(rf"{prefix}{kind}\d+", e.id)]
    assert listed == [f"{prefix}{kind}{number}" for number in range(1, count + 1)]


@pytest.mark.parametrize(("file", "prefix"), [("paper", ""), ("supplement", "supplement-")])
def test_every_caption_of_the_texts_is_listed(
    paper: Paper, shared_folder: Path, file: str, prefix: str
) -> None:
    text = (shared_folder / "reference" / f"{file}.txt").read_text(encoding="utf-8")
    captions = set(re.findall(r"^(Table|Figure) (\d+)[. ]", text, re.MULTILINE))
    assert len(captions) >= 20
    known = {exhibit.id for exhibit in paper.exhibits}
    assert {f"{prefix}{kind.lower()}{number}" for kind, number in captions} <= known


def test_every_column_is_a_task_here(paper: Paper) -> None:
    tasks = TaskCatalogue()
    for source in paper.sources:
        for column in source.columns:
            (task, *_) = tasks.select(column.task)
            assert task.name == column.task
            assert column.metric in task.spec.metrics


def test_the_cards_exist_and_say_the_same(paper: Paper) -> None:
    cards = CardCatalogue()
    checked = 0
    for model in paper.models:
        if model.card is None:
            continue
        card = cards.get(model.card)
        if model.tuned:
            continue
        by_source = {source.source: source for source in paper.sources}
        for reported in card.reported:
            column = Column.model_validate({"task": reported.task, "metric": reported.metric})
            assert by_source[reported.source].value(model.name, column) == reported.value
            checked += 1
    assert checked >= 32


def test_names_are_forgiving(paper: Paper) -> None:
    assert paper.find("Table 3").id == paper.find("table3").id == "table3"
    assert paper.find("fig. 6").id == "figure6"
    with pytest.raises(UnknownNameError, match="unknown table or figure 'tabel3'.*'table3'"):
        paper.find("tabel3")


def test_what_is_not_made_here_says_why(paper: Paper) -> None:
    with pytest.raises(UsageError, match="Table 9 cannot be made here: .*29 of 58 classes"):
        paper.numbers_of(paper.find("table9"))
    with pytest.raises(
        UsageError, match="Figure 5 is not made from runs; see mma-eval show aligned"
    ):
        paper.numbers_of(paper.find("figure5"))


@pytest.mark.parametrize(
    ("schema", "file", "old", "new", "at", "message"),
    [
        (Exhibits, "exhibits", " lacking: counts", " lackin: counts", " lackin: c", "'lacking'"),
        (Exhibits, "exhibits", "- id: table1\n", "- id: chart1\n", "chart1", "pattern"),
        (Results, "results", "[97.90, 95.28,", "[95.28,", "Table 3\n", "Pro needs 4 values"),
        (Results, "results", "metric: leak", "metric: leek", "leek", "'leak' or 'abstention'"),
    ],
)
def test_a_fault_is_told_with_its_line(
    tmp_path: Path,
    schema: type[Exhibits] | type[Results],
    file: str,
    old: str,
    new: str,
    at: str,
    message: str,
) -> None:
    text = (data_folder("paper") / f"{file}.yaml").read_text(encoding="utf-8")
    path = tmp_path / f"{file}.yaml"
    wrong = text.replace(old, new, 1)
    path.write_text(wrong, encoding="utf-8")
    with pytest.raises(FileError, match=message) as fault:
        validate(schema, read_yaml(path))
    assert fault.value.line == 1 + wrong[: wrong.index(at)].count("\n")


def test_the_files_must_agree_with_each_other(paper: Paper) -> None:
    data = paper.model_dump()
    data["sources"][0]["exhibits"] = ("table99",)
    with pytest.raises(ValueError, match="table99 is not among the tables and figures"):
        Paper.model_validate(data)
    data["sources"][0]["exhibits"] = ("table9",)
    with pytest.raises(ValueError, match="table3 needs numbers"):
        Paper.model_validate(data)
