"""The aligned baseline of a run, among whatever else lies beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mma_eval import evaluate
from mma_eval.eval.baseline import aligned_baseline


@pytest.mark.parametrize("broken", ["not an object", "datasets", "tasks"])
def test_a_broken_run_beside_this_one_is_passed_over(
    manifest: Path, tmp_path: Path, broken: str
) -> None:
    aligned = evaluate("mock", "aligned", dataset=manifest, output_path=tmp_path)
    run = evaluate("mock", "misalign", dataset=manifest, output_path=tmp_path)
    content = json.loads((aligned.folder / "run.json").read_bytes())
    if broken == "not an object":
        content = []
    elif broken == "datasets":
        content["datasets"] = ["clips"]
    else:
        content["scores"]["tasks"] = ["aligned_visual"]
    # The newest of all, so that it is looked at first.
    other = run.folder.with_name("zz")
    other.mkdir()
    (other / "run.json").write_text(json.dumps(content))
    found = aligned_baseline(run)
    assert found.folder == aligned.folder
    assert set(found.accuracy) == {"aligned_visual", "aligned_audio"}
