"""What both sides of a benchmark are asked: the eighteen tasks of MMA-Bench on some clips."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from mma_eval.media.source import Media
from mma_eval.models.qwen.backend import QwenOmni
from mma_eval.perturb.text import LongContext
from mma_eval.task.dataset import Dataset, read_dataset
from mma_eval.task.load import Task, TaskCatalogue
from mma_eval.task.samples import SampleBuilder
from mma_eval.types import Generate, Group, Labels, Question, Seeds
from tests.models.plain_path import PlainPath

LONGEST_ANSWER = 64
"""Random weights never stop by themselves; both sides are cut at the same length."""
STOPS = ("<|im_end|>", "<|endoftext|>")


def all_aligned(folder: Path, limit: int) -> Dataset:
    """The first clips of a manifest, all taken as aligned so that every task asks about them."""
    dataset = read_dataset(folder / "manifest.jsonl", "clips")
    rows = tuple(
        replace(row, labels=Labels(row.labels.visual, row.labels.visual))
        for row in dataset.rows[:limit]
    )
    return replace(dataset, rows=rows)


def eighteen_tasks(
    dataset: Dataset, model: QwenOmni, long_tokens: int, longest: int = LONGEST_ANSWER
) -> list[Group]:
    """The eighteen tasks of the benchmark on every clip, questions together by media."""
    builder = SampleBuilder(dataset, Seeds(), tokenizer=model.tokenizer)
    groups: dict[Media, list[Question]] = {}
    for task in TaskCatalogue().select("mma_bench"):
        if task.control_of is not None:
            continue
        tokens = min(task.spec.generation.max_new_tokens, longest)
        for rendered in builder.all(_with_filler(task, long_tokens)):
            question = Question(
                f"{task.name}:{rendered.sample.id}", "", rendered.after_media, Generate(tokens)
            )
            groups.setdefault(rendered.sample.media, []).append(question)
    return [Group(media, "", tuple(questions)) for media, questions in groups.items()]


def _with_filler(task: Task, tokens: int) -> Task:
    """The task with as much filler as this benchmark wants, where it has any."""
    chain = tuple(
        step.model_copy(update={"tokens": tokens}) if isinstance(step, LongContext) else step
        for step in task.perturbations
    )
    return replace(task, perturbations=chain)


def is_long(name: str) -> bool:
    return name.startswith("long_context")


def without_long(group: Group) -> Group:
    kept = tuple(question for question in group.questions if not is_long(question.id))
    return Group(group.media, group.before_media, kept)


def decode_media(groups: list[Group], model: QwenOmni) -> None:
    """Fill the media cache, so that neither side pays for decoding."""
    for group in groups:
        group.media.frames(model.sampling.frames)
        group.media.sound(model.sampling.audio)


def plain_reply(plain: PlainPath, inputs: dict[str, Any], tokens: int) -> str:
    """The text of `generate()` on a whole prompt, up to where an answer ends."""
    ids = plain.generate(inputs, tokens)
    stops = [plain.tokenizer.convert_tokens_to_ids(token) for token in STOPS]
    kept = next((index for index, token in enumerate(ids) if token in stops), len(ids))
    text: str = plain.tokenizer.decode(ids[:kept], skip_special_tokens=True)
    return text
