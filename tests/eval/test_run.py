"""Running: one command asks, stores, scores, and continues."""

from __future__ import annotations

import json
import os
import tracemalloc
from pathlib import Path

import pytest

from mma_eval import evaluate
from mma_eval.eval.evaluate import NoProgress, rescore, run_plan
from mma_eval.eval.plan import make_plan
from mma_eval.eval.settings import settings_from
from mma_eval.types import Outcome, Status
from tests.conftest import make_clip


def asked(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def test_a_run_is_scored_and_kept(manifest: Path, tmp_path: Path) -> None:
    run = evaluate("mock", "aligned", dataset=manifest, output_path=tmp_path)

    assert [task.name for task in run.manifest.tasks] == ["aligned_visual", "aligned_audio"]
    assert run.scores is not None
    accuracy = run.scores.tasks[0].accuracy
    assert accuracy is not None
    assert (accuracy.k, accuracy.n) == (2, 6), "the mock always says Bird, two clips are birds"
    lines = (run.folder / "samples.jsonl").read_text().splitlines()
    assert len(lines) == 12
    first = json.loads(lines[0])
    assert first["id"] == "clip0/visual"
    assert first["tokens"] == {"text": 22, "video": 1, "audio": 1, "evidence": "counted"}


def test_the_same_command_asks_nothing_twice(manifest: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    arguments = {"log": str(log)}
    first = evaluate(
        "mock", "mma_bench", dataset=manifest, output_path=tmp_path, model_args=arguments
    )
    once = asked(log)
    second = evaluate(
        "mock", "mma_bench", dataset=manifest, output_path=tmp_path, model_args=arguments
    )

    assert asked(log) == once
    assert first.folder == second.folder
    assert second.manifest.asked == 0
    assert first.samples == second.samples


def test_fresh_asks_again(manifest: Path, tmp_path: Path) -> None:
    for fresh in (False, True):
        run = evaluate("mock", "aligned", dataset=manifest, output_path=tmp_path, fresh=fresh)
        assert run.manifest.asked == 12


def test_swapping_two_files_under_their_names_gives_no_stale_answer(tmp_path: Path) -> None:
    one = make_clip(tmp_path / "one.mp4", shade=10, pitch=300)
    two = make_clip(tmp_path / "two.mp4", shade=200, pitch=900)
    rows = [
        {"id": name, "video": f"{name}.mp4", "visual_label": label, "audio_label": label}
        for name, label in (("one", "Bird"), ("two", "Cat"))
    ]
    path = tmp_path / "manifest.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    first = evaluate("mock", "aligned_visual", dataset=path, output_path=tmp_path / "out")
    stamps = [file.stat() for file in (one, two)]
    one.rename(tmp_path / "aside")
    two.rename(one)
    (tmp_path / "aside").rename(two)
    for file, stamp in zip((one, two), stamps, strict=True):
        os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    second = evaluate("mock", "aligned_visual", dataset=path, output_path=tmp_path / "out")

    assert second.manifest.asked == 0, "the same two questions, under each other's name"
    hashes = [[sample.video_hash for sample in run.samples] for run in (first, second)]
    assert hashes[0] == hashes[1][::-1]


def test_failures_lower_coverage_and_are_asked_again(manifest: Path, tmp_path: Path) -> None:
    run = evaluate(
        "mock",
        "aligned_visual",
        dataset=manifest,
        output_path=tmp_path,
        model_args={"behaviour": "fail"},
    )
    assert {sample.status for sample in run.samples} == {Status.API_ERROR}
    assert run.scores is not None
    assert run.scores.tasks[0].accuracy is None
    assert run.scores.tasks[0].coverage == 0
    again = evaluate(
        "mock",
        "aligned_visual",
        dataset=manifest,
        output_path=tmp_path,
        model_args={"behaviour": "fail"},
    )
    assert again.manifest.asked == 6


def test_predict_only_then_score(manifest: Path, tmp_path: Path) -> None:
    run = evaluate("mock", "aligned", dataset=manifest, output_path=tmp_path, predict_only=True)
    assert run.scores is None
    assert all(sample.outcome is None for sample in run.samples)

    scored = rescore(run.folder)
    assert scored.scores is not None
    assert {sample.outcome for sample in scored.samples} == {Outcome.CORRECT, Outcome.WRONG}


def test_seeds_share_what_they_do_not_change(manifest: Path, tmp_path: Path) -> None:
    for seed in (0, 1):
        run = evaluate("mock", "aligned", dataset=manifest, output_path=tmp_path, seed=seed)
    assert run.manifest.asked == 0, "greedy aligned answers are one measurement"


def test_a_perturbation_applies_to_any_task(manifest: Path, tmp_path: Path) -> None:
    run = evaluate(
        "mock",
        "aligned_visual",
        dataset=manifest,
        output_path=tmp_path,
        perturb=["swap_audio", "caption"],
    )
    assert {sample.task for sample in run.samples} == {"aligned_visual+swap_audio+caption"}
    for sample in run.samples:
        assert sample.visual_label != sample.audio_label
        assert sample.caption not in (sample.visual_label, sample.audio_label)
        assert f"Video_caption: {sample.caption}." in sample.prompt


@pytest.mark.parametrize("limit", [1, 3, 5])
def test_a_limit_draws_the_same_clips_for_every_task(
    manifest: Path, tmp_path: Path, limit: int
) -> None:
    run = evaluate("mock", "aligned,misalign", dataset=manifest, output_path=tmp_path, limit=limit)
    clips = {
        task.name: [s.clip for s in run.samples if s.task == task.name]
        for task in run.manifest.tasks
    }
    assert len({tuple(drawn) for drawn in clips.values()}) == 1
    whole = evaluate("mock", "misalign_audio", dataset=manifest, output_path=tmp_path)
    donors = {sample.clip: sample.audio_source for sample in whole.samples}
    for sample in run.samples:
        if sample.task == "misalign_audio":
            assert sample.audio_source == donors[sample.clip], "pairs do not depend on the limit"


def test_a_task_gets_the_metrics_it_asks_for(manifest: Path, tmp_path: Path) -> None:
    def scores(tasks: str, *perturb: str) -> dict[str, set[str]]:
        run = evaluate("mock", tasks, dataset=manifest, output_path=tmp_path, perturb=perturb)
        assert run.scores is not None
        names = ("accuracy", "macro_accuracy", "leak", "both_right")
        return {
            score.task: {name for name in names if getattr(score, name) is not None}
            for score in run.scores.tasks
        }

    assert scores("misalign")["misalign_audio"] == {"accuracy", "macro_accuracy", "both_right"}
    assert scores("abstention_audio")["abstention_audio"] == {"accuracy"}
    assert scores("frames_zeroed")["frames_zeroed_visual"] == {"leak"}
    assert scores("aligned_audio", "remove_audio")["aligned_audio+remove_audio"] == {"leak"}


def held_by_a_run(folder: Path, clips: int) -> int:
    """Bytes that stay when a run of two questions a clip has ended, its samples not asked for."""
    folder.mkdir()
    media = [make_clip(folder / f"{at}.mp4", shade=100 * at, pitch=300 + 500 * at) for at in (0, 1)]
    rows = [
        {"id": f"clip{at}", "video": media[at % 2].name, "visual_label": name, "audio_label": name}
        for at in range(clips)
        for name in [("Bird", "Cat")[at % 2]]
    ]
    path = folder / "manifest.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    values = {"model": "mock", "tasks": ("aligned",), "dataset": str(path), "predict_only": True}
    plan = make_plan(settings_from({**values, "output_path": folder}, config=None))
    tracemalloc.start()
    try:
        run = run_plan(plan, NoProgress())
        assert run.tally.samples == 2 * clips
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def test_a_run_holds_little_of_each_sample(tmp_path: Path) -> None:
    """Whole records would be some 700 bytes each, answers and hashes of real clips aside."""
    # What the first run of a process loads is no matter of its samples.
    _, few, many = (
        held_by_a_run(tmp_path / name, clips)
        for name, clips in (("first", 10), ("few", 40), ("many", 200))
    )
    assert 100 < (many - few) / 320 < 400
