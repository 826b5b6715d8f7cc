"""What a tuning would be trained on: counts, examples and lengths that agree with the examples."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from rich.console import Console

from mma_eval.perturb.word_tokenizer import WordTokenizer
from mma_eval.report.training_data import print_training_data
from mma_eval.train.describe import describe
from mma_eval.train.pairs import TrainingData, training_data
from mma_eval.train.recipe import Recipe, load_recipe
from tests.train.clips import class_of, dataset_of


def made(folder: Path) -> tuple[TrainingData, Recipe]:
    recipe = load_recipe("tiny_demo", ["data.swaps=2", "data.held_out_classes=0.3"])
    return training_data(dataset_of(folder, [10] * 8), recipe.data, recipe.seed), recipe


def test_the_counts_are_those_of_the_examples(tmp_path: Path) -> None:
    data, recipe = made(tmp_path)
    summary = describe(data, recipe, WordTokenizer())
    assert [part.name for part in summary.parts] == ["train", "validation", "test", "held out"]
    for shown, part in zip(summary.parts, data.parts, strict=True):
        counted = Counter((example.condition, example.ask) for example in part)
        assert {(what, ask): number for what, ask, number in shown.counts} == counted
        assert shown.examples == len(part)
        assert shown.media == len({(example.clip, example.sound) for example in part})
    for label in summary.classes:
        clips = tuple(
            sum(class_of(clip) == label.label for clip in part.clips) for part in data.parts
        )
        assert label.clips == clips
        assert label.held_out == (label.label in data.split.unseen)
        assert (label.lent > 0) != label.held_out


def test_text_is_measured_with_the_models_tokenizer(tmp_path: Path) -> None:
    data, recipe = made(tmp_path)
    text = describe(data, recipe, WordTokenizer()).text
    assert text is not None
    prompts = {WordTokenizer().count(one.rendered.after_media) for one in data.train}
    assert {text.prompts.shortest, text.prompts.longest} == {min(prompts), max(prompts)}
    assert describe(data, recipe, None).text is None


def test_what_is_printed_shows_both_questions_of_a_clip_with_two_sounds(tmp_path: Path) -> None:
    data, recipe = made(tmp_path)
    summary = describe(data, recipe, None)
    console = Console(record=True, width=120, quiet=False, file=(tmp_path / "out").open("w"))
    print_training_data(console, summary)
    text = console.export_text()
    assert "not counted" in text
    for example in summary.shown:
        assert example.id in text
        assert f"target: {example.target}" in text
    assert {(one.clip == one.sound, one.target) for one in summary.shown} == {
        (True, summary.shown[0].seen),
        (False, summary.shown[0].seen),
        (False, summary.shown[3].heard),
    }
    assert text.count("(held out)") == len(data.split.unseen)
