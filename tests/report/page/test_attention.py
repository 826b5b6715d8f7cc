"""Diagnoses of attention on the page."""

from __future__ import annotations

import re
import sys
from html import unescape
from pathlib import Path

import pytest

from mma_eval import evaluate
from mma_eval.cli.main import main
from mma_eval.diagnose.effects import effects_of
from tests.diagnose.attention_runs import ORIGIN, attention_run


@pytest.fixture(scope="module")
def runs(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    evaluate("mock", "aligned_visual", dataset=manifest, output_path=folder)
    return folder


@pytest.fixture(scope="module")
def diagnosed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("attention")
    effects_of(
        attention_run(origin=ORIGIN.model_copy(update={"model": "<b>tiny</b>"})), replicates=100
    ).save(folder)
    return folder


def report(runs: Path, page: Path, attention: Path) -> int:
    arguments = ["report", str(runs), "--attention", str(attention), "--gallery", "0"]
    with pytest.raises(SystemExit) as stop:
        main([*arguments, "-o", str(page)])
    return int(str(stop.value.code))


def test_figures_come_with_words_and_numbers(runs: Path, diagnosed: Path, tmp_path: Path) -> None:
    assert report(runs, tmp_path / "page.html", diagnosed) == 0
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert '<a href="#attention">' in html
    assert len(re.findall('<img src="data:image/svg\\+xml;base64,', html)) == 5
    assert "video, aligned: d from 0.00" in unescape(" ".join(re.findall('alt="([^"]*)"', html)))
    assert "Cohen's d, per token, by layer" in unescape(html)
    table = html.partition("Numbers of this figure</summary>")[2].partition("</table>")[0]
    assert len(re.findall("<tr>", table)) == 1 + 3
    assert "<b>tiny" not in html and "&lt;b&gt;tiny" in html


def test_numbers_stay_where_nothing_can_draw(
    runs: Path, diagnosed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert report(runs, tmp_path / "page.html", diagnosed) == 0
    html = unescape((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert "pip install 'mma-eval[report]'" in html
    assert "data:image/svg" not in html
    assert html.count("Numbers of this figure</summary>") == 5


def test_a_folder_without_a_diagnosis(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(runs, tmp_path / "page.html", runs) == 2
    assert "has no effects.json; give a folder that `mma-eval diagnose` wrote" in (
        capsys.readouterr().err
    )
    assert not (tmp_path / "page.html").exists()
