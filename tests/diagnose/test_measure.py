"""Attention over a plan's samples: complete, continued after a stop, and honest about gaps."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from mma_eval.diagnose.measure import SPOOL, measure_attention
from mma_eval.diagnose.measured import AttentionRun, QueryKind
from mma_eval.diagnose.plans import of_tasks, plan_of_run
from mma_eval.errors import MediaError, UsageError
from mma_eval.eval.evaluate import NoProgress, evaluate
from mma_eval.eval.rerun.repeat import RerunChoices
from tests.diagnose.opened import plan_on
from tests.models.pandagpt_checkpoint import arguments as pandagpt_arguments


class Count:
    """What a run reports."""

    def __init__(self) -> None:
        self.total = self.done = 0

    def begin(self, total: int) -> None:
        self.total = total

    def advance(self, answers: int) -> None:
        self.done += answers


class Stop(Count):
    """Stops the work after some samples, as a killed process does."""

    def advance(self, answers: int) -> None:
        super().advance(answers)
        if self.done == 5:
            raise KeyboardInterrupt


def same(one: AttentionRun, other: AttentionRun) -> bool:
    pairs = list(zip(one.measured, other.measured, strict=True))
    return all(a.samples == b.samples and np.array_equal(a.mass, b.mass) for a, b in pairs)


@pytest.mark.parametrize("query", ["answer", "generated", "question"])
def test_both_questions_on_every_clip(manifest: Path, tmp_path: Path, query: QueryKind) -> None:
    run = measure_attention(plan_on(manifest, "aligned,misalign"), query, tmp_path, NoProgress())
    assert [one.task for one in run.measured] == [
        "aligned_visual",
        "aligned_audio",
        "misalign_visual",
        "misalign_audio",
    ]
    assert [one.condition for one in run.measured] == ["aligned"] * 2 + ["misalign"] * 2
    seen, heard = run.task("misalign_visual"), run.task("misalign_audio")
    assert seen.clips == heard.clips == seen.sources != heard.sources
    assert seen.mass.shape == (6, 4, 4, 3)
    for one in run.measured:
        np.testing.assert_allclose(one.mass.sum(-1), 1, atol=1e-5)
        assert (one.squares <= one.mass + 1e-9).all()
    assert same(AttentionRun.load(tmp_path), run) and not run.skipped


def test_it_goes_on_where_it_was_stopped(manifest: Path, tmp_path: Path) -> None:
    plan = plan_on(manifest, "aligned,misalign")
    whole = measure_attention(plan, "answer", tmp_path / "whole", NoProgress())
    with pytest.raises(KeyboardInterrupt):
        measure_attention(plan, "answer", tmp_path / "stopped", Stop())
    spool = tmp_path / "stopped" / SPOOL
    kept = {file: file.stat().st_mtime_ns for file in spool.iterdir()}
    assert 0 < len(kept) < plan.size
    damaged = min(kept)
    damaged.write_bytes(b"not an array")
    progress = Count()
    again = measure_attention(plan, "answer", tmp_path / "stopped", progress)
    assert progress.done == progress.total == plan.size
    assert same(whole, again)
    assert all(file.stat().st_mtime_ns == time for file, time in kept.items() if file != damaged)


def test_clips_that_cannot_be_read_are_counted(manifest: Path, tmp_path: Path) -> None:
    shutil.copytree(manifest.parent, tmp_path / "clips")
    (tmp_path / "clips" / "clip3.mp4").write_bytes(b"no clip")
    plan = plan_on(tmp_path / "clips" / "manifest.jsonl", "aligned")
    run = measure_attention(plan, "answer", tmp_path / "out", NoProgress())
    assert [one.sample for one in run.skipped] == ["clip3/visual", "clip3/audio"]
    assert all("clip3.mp4" in one.reason for one in run.skipped)
    assert all(len(one.samples) == 5 for one in run.measured)
    for index in range(6):
        (tmp_path / "clips" / f"clip{index}.mp4").write_bytes(b"no clip")
    with pytest.raises(MediaError, match="none of 12 samples could be measured"):
        measure_attention(plan, "answer", tmp_path / "none", NoProgress())


def test_models_that_are_elsewhere_are_refused(manifest: Path, tmp_path: Path) -> None:
    plan = plan_on(manifest, "aligned", model="mock")
    with pytest.raises(UsageError, match="mock cannot be looked into"):
        measure_attention(plan, "answer", tmp_path, NoProgress())


def test_joint_tokens_are_refused(manifest: Path, shared_folder: Path, tmp_path: Path) -> None:
    arguments = pandagpt_arguments(shared_folder)
    plan = plan_on(manifest, "aligned", model="pandagpt-13b", model_args=arguments)
    with pytest.raises(UsageError, match="picture and sound in one token"):
        measure_attention(plan, "answer", tmp_path, NoProgress())


def test_a_run_is_looked_into_from_its_folder(manifest: Path, tmp_path: Path) -> None:
    tasks = ["aligned", "misalign"]
    run = evaluate("tiny-omni", tasks, dataset=manifest, seed=3, output_path=tmp_path / "results")
    found = plan_of_run(run.folder, RerunChoices(limit=2), tmp_path / "out", tasks="misalign_audio")
    assert not found.changed
    measured = measure_attention(found.plan, "answer", tmp_path / "out", NoProgress())
    (one,) = measured.measured
    assert (one.task, len(one.samples), measured.origin.seed) == ("misalign_audio", 2, 3)
    recorded = {record.id: record for record in run.samples if record.task == "misalign_audio"}
    assert [recorded[name].audio_source for name in one.samples] == list(one.sources)
    with pytest.raises(UsageError, match="has none of the tasks abstention"):
        of_tasks(found.plan, "abstention")
    description = json.loads((tmp_path / "out" / "attention.json").read_text("utf-8"))
    assert description["origin"]["model"] == "tiny-omni"
