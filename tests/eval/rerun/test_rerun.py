"""Repeating a run from its manifest: identical, or every difference by name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from mma_eval import evaluate
from mma_eval.errors import MmaEvalError, UsageError
from mma_eval.eval.evaluate import NoProgress
from mma_eval.eval.log import SampleRecord
from mma_eval.eval.rerun.comparison import (
    Kind,
    RunComparison,
    compare_runs,
    of_the_same_clips,
)
from mma_eval.eval.rerun.repeat import (
    RerunChoices,
    ask_again,
    find_run,
    place_of_rerun,
    prepare_rerun,
)
from mma_eval.eval.run import Run
from mma_eval.media.source import Media
from mma_eval.models.base import OneByOne, register_model
from mma_eval.models.qwen.backend import QwenOmni
from mma_eval.types import Answer, Group, OptionScore, Question, Status
from tests.conftest import make_clip

NUMBERS = count()


@register_model("never-twice")
class NeverTwice(OneByOne):
    """Says something else every time."""

    def reply(self, media: Media, question: Question) -> str:
        return f"This is number {next(NUMBERS)}."


@register_model("tidal")
class Tidal(QwenOmni):
    """Its likelihoods drift from call to call, its choices do not."""

    def answer(self, groups: Iterable[Group]) -> Iterator[Answer]:
        for answer in super().answer(groups):
            drift = 1e-6 * next(NUMBERS)
            moved = tuple(
                replace(score, log_likelihood=score.log_likelihood - drift)
                for score in answer.option_scores
            )
            yield replace(answer, option_scores=moved)


def again(
    run: Run, folder: Path, choices: RerunChoices | None = None, *, tolerance: float = 0.0
) -> tuple[list[str], RunComparison]:
    """Names of what had changed before asking, and what came out different."""
    repetition = prepare_rerun(run.folder, choices or RerunChoices(), folder / "again")
    repeated = ask_again(repetition, NoProgress())
    before = of_the_same_clips(run.samples, repeated.samples)
    comparison = compare_runs(before, repeated.samples, tolerance=tolerance)
    return [change.what for change in repetition.changed], comparison


def own_copy(manifest: Path, folder: Path) -> Path:
    shutil.copytree(manifest.parent, folder)
    return folder / manifest.name


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_repeats_without_its_store(manifest: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    run = evaluate(
        "mock",
        "abstention,misalign_audio",
        dataset=manifest,
        perturb=["caption"],
        limit=3,
        seed={"pairing": 4, "draw": 2},
        model_args={"behaviour": "random", "log": str(log)},
        output_path=tmp_path / "runs",
    )
    asked = len(log.read_text().splitlines())
    before = contents(tmp_path / "runs")

    changed, comparison = again(run, tmp_path)

    assert changed == []
    assert comparison.differing == ()
    assert comparison.identical == len(run.samples) == 21
    assert len(log.read_text().splitlines()) == 2 * asked, "everything was asked again"
    assert contents(tmp_path / "runs") == before, "the run itself is not touched"


def test_tiny_omni_repeats_to_the_bit(tmp_path: Path) -> None:
    run = evaluate(
        "tiny-omni",
        "misalign",
        dataset="demo:count=12",
        limit=3,
        answer_by="likelihood",
        output_path=tmp_path,
    )
    changed, comparison = again(run, tmp_path)
    assert changed == []
    assert comparison.largest_score_difference == 0
    assert comparison.identical == 6


def test_a_backend_that_never_says_the_same(manifest: Path, tmp_path: Path) -> None:
    run = evaluate("never-twice", "aligned_visual", dataset=manifest, output_path=tmp_path)
    _, comparison = again(run, tmp_path)
    assert comparison.kinds == {Kind.CHANGED: 6}
    assert comparison.fields == {"answer": 6}
    first = comparison.differing[0].changes[0]
    assert first.before == run.samples[0].answer
    assert first.now.startswith("This is number")


def test_drifting_likelihoods_are_measured(tmp_path: Path) -> None:
    run = evaluate(
        "tidal",
        "aligned_audio",
        dataset="demo:count=12",
        limit=2,
        model_args={"pretrained": "package:tiny-omni", "device": "cpu"},
        answer_by="likelihood",
        output_path=tmp_path,
    )
    _, strict = again(run, tmp_path)
    _, lenient = again(run, tmp_path, tolerance=1e-2)
    assert strict.kinds == {Kind.CHANGED: 2}
    assert strict.fields == {"option_scores": 2}
    assert strict.largest_score_difference is not None
    assert 1e-6 < strict.largest_score_difference < 1e-2
    assert lenient.identical == 2


def test_a_changed_clip_shows_in_its_hashes(manifest: Path, tmp_path: Path) -> None:
    copy = own_copy(manifest, tmp_path / "data")
    run = evaluate("mock", "aligned", dataset=copy, output_path=tmp_path / "runs")
    make_clip(tmp_path / "data" / "clip2.mp4", shade=250, pitch=1234.0)

    changed, comparison = again(run, tmp_path)

    assert changed == [], "the manifest is the same"
    assert {sample.id for sample in comparison.differing} == {"clip2/visual", "clip2/audio"}
    assert comparison.fields == {"video_hash": 2, "audio_hash": 2}


def test_a_changed_task_shows_before_and_after(manifest: Path, tmp_path: Path) -> None:
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    (tasks / "own.jinja").write_text("What do you see? Options: {{ options | join(', ') }}")
    (tasks / "own.yaml").write_text(
        "task: own\ndescription: mine\nask: [visual]\ndataset: mma_bench\nprompt: own.jinja\n"
        'target: "{{ labels[ask] }}"\nanswer: option\nmetrics: [accuracy]\nversion: 1\n'
        "source: me\n"
    )
    run = evaluate(
        "mock", "own", dataset=manifest, include_path=[tasks], output_path=tmp_path / "runs"
    )
    (tasks / "own.jinja").write_text("What is it? Options: {{ options | join(', ') }}")
    changed, comparison = again(run, tmp_path)
    assert changed == ["task own_visual"]
    assert comparison.fields["prompt"] == 6


def test_failures_of_the_original_are_said_to_be_so(manifest: Path, tmp_path: Path) -> None:
    copy = own_copy(manifest, tmp_path / "data")
    whole = (tmp_path / "data" / "clip1.mp4").read_bytes()
    (tmp_path / "data" / "clip1.mp4").write_bytes(b"")
    run = evaluate("mock", "aligned_visual", dataset=copy, output_path=tmp_path / "runs")
    assert [sample.status for sample in run.failures] == [Status.DECODE_ERROR]

    _, still = again(run, tmp_path)
    assert still.kinds == {Kind.IDENTICAL: 5, Kind.FAILED_TWICE: 1}
    (tmp_path / "data" / "clip1.mp4").write_bytes(whole)
    _, mended = again(run, tmp_path)
    assert mended.kinds == {Kind.IDENTICAL: 5, Kind.FAILED_BEFORE: 1}

    good = evaluate("mock", "aligned_visual", dataset=copy, output_path=tmp_path / "others")
    (tmp_path / "data" / "clip1.mp4").write_bytes(b"")
    _, broken = again(good, tmp_path)
    assert broken.kinds == {Kind.IDENTICAL: 5, Kind.FAILED_NOW: 1}


def test_fewer_clips_are_some_of_the_same(manifest: Path, tmp_path: Path) -> None:
    run = evaluate("mock", "misalign", dataset=manifest, limit=4, output_path=tmp_path)
    _, comparison = again(run, tmp_path, RerunChoices(limit=2))
    assert comparison.kinds == {Kind.IDENTICAL: 4}
    _, whole = again(run, tmp_path, RerunChoices(limit=100))
    assert whole.kinds == {Kind.IDENTICAL: 8}, "never more than the run had"


def test_a_dataset_that_moved_has_to_be_named(manifest: Path, tmp_path: Path) -> None:
    copy = own_copy(manifest, tmp_path / "data")
    run = evaluate("mock", "misalign", dataset=copy, output_path=tmp_path / "runs")
    (tmp_path / "data").rename(tmp_path / "moved")
    with pytest.raises(UsageError, match=r"manifest\.jsonl is not there.*--dataset"):
        again(run, tmp_path)
    changed, comparison = again(
        run, tmp_path, RerunChoices(dataset=str(tmp_path / "moved" / "manifest.jsonl"))
    )
    assert changed == ["dataset path"]
    assert comparison.identical == 12


def test_rows_that_came_and_went(manifest: Path, tmp_path: Path) -> None:
    copy = own_copy(manifest, tmp_path / "data")
    run = evaluate("mock", "aligned_visual", dataset=copy, output_path=tmp_path / "runs")
    lines = copy.read_text().splitlines()
    renamed = {**json.loads(lines[0]), "id": "fresh"}
    copy.write_text("\n".join([*lines[1:], json.dumps(renamed)]) + "\n")
    repetition = prepare_rerun(run.folder, RerunChoices(), tmp_path / "again")
    repeated = ask_again(repetition, NoProgress())
    comparison = compare_runs(run.samples, repeated.samples)
    assert "dataset version" in [change.what for change in repetition.changed]
    assert comparison.kinds == {Kind.GONE: 1, Kind.IDENTICAL: 5, Kind.NEW: 1}


def test_what_the_manifest_recorded_is_compared(manifest: Path, tmp_path: Path) -> None:
    run = evaluate("mock", "misalign_audio", dataset=manifest, output_path=tmp_path)
    path = run.folder / "run.json"
    recorded = json.loads(path.read_text())
    recorded["environment"]["packages"]["torch"] = "1.0"
    recorded["environment"]["packages"]["gone"] = "2.0"
    recorded["fingerprint"] = "another"
    recorded["card"]["license"] = "MIT"
    pairs = recorded["datasets"][0]["pairs"]
    one, two = list(pairs)[:2]
    pairs[one], pairs[two] = pairs[two], pairs[one]
    path.write_text(json.dumps(recorded))
    changed = prepare_rerun(run.folder, RerunChoices(), tmp_path / "again").changed
    told = {change.what: (change.before, change.now) for change in changed}
    assert told["torch"][0] == "1.0"
    assert told["gone"] == ("2.0", "not there")
    assert told["model fingerprint"][0] == "another"
    assert told["card license"] == ("MIT", "Apache-2.0")
    assert told["pair table"] == ("6 pairs", "2 of 6 differ")
    assert len(told) == 5


def test_a_card_that_is_gone_is_not_needed(manifest: Path, tmp_path: Path) -> None:
    card = tmp_path / "mine.yaml"
    card.write_text(
        "name: mine\nbackend: mock\nfamily: mock\nsummary: mine\nlicense: MIT\n"
        "arguments: {behaviour: last}\n"
    )
    run = evaluate(str(card), "aligned_visual", dataset=manifest, output_path=tmp_path / "runs")
    card.unlink()
    changed, comparison = again(run, tmp_path)
    assert changed == ["model card"]
    assert comparison.identical == 6


def test_answers_without_scores_repeat_too(manifest: Path, tmp_path: Path) -> None:
    run = evaluate("mock", "aligned", dataset=manifest, predict_only=True, output_path=tmp_path)
    _, comparison = again(run, tmp_path)
    assert comparison.identical == 12
    assert comparison.tallies == ()


def test_right_answers_are_counted_on_both_sides(manifest: Path, tmp_path: Path) -> None:
    first = evaluate("mock", "aligned_visual", dataset=manifest, output_path=tmp_path)
    last = evaluate(
        "mock",
        "aligned_visual",
        dataset=manifest,
        model_args={"behaviour": "last"},
        output_path=tmp_path,
    )
    (tally,) = compare_runs(first.samples, last.samples).tallies
    assert (tally.before, tally.now, tally.n) == (2, 0, 6), "Bird is right twice, Frog never"


def scored(sample: SampleRecord, *scores: float) -> SampleRecord:
    options = tuple(
        OptionScore(option=option, log_likelihood=score, tokens=1)
        for option, score in zip("ab", scores, strict=True)
    )
    return replace(sample, option_scores=options)


def test_the_largest_difference_in_scores(manifest: Path, tmp_path: Path) -> None:
    run = evaluate("mock", "aligned_visual", dataset=manifest, limit=1, output_path=tmp_path)
    before, now = scored(run.samples[0], -1.0, -2.0), scored(run.samples[0], -1.25, -1.5)
    for tolerance, kind in ((0.4, Kind.CHANGED), (0.5, Kind.IDENTICAL)):
        comparison = compare_runs([before], [now], tolerance=tolerance)
        assert comparison.largest_score_difference == 0.5
        assert comparison.samples[0].kind is kind
    (change,) = compare_runs([before], [now]).samples[0].changes
    assert (change.before, change.now) == ("b -2", "b -1.5")


def test_a_place_of_its_own(manifest: Path, tmp_path: Path) -> None:
    run = evaluate("mock", "aligned_visual", dataset=manifest, output_path=tmp_path / "runs")
    with pytest.raises(UsageError, match="a folder of its own"), place_of_rerun(tmp_path / "runs"):
        pass
    with place_of_rerun(None) as place:
        ask_again(prepare_rerun(run.folder, RerunChoices(), place), NoProgress())
        assert (place / "mock").is_dir()
    assert not place.exists()
    evaluate("mock", "aligned_audio", dataset=manifest, output_path=tmp_path / "runs")
    with pytest.raises(UsageError, match="holds 2 runs"):
        find_run(tmp_path / "runs")
    assert find_run(run.folder / "run.json") == run.folder


def test_an_adapter_that_is_gone(tmp_path: Path) -> None:
    run = evaluate(
        "tiny-omni", "aligned_audio", dataset="demo:count=12", limit=1, output_path=tmp_path
    )
    choices = RerunChoices(adapter=tmp_path / "lora")
    with pytest.raises(MmaEvalError, match="no PEFT adapter"):
        prepare_rerun(run.folder, choices, tmp_path / "again")
