"""The export in lm-evaluation-harness' layout, held against what the harness' own readers do."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from mma_eval import evaluate
from mma_eval.eval.analysis.subject import read_subjects
from mma_eval.report.export.files import write_new
from mma_eval.report.export.lm_eval import lm_eval_files

TASKS = "aligned,misalign,frames_zeroed_visual,abstention_audio"
KEYS_OF_A_SAMPLE = {
    "doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics",
    "doc_hash", "prompt_hash", "target_hash",
}  # fmt: skip
KEYS_OF_RESULTS = {
    "results", "group_subtasks", "configs", "versions", "n-shot", "higher_is_better", "n-samples",
    "config", "git_hash", "date", "task_hashes", "model_source", "model_name",
    "model_name_sanitized", "system_instruction", "system_instruction_sha", "fewshot_as_multiturn",
    "chat_template", "chat_template_sha", "total_evaluation_time_seconds",
}  # fmt: skip
"""lm_eval 0.4.13, `result_schema.py`: what is not about its own environment or tokenizer."""


@pytest.fixture(scope="module")
def exported(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which two of six aligned sounds are right, one answer failed, one cannot be read."""
    folder = tmp_path_factory.mktemp("export")
    answers = {f"clip{at}/visual": "Bird" for at in range(6)}
    answers |= {f"clip{at}/audio": "Bird" for at in range(5)}
    answers["aligned_audio:clip4/audio"] = "Ünlesbar <b>"
    script = folder / "script.json"
    script.write_text(json.dumps(answers))
    run = evaluate(
        "mock", TASKS, dataset=manifest, output_path=folder / "runs",
        model_args={"behaviour": "script", "script": str(script)},
    )  # fmt: skip
    (subject,) = read_subjects([run.folder])
    write_new(lm_eval_files(subject, folder / "out"))
    return folder / "out" / "mock"


@pytest.fixture(scope="module")
def results(exported: Path) -> dict[str, Any]:
    (file,) = exported.glob("results_*.json")
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def samples(exported: Path, task: str) -> list[Mapping[str, Any]]:
    (file,) = exported.glob(f"samples_{task}_????-*.jsonl")
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_files_have_the_names_that_the_harness_takes_apart(
    exported: Path, results: dict[str, Any]
) -> None:
    """`get_file_task_name` and `get_file_datetime`: between the first and the last underscore."""
    names = [path.name for path in exported.iterdir()]
    tasks = {name[name.find("_") + 1 : name.rfind("_")] for name in names if "samples_" in name}
    times = {re.sub(r"\.jsonl?$", "", name[name.rfind("_") + 1 :]) for name in names}
    assert tasks == set(results["results"]) == set(results["configs"])
    assert len(times) == 1 and ":" not in times.pop()


def test_the_schema(exported: Path, results: dict[str, Any]) -> None:
    assert set(results) >= KEYS_OF_RESULTS
    for task in results["results"]:
        for sample in samples(exported, task):
            assert set(sample) == KEYS_OF_A_SAMPLE | set(sample["metrics"])
            assert isinstance(sample["filtered_resps"][0], str)
            assert isinstance(sample["arguments"]["gen_args_0"]["arg_0"], str)


def test_a_number_is_the_mean_of_its_samples_with_the_harness_standard_error(
    exported: Path, results: dict[str, Any]
) -> None:
    counted = 0
    for task, numbers in results["results"].items():
        for metric in results["configs"][task]["metric_list"]:
            name = metric["metric"]
            values = [sample[name] for sample in samples(exported, task)]
            mean = sum(values) / len(values)
            variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
            assert numbers[f"{name},none"] == pytest.approx(mean)
            assert numbers[f"{name}_stderr,none"] == pytest.approx(
                math.sqrt(variance / len(values))
            )
            counted += 1
    assert counted > 20


