"""Several seeds of the real thing, with the mock backend."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mma_eval import evaluate
from mma_eval.eval.analysis.seeds import SeedSummary, over_seeds
from mma_eval.eval.run import Run


def runs(manifest: Path, folder: Path, tasks: str, **settings: Any) -> list[Run]:
    return [
        evaluate(
            "mock",
            tasks,
            dataset=manifest,
            seed=seed,
            model_args={"behaviour": "random"},
            output_path=folder,
            **settings,
        )
        for seed in (0, 1, 2)
    ]


def of(task: str, summaries: tuple[SeedSummary, ...]) -> SeedSummary:
    (found,) = [summary for summary in summaries if summary.task == task]
    return found


def test_greedy_aligned_answers_three_times_are_one_measurement(
    manifest: Path, tmp_path: Path
) -> None:
    done = runs(manifest, tmp_path, "aligned_audio,misalign_audio")
    summaries = over_seeds(done)
    aligned = of("aligned_audio", summaries)
    assert len(set(aligned.accuracies)) == 1 and len(aligned.accuracies) == 3
    assert (aligned.spread.n, aligned.spread.deviation) == (1, None)
    swaps = {json.dumps(run.manifest.datasets[0].pairs) for run in done}
    assert of("misalign_audio", summaries).spread.n == len(swaps) > 1


def test_sampled_answers_are_measured_each_time(manifest: Path, tmp_path: Path) -> None:
    done = runs(manifest, tmp_path, "aligned_audio", gen_kwargs={"temperature": 1.0})
    assert of("aligned_audio", over_seeds(done)).spread.n == 3


def test_other_clips_are_another_measurement(manifest: Path, tmp_path: Path) -> None:
    done = runs(manifest, tmp_path, "aligned_visual", limit=3)
    drawn = {frozenset(sample.clip for sample in run.samples) for run in done}
    (summary,) = over_seeds(done)
    assert summary.spread.n == len(drawn) > 1
    assert min(summary.accuracies) <= summary.spread.mean <= max(summary.accuracies)


def test_only_tasks_with_an_accuracy_in_every_run(manifest: Path, tmp_path: Path) -> None:
    tasks = "aligned_audio,audio_removed_audio"
    one, two, _ = runs(manifest, tmp_path, tasks)
    assert [summary.task for summary in over_seeds([one, two])] == ["aligned_audio"]


def test_unscored_runs_have_no_summary(manifest: Path, tmp_path: Path) -> None:
    assert over_seeds(runs(manifest, tmp_path, "aligned_audio", predict_only=True)) == ()
    assert over_seeds([]) == ()
