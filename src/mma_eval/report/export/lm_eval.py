"""A run in the layout of lm-evaluation-harness.

`<model>/results_<time>.json` and `<model>/samples_<task>_<time>.jsonl`, as its `EvaluationTracker`
writes them (version 0.4.13: `lm_eval/loggers/evaluation_tracker.py`, `lm_eval/result_schema.py`).
A sample's metrics are numbers whose mean is the task's number, so samples without an answer, which
no metric counts, have no line; `n-samples` and `coverage` tell how many there are.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from statistics import stdev
from typing import Any

from mma_eval.eval.analysis.questions import is_ill_posed
from mma_eval.eval.analysis.subject import Subject
from mma_eval.eval.log import SampleRecord, to_json
from mma_eval.eval.manifest import TaskEntry
from mma_eval.eval.scorecard import TaskScore
from mma_eval.report.export.files import model_folder, model_name, moment
from mma_eval.report.measurements import measurements
from mma_eval.types import Attribution, Outcome

FILTER = "none"
NO_ERROR = "N/A"
UNREADABLE = "[invalid]"
"""What the harness itself puts for an answer that its filters cannot read."""
SAMPLE_FIELDS = {
    "id", "clip", "ask", "options", "visual_label", "audio_label", "caption", "removed",
    "video_source", "audio_source", "video_hash", "audio_hash", "edits",
}  # fmt: skip
HIGHER_IS_BETTER = {"leak": False, "unparsed": False, "false_abstention": False}
ELSEWHERE = ("accuracy", "lenient_accuracy", "leak", "chance", "majority")
"""Measurements that are metrics of single samples here, or no result of the model."""


@dataclass(frozen=True)
class _Exported:
    """One task: its entry, its score, and the lines and metrics of its answered samples."""

    entry: TaskEntry
    score: TaskScore
    samples: tuple[dict[str, Any], ...]
    metrics: tuple[str, ...]


def lm_eval_files(subject: Subject, folder: Path) -> dict[Path, Iterable[str]]:
    """The files of a subject, as lines by path; nothing is written."""
    place, stamp = folder / model_folder(subject), moment(subject)
    tasks = [
        _exported(entry, score, subject.samples_of(entry.name))
        for entry, score in zip(subject.manifest.tasks, subject.scores.tasks, strict=True)
    ]
    results = json.dumps(_results(subject, tasks), indent=2, ensure_ascii=False)
    files: dict[Path, Iterable[str]] = {place / f"results_{stamp}.json": [results + "\n"]}
    for task in tasks:
        files[place / f"samples_{task.entry.name}_{stamp}.jsonl"] = _lines(task.samples)
    return files


def _lines(samples: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for sample in samples:
        yield json.dumps(sample, ensure_ascii=False) + "\n"


def _exported(entry: TaskEntry, score: TaskScore, records: list[SampleRecord]) -> _Exported:
    answered = [(at, record) for at, record in enumerate(records) if record.outcome is not None]
    # Nothing answered, nothing to take a mean over: left out, as `measurements` leaves it out.
    metrics = _sample_metrics(score) if answered else ()
    return _Exported(
        entry,
        score,
        tuple(_sample(at, record, metrics) for at, record in answered),
        metrics,
    )


def _sample_metrics(score: TaskScore) -> tuple[str, ...]:
    names = ["acc"] if score.accuracy else []
    names += ["acc_lenient"] if score.lenient_accuracy else []
    names += ["leak"] if score.leak else []
    return (*names, *(f"named_{source}" for source in score.attribution))


def _sample(at: int, record: SampleRecord, metrics: tuple[str, ...]) -> dict[str, Any]:
    document = to_json(record, SAMPLE_FIELDS)
    return {
        "doc_id": at,
        "doc": document,
        "target": record.target,
        **_exchange(record),
        "filter": FILTER,
        "metrics": list(metrics),
        "doc_hash": _hash(json.dumps(document, indent=2, ensure_ascii=False)),
        "prompt_hash": _hash(record.prompt),
        "target_hash": _hash(record.target),
        **{name: _value(name, record) for name in metrics},
    }


def _exchange(record: SampleRecord) -> dict[str, Any]:
    """What was asked and answered: one request for text, one for each option by likelihood."""
    if not record.option_scores:
        return {
            "arguments": {"gen_args_0": {"arg_0": record.prompt, "arg_1": {}}},
            "resps": [[record.answer or ""]],
            "filtered_resps": [record.option or UNREADABLE],
        }
    scores = record.option_scores
    replies = [[str(scored.log_likelihood)] for scored in scores]
    return {
        "arguments": {
            f"gen_args_{at}": {"arg_0": record.prompt, "arg_1": scored.option}
            for at, scored in enumerate(scores)
        },
        "resps": [[reply] for reply in replies],
        "filtered_resps": replies,
    }


def _value(metric: str, record: SampleRecord) -> float | None:
    """1 or 0; None where the metric does not count this sample."""
    if metric.startswith("named_"):
        return float(metric == f"named_{record.attribution}")
    if is_ill_posed(record) != (metric == "leak"):
        return None
    if metric == "leak":
        return float(record.attribution is Attribution.REMOVED)
    if metric == "acc_lenient":
        outcome = record.lenient_outcome
        return None if outcome is None else float(outcome is Outcome.CORRECT)
    return float(record.outcome is Outcome.CORRECT)


def _results(subject: Subject, tasks: list[_Exported]) -> dict[str, Any]:
    manifest = subject.manifest
    names = [task.entry.name for task in tasks]
    started = min(run.manifest.started for run in subject.runs)
    system = manifest.card.system_prompt
    return {
        "results": {task.entry.name: _numbers(subject, task) for task in tasks},
        "group_subtasks": {name: [] for name in names},
        "configs": {task.entry.name: _task_config(subject, task) for task in tasks},
        "versions": {task.entry.name: task.entry.version for task in tasks},
        "n-shot": dict.fromkeys(names, 0),
        "higher_is_better": {
            task.entry.name: {name: _higher_is_better(name) for name in task.metrics}
            for task in tasks
        },
        "n-samples": {
            task.entry.name: {"original": task.score.n, "effective": task.score.answered}
            for task in tasks
        },
        "config": _configuration(subject),
        "git_hash": manifest.environment.git_commit,
        "date": started.timestamp(),
        "transformers_version": manifest.environment.packages.get("transformers"),
        "task_hashes": {task.entry.name: _task_hash(task) for task in tasks},
        "model_source": manifest.card.backend,
        "model_name": model_name(subject),
        "model_name_sanitized": model_folder(subject),
        "system_instruction": system,
        "system_instruction_sha": None if system is None else _hash(system),
        "fewshot_as_multiturn": None,
        "chat_template": None,
        "chat_template_sha": None,
        "start_time": started.timestamp(),
        "end_time": manifest.ended.timestamp(),
        "total_evaluation_time_seconds": str(
            sum((run.manifest.ended - run.manifest.started).total_seconds() for run in subject.runs)
        ),
        "mma_eval": [
            run.manifest.model_dump(mode="json", exclude={"scores"}) for run in subject.runs
        ],
    }


def _numbers(subject: Subject, task: _Exported) -> dict[str, Any]:
    """Means with the harness' own standard error, then what is no mean over samples."""
    numbers: dict[str, Any] = {"alias": task.entry.name, "sample_len": len(task.samples)}
    for name in task.metrics:
        counted = [sample[name] for sample in task.samples if sample[name] is not None]
        numbers[f"{name},{FILTER}"] = sum(counted) / len(counted)
        numbers[f"{name}_stderr,{FILTER}"] = _standard_error(counted)
    for found in measurements(subject.scores):
        told = found.metric in ELSEWHERE or found.metric in task.metrics
        if found.task == task.entry.name and not told:
            numbers[f"{found.metric},{FILTER}"] = found.value
            numbers[f"{found.metric}_stderr,{FILTER}"] = NO_ERROR
    return numbers