def test_what_was_not_answered_is_told_and_not_scored(
    exported: Path, results: dict[str, Any]
) -> None:
    heard = results["results"]["aligned_audio"]
    assert results["n-samples"]["aligned_audio"] == {"original": 6, "effective": 5}
    assert heard["coverage,none"] == pytest.approx(5 / 6)
    # Clips 0 and 3 are birds; clip 5 failed.
    assert heard["acc,none"] == pytest.approx(2 / 5)
    lines = samples(exported, "aligned_audio")
    assert [line["doc_id"] for line in lines] == [0, 1, 2, 3, 4]
    assert lines[4]["resps"] == [["Ünlesbar <b>"]]
    assert lines[4]["filtered_resps"] == ["[invalid]"]


def test_a_task_that_failed_as_a_whole_has_no_means_and_leaves_the_others_theirs(
    manifest: Path, tmp_path: Path
) -> None:
    script = tmp_path / "script.json"
    script.write_text(json.dumps({f"clip{at}/visual": "Bird" for at in range(6)}))
    run = evaluate(
        "mock", "aligned", dataset=manifest, output_path=tmp_path / "runs",
        model_args={"behaviour": "script", "script": str(script)},
    )  # fmt: skip
    (subject,) = read_subjects([run.folder])
    write_new(lm_eval_files(subject, tmp_path / "out"))
    (file,) = (tmp_path / "out" / "mock").glob("results_*.json")
    found = json.loads(file.read_text(encoding="utf-8"))
    failed = found["results"]["aligned_audio"]
    assert failed == {
        "alias": "aligned_audio", "sample_len": 0, "coverage,none": 0.0,
        "coverage_stderr,none": "N/A",
    }  # fmt: skip
    assert found["n-samples"]["aligned_audio"] == {"original": 6, "effective": 0}
    assert samples(file.parent, "aligned_audio") == []
    assert found["results"]["aligned_visual"]["acc,none"] == pytest.approx(2 / 6)


def test_a_question_without_its_stream_has_leak_and_no_accuracy(
    exported: Path, results: dict[str, Any]
) -> None:
    gone = results["results"]["frames_zeroed_visual"]
    assert gone["leak,none"] == pytest.approx(2 / 6)
    assert not [name for name in gone if name.startswith("acc")]
    assert results["higher_is_better"]["frames_zeroed_visual"]["leak"] is False
    assert "acc" not in samples(exported, "frames_zeroed_visual")[0]


def test_numbers_of_several_tasks(results: dict[str, Any]) -> None:
    assert "both_right,none" in results["results"]["misalign_audio"]
    assert "balanced_accuracy,none" in results["results"]["abstention_audio"]
    assert results["results"]["abstention_audio"]["balanced_accuracy_stderr,none"] == "N/A"


def test_hashes(exported: Path, results: dict[str, Any]) -> None:
    """As `evaluate` hashes a sample, and `save_results_aggregated` a task."""
    lines = samples(exported, "misalign_visual")
    for line in lines:
        document = json.dumps(line["doc"], indent=2, ensure_ascii=False)
        assert line["doc_hash"] == sha256(document.encode()).hexdigest()
    together = "".join(s["doc_hash"] + s["prompt_hash"] + s["target_hash"] for s in lines)
    assert results["task_hashes"]["misalign_visual"] == sha256(together.encode()).hexdigest()


def test_the_whole_manifest_goes_along(results: dict[str, Any]) -> None:
    (run,) = results["mma_eval"]
    assert run["fingerprint"] == results["config"]["model_sha"]
    assert run["datasets"][0]["pairs"]


def test_likelihood_answers_are_one_request_an_option(manifest: Path, tmp_path: Path) -> None:
    run = evaluate(
        "tiny-omni", "aligned_visual", dataset=manifest, limit=1, answer_by="likelihood",
        output_path=tmp_path,
    )  # fmt: skip
    (subject,) = read_subjects([run.folder])
    files = lm_eval_files(subject, tmp_path)
    (lines,) = [lines for path, lines in files.items() if path.name.startswith("samples_")]
    (sample,) = map(json.loads, lines)
    options = [request["arg_1"] for request in sample["arguments"].values()]
    assert options == ["Bird", "Cat", "Door", "Frog"]
    scores = [float(reply[0]) for reply in sample["filtered_resps"]]
    assert options[scores.index(max(scores))] == run.samples[0].option
    assert sample["acc"] == float(run.samples[0].option == run.samples[0].target)
