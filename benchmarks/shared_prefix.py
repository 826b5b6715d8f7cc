"""CPU time of the shared-prefix engine beside that of the plain path, on the same questions.

    python benchmarks/shared_prefix.py --clips DIR [--limit 2]

Both sides run in one process on one thread with one random mid-size checkpoint in the published
layout, in fp32, on real clips (DIR holds a manifest.jsonl), eighteen requests a clip as in
MMA-Bench. The plain path encodes every request by itself, with sound padded to 300 s as
transformers' processor pads it, and decodes with `generate()`. Decoded media come from the same
in-memory cache on both sides. Every answer has to be the same text.

A long filler follows the question, so none of it can be shared: the ratio with the long-context
pair nears one as the filler grows (--long-tokens), the sooner the narrower the model.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mma_eval.media.source import Media
from mma_eval.models.card import ModelCard
from mma_eval.models.qwen.backend import QwenOmni, QwenOmniArguments
from mma_eval.perturb.text import LongContext
from mma_eval.task.dataset import Dataset, read_dataset
from mma_eval.task.load import Task, TaskCatalogue
from mma_eval.task.samples import SampleBuilder
from mma_eval.types import Generate, Group, Labels, Question, Seeds, Status
from tests.models.checkpoint import MID, TINY, build_checkpoint
from tests.models.plain_path import PlainPath

T = TypeVar("T")

LONGEST_ANSWER = 64
"""Random weights never stop by themselves; both sides are cut at the same length."""
SIZES = {"tiny": TINY, "mid": MID}


@dataclass
class Spent:
    """CPU seconds, and the text of every answer by question id."""

    seconds: dict[str, float]
    texts: dict[str, str]


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(1)
    dataset = _clips(arguments.clips, arguments.limit)
    with tempfile.TemporaryDirectory() as scratch:
        folder = build_checkpoint(Path(scratch) / "checkpoint", SIZES[arguments.size])
        model, plain = _both_sides(folder, arguments.max_frames)
        groups = _groups(dataset, model, arguments.long_tokens)
        _decode(groups, model)
        slow = _plain(groups, plain)
        fast = _engine(groups, model)
        brief = _engine([_without_long(group) for group in groups], model)
    differing = [name for name, text in slow.texts.items() if fast.texts[name] != text]
    differing += [name for name, text in brief.texts.items() if slow.texts[name] != text]
    _report(slow, fast, brief, len(dataset.rows), differing)
    if differing:
        raise SystemExit(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--clips", type=Path, required=True, help="folder with manifest.jsonl")
    parser.add_argument("--limit", type=int, default=2, help="clips to use (at least 2)")
    parser.add_argument("--size", choices=SIZES, default="mid", help="of the random checkpoint")
    parser.add_argument("--long-tokens", type=int, default=10_000, help="tokens of filler")
    parser.add_argument("--max-frames", type=int, default=768, help="frames per clip at most")
    arguments = parser.parse_args()
    if arguments.limit < 2:
        parser.error("--limit must be at least 2: sounds are swapped between clips")
    return arguments


def _both_sides(folder: Path, max_frames: int) -> tuple[QwenOmni, PlainPath]:
    card = ModelCard(
        name="random-mid",
        backend="qwen_omni",
        family="qwen2.5-omni",
        summary="random weights",
        license="none",
        weights=str(folder),
    )
    model = QwenOmni(card, QwenOmniArguments(device="cpu", max_frames=max_frames))
    model.load()
    return model, PlainPath.load(folder, model.sampling, model.system_prompt)


def _groups(dataset: Dataset, model: QwenOmni, long_tokens: int) -> list[Group]:
    """The eighteen tasks of the benchmark on every clip, questions together by media."""
    builder = SampleBuilder(dataset, Seeds(), tokenizer=model.tokenizer)
    groups: dict[Media, list[Question]] = {}
    for task in TaskCatalogue().select("mma_bench"):
        if task.control_of is not None:
            continue
        tokens = min(task.spec.generation.max_new_tokens, LONGEST_ANSWER)
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


def _clips(folder: Path, limit: int) -> Dataset:
    """The first clips of a manifest, all taken as aligned so that every task asks about them."""
    dataset = read_dataset(folder / "manifest.jsonl", "clips")
    rows = tuple(
        replace(row, labels=Labels(row.labels.visual, row.labels.visual))
        for row in dataset.rows[:limit]
    )
    return replace(dataset, rows=rows)


def _is_long(name: str) -> bool:
    return name.startswith("long_context")


def _without_long(group: Group) -> Group:
    kept = tuple(question for question in group.questions if not _is_long(question.id))
    return Group(group.media, group.before_media, kept)


def _decode(groups: list[Group], model: QwenOmni) -> None:
    """Fill the media cache, so that neither side pays for decoding."""
    for group in groups:
        group.media.frames(model.sampling.frames)
        group.media.sound(model.sampling.audio)


def _plain(groups: list[Group], plain: PlainPath) -> Spent:
    spent = Spent({}, {})
    stops = [plain.tokenizer.convert_tokens_to_ids(t) for t in ("<|im_end|>", "<|endoftext|>")]
    for group in groups:
        for question in group.questions:
            request = question.request
            assert isinstance(request, Generate)
            tokens = request.max_new_tokens

            def reply(group: Group = group, question: Question = question, n: int = tokens) -> str:
                inputs = plain.inputs(group.media, group.before_media, question.after_media)
                ids = plain.generate(inputs, n)
                kept = next((i for i, token in enumerate(ids) if token in stops), len(ids))
                text: str = plain.tokenizer.decode(ids[:kept], skip_special_tokens=True)
                return text

            spent.texts[question.id], spent.seconds[question.id] = _timed(reply)
    return spent


def _engine(groups: list[Group], model: QwenOmni) -> Spent:
    """All groups from cold: nothing encoded is left from before."""
    model.answerer.features.clear()
    spent = Spent({}, {})

    def run() -> None:
        for answer in model.answer(groups):
            if answer.status is not Status.OK or answer.text is None:
                raise SystemExit(f"{answer.question_id} failed: {answer.error}")
            spent.texts[answer.question_id] = answer.text

    _, spent.seconds["all"] = _timed(run)
    return spent


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    start = time.process_time()
    made = work()
    return made, time.process_time() - start


def _report(slow: Spent, fast: Spent, brief: Spent, clips: int, differing: list[str]) -> None:
    without = sum(spent for name, spent in slow.seconds.items() if not _is_long(name))
    lines = [
        ("with the long-context pair", sum(slow.seconds.values()), fast.seconds["all"]),
        ("without it", without, brief.seconds["all"]),
    ]
    print(f"{clips} clips, {len(slow.texts)} requests, {len(brief.texts)} without long context")
    print(f"{'CPU seconds':28s}{'plain':>9s}{'engine':>9s}{'ratio':>8s}")
    for name, before, after in lines:
        print(f"{name:28s}{before:9.1f}{after:9.1f}{before / after:7.1f}x")
    asked = len(slow.texts) + len(brief.texts)
    print(f"identical answers: {asked - len(differing)} of {asked}")
    for name in differing:
        print(f"  differs: {name}")


if __name__ == "__main__":
    main()
