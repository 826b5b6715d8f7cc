"""CSV: whole, typed, and harmless to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mma_eval import evaluate
from mma_eval.errors import StoreError, UsageError
from mma_eval.eval.analysis.subject import read_subjects
from mma_eval.report.export.files import write_new
from mma_eval.report.export.spreadsheet import csv_files, csv_lines, harmless

HOSTILE = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", 'say "Door", or,\nnot', "Ünicode"]


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def exported(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("csv")
    script = folder / "script.json"
    answers = {f"clip{at}/audio": answer for at, answer in enumerate(HOSTILE[:6])}
    script.write_text(json.dumps(answers))
    run = evaluate(
        "mock", "aligned_audio", dataset=manifest, output_path=folder / "runs",
        model_args={"behaviour": "script", "script": str(script)},
    )  # fmt: skip
    (subject,) = read_subjects([run.folder])
    write_new(csv_files(subject, folder / "out"))
    return folder / "out" / "mock"


def test_a_line_a_score(exported: Path) -> None:
    (file,) = exported.glob("scores_*.csv")
    rows = {row["metric"]: row for row in read(file)}
    accuracy = rows["accuracy"]
    assert (accuracy["task"], accuracy["n"]) == ("aligned_audio", "6")
    assert (accuracy["model"], float(accuracy["value"])) == ("mock", 1 / 6)
    assert float(accuracy["low"]) < 1 / 6 < float(accuracy["high"])
    assert rows["coverage"]["low"] == "", "what has no interval has none here"


def test_a_line_a_sample(exported: Path) -> None:
    (file,) = exported.glob("samples_*.csv")
    rows = read(file)
    assert [row["answer"] for row in rows] == [
        *(f"'{answer}" for answer in HOSTILE[:5]),
        HOSTILE[5],
    ]
    assert rows[0]["tokens_audio"] == "1"
    assert rows[0]["options"] == "Bird | Cat | Door | Frog"
    assert rows[5]["outcome"] == "correct"


def test_numbers_stay_numbers() -> None:
    (line,) = list(csv_lines([], [[-0.5, -3, None, "-3"]]))[1:]
    assert line == "-0.5,-3,,'-3\r\n"


@given(st.text())
def test_any_text_comes_back_and_starts_no_formula(text: str) -> None:
    line = "".join(csv_lines(["text"], [[text]]))
    (row,) = csv.DictReader(io.StringIO(line, newline=""))
    assert row["text"] == harmless(text)
    assert row["text"].removeprefix("'") == text.removeprefix("'")
    assert not row["text"].startswith(("=", "+", "-", "@", "\t", "\r"))


def test_nothing_is_written_over(tmp_path: Path) -> None:
    there, new = tmp_path / "b.csv", tmp_path / "a.csv"
    there.write_text("mine")
    with pytest.raises(UsageError, match=r"b\.csv: is there already"):
        write_new({new: ["x"], there: ["x"]})
    assert there.read_text() == "mine"
    assert not new.exists(), "all or none"


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        write_new({tmp_path / "a.csv": ["x"], tmp_path / "file" / "b.csv": ["x"]})
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_full_disk(tmp_path: Path) -> None:
    """A quota of 8 kB on what this process may write to one file stands for a full disk."""
    resource = pytest.importorskip("resource")
    signal = pytest.importorskip("signal")
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, old[1]))
    try:
        with pytest.raises(StoreError, match=r"big\.csv: cannot be written \(File too large\)"):
            write_new({tmp_path / "small.csv": ["x"], tmp_path / "big.csv": ["x" * 10000]})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, ignored)
    assert list(tmp_path.iterdir()) == []