def _standard_error(values: list[float]) -> float | str:
    """Sample standard deviation over the root of n, as `lm_eval.api.metrics.mean_stderr`.

    It takes samples as independent; the intervals of `mma-eval` resample clips.
    """
    return stdev(values) / math.sqrt(len(values)) if len(values) > 1 else NO_ERROR


def _task_config(subject: Subject, task: _Exported) -> dict[str, Any]:
    entry, settings = task.entry, subject.manifest.settings
    by_likelihood = settings.answer_by == "likelihood"
    return {
        "task": entry.name,
        "dataset_path": entry.dataset,
        "output_type": "multiple_choice" if by_likelihood else "generate_until",
        "num_fewshot": 0,
        "repeats": 1,
        "metric_list": [
            {"metric": name, "aggregation": "mean", "higher_is_better": _higher_is_better(name)}
            for name in task.metrics
        ],
        "generation_kwargs": settings.gen_kwargs.model_dump(exclude_none=True),
        "metadata": entry.model_dump(mode="json"),
    }


def _configuration(subject: Subject) -> dict[str, Any]:
    manifest = subject.manifest
    settings, seeds, loaded = manifest.settings, manifest.seeds, manifest.environment.model
    return {
        "model": manifest.card.backend,
        "model_args": {"card": manifest.card.name, **_plain(settings.arguments())},
        "model_num_parameters": manifest.card.parameters,
        "model_dtype": loaded.get("dtype"),
        "model_revision": manifest.card.revision,
        "model_sha": manifest.fingerprint,
        "batch_size": settings.batch_size,
        "batch_sizes": [],
        "device": loaded.get("device"),
        "use_cache": None,
        "limit": settings.limit,
        "bootstrap_iters": 0,
        "gen_kwargs": settings.gen_kwargs.model_dump(exclude_none=True),
        "random_seed": seeds.get("draw"),
        "numpy_seed": None,
        "torch_seed": seeds.get("sampling"),
        "fewshot_seed": None,
    }


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(v) if isinstance(v, Path) else v for name, v in values.items()}


def _task_hash(task: _Exported) -> str:
    hashes = (s["doc_hash"] + s["prompt_hash"] + s["target_hash"] for s in task.samples)
    return _hash("".join(hashes))


def _higher_is_better(metric: str) -> bool | None:
    """None where neither is: what a wrong answer named."""
    return None if metric.startswith("named_") else HIGHER_IS_BETTER.get(metric, True)


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
