"""A run's folder: read one sample at a time, written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mma_eval import evaluate
from mma_eval.errors import FileError, StoreError
from mma_eval.eval.evaluate import rescore
from mma_eval.eval.run import Run
from mma_eval.eval.run_files import (
    RUN_FILE,
    SAMPLES_FILE,
    read_manifest,
    read_run,
    read_samples,
    replacing_samples,
    write_manifest,
)

Damage = Callable[[bytes], bytes]


@pytest.fixture
def run(manifest: Path, tmp_path: Path) -> Run:
    return evaluate("mock", "aligned_visual", dataset=manifest, output_path=tmp_path)


def test_what_was_written_is_read(run: Run, tmp_path: Path) -> None:
    odd = [replace(sample, answer="one\u2028two\x85three\r") for sample in run.samples]
    with replacing_samples(tmp_path) as write:
        for sample in odd:
            write(sample)
    write_manifest(tmp_path, run.manifest)

    assert read_run(tmp_path) == (run.manifest, odd)


@pytest.mark.parametrize("name", [".", RUN_FILE, SAMPLES_FILE])
def test_a_file_of_a_run_stands_for_its_folder(run: Run, name: str) -> None:
    again = rescore(run.folder / name)
    assert (again.folder, again.samples) == (run.folder, run.samples)
    assert Run.read(run.folder / name).tally == run.tally


@pytest.mark.parametrize(
    ("damage", "line", "said"),
    [
        (lambda data: data[:-40], 6, "is not a sample record"),
        (lambda data: data.replace(b'"clip1', b'"clip\xff', 1), 2, "is not a sample record"),
        (lambda data: b"\n" + data.replace(b'"ask"', b'"asks"', 1), 2, "is not a sample record"),
        (lambda data: data.replace(b'"aligned_visual"', b'"aligned"', 1), None, "is no task of"),
        (lambda data: data + data[:-1], None, "has more samples of 'aligned_visual' than run.json"),
    ],
    ids=["cut", "bytes", "field", "task", "twice"],
)
def test_a_damaged_file_is_named_and_nothing_is_written(
    run: Run, damage: Damage, line: int | None, said: str
) -> None:
    path = run.folder / SAMPLES_FILE
    damaged = damage(path.read_bytes())
    path.write_bytes(damaged)
    written = (run.folder / RUN_FILE).read_bytes()

    for read in (Run.read, rescore):
        with pytest.raises(FileError, match=said) as caught:
            read(run.folder)
        assert (caught.value.path, caught.value.line) == (path, line)
    assert path.read_bytes() == damaged
    assert (run.folder / RUN_FILE).read_bytes() == written
    assert {file.name for file in run.folder.iterdir()} == {RUN_FILE, SAMPLES_FILE}


@pytest.mark.parametrize("name", [RUN_FILE, SAMPLES_FILE])
def test_a_missing_file_is_named(run: Run, name: str) -> None:
    (run.folder / name).unlink()
    with pytest.raises(FileError, match=r"is missing; give the folder of a finished run") as caught:
        Run.read(run.folder)
    assert caught.value.path == run.folder / name


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"datasets": []}, "datasets: .* at least 1 item"),
        ({"seeds": {}}, "the seed 'pairing' is missing"),
        ({"ended": "2026-01-01T00:00:00"}, "ended: .* timezone"),
        ({"tasks": 2}, "the task aligned_visual is listed twice"),
    ],
    ids=["datasets", "seeds", "ended", "tasks"],
)
def test_a_manifest_that_contradicts_itself_is_one_sentence(
    run: Run, change: dict[str, object], said: str
) -> None:
    path = run.folder / RUN_FILE
    written = json.loads(path.read_text())
    if "tasks" in change:
        change = {"tasks": written["tasks"] * 2}
    path.write_text(json.dumps(written | change))
    with pytest.raises(FileError, match=f"is not a run manifest .*{said}") as caught:
        Run.read(run.folder)
    assert "\n" not in str(caught.value)


def test_samples_are_read_one_by_one(run: Run) -> None:
    """What comes before a damaged line is there before anyone knows of the damage."""
    path = run.folder / SAMPLES_FILE
    path.write_bytes(path.read_bytes() + b"{}\n")
    samples: Iterator[object] = read_samples(run.folder)
    assert [next(samples) for _ in run.samples] == run.samples
    with pytest.raises(FileError, match="7: is not a sample record"):
        next(samples)


def test_a_fault_on_the_way_leaves_the_old_samples(run: Run) -> None:
    before = (run.folder / SAMPLES_FILE).read_bytes()
    with pytest.raises(KeyError), replacing_samples(run.folder) as write:
        write(run.samples[0])
        raise KeyError("a fault of the caller's")
    assert (run.folder / SAMPLES_FILE).read_bytes() == before
    assert {file.name for file in run.folder.iterdir()} == {RUN_FILE, SAMPLES_FILE}


def test_a_folder_that_cannot_be_written_is_said(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    said = "the results cannot be written .*; a file that was there before is untouched"
    with pytest.raises(StoreError, match=said):
        write_manifest(file / "run", run.manifest)
    with pytest.raises(StoreError, match=said), replacing_samples(file):
        pass


def test_samples_of_a_later_run_are_not_taken_for_its_own(run: Run, manifest: Path) -> None:
    early = Run.read(run.folder)
    settings = run.manifest.settings
    evaluate("mock", "aligned_visual", dataset=manifest, output_path=settings.output_path)

    assert run.samples, "evaluate() gives a run whose samples are in memory"
    with pytest.raises(FileError, match="was written anew by a later run; read the run again"):
        _ = early.samples
    assert read_manifest(run.folder).ended > run.manifest.ended


def test_a_run_that_another_process_finished_too_is_read_from_there(
    run: Run, manifest: Path
) -> None:
    early = Run.read(run.folder)
    evaluate(
        "mock", "aligned_visual", dataset=manifest, output_path=run.manifest.settings.output_path
    )
    again = early.loaded()
    assert (again.folder, again.samples) == (run.folder, run.samples)
    assert again.manifest.ended > early.manifest.ended
