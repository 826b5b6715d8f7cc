"""Mock runs whose every number can be counted by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from mma_eval import evaluate

LABELS = ("Bird", "Cat", "Door") * 2
"""Of the six clips of the `manifest` fixture."""
CARD = """\
name: {name}
backend: mock
family: scripted
summary: Answers from a script
license: none
"""


def script(folder: Path, right: Mapping[str, int]) -> Path:
    """Answers that name the clip's own class for the first `right[task]` of six clips, else Frog.

    On abstention tasks that many answers decline.
    """
    answers = {}
    for task, count in right.items():
        ask = task.rpartition("_")[2]
        for at, label in enumerate(LABELS):
            named = "None of the above" if task.startswith("abstention") else label
            answer = named if at < count else "Frog"
            cot = task.startswith("cot_")
            for name in (task, f"{task}.control_aligned", f"{task}.control_irrelevant"):
                answers[f"{name}:clip{at}/{ask}"] = f"Final Answer: {answer}" if cot else answer
    path = folder / "script.json"
    path.write_text(json.dumps(answers), encoding="utf-8")
    return path


def scripted_run(
    folder: Path,
    dataset: Path | str,
    right: Mapping[str, int],
    *,
    model: str = "mock",
    limit: int | None = None,
) -> Path:
    """A run of the tasks of `right` by a model called `model`, which answers from a script."""
    folder.mkdir(parents=True, exist_ok=True)
    card = folder / "card.yaml"
    card.write_text(CARD.format(name=model), encoding="utf-8")
    run = evaluate(
        str(card),
        list(right),
        dataset=dataset,
        limit=limit,
        model_args={"behaviour": "script", "script": str(script(folder, right))},
        output_path=folder / "results",
    )
    return run.folder


def as_benchmark(manifest: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The clips of `manifest` as the dataset that `--dataset mma_bench` finds."""
    (folder / "mma_bench").symlink_to(manifest.parent, target_is_directory=True)
    monkeypatch.setenv("MMA_EVAL_DATA", str(folder))
    return "mma_bench"
