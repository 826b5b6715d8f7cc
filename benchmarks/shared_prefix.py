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
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.questions import (
    all_aligned,
    decode_media,
    eighteen_tasks,
    is_long,
    plain_reply,
    without_long,
)
from mma_eval.models.card import ModelCard
from mma_eval.models.qwen.backend import QwenOmni, QwenOmniArguments
from mma_eval.types import Generate, Group, Question, Status
from tests.models.checkpoint import MID, TINY, build_checkpoint
from tests.models.plain_path import PlainPath

T = TypeVar("T")

SIZES = {"tiny": TINY, "mid": MID}


@dataclass
class Spent:
    """CPU seconds, and the text of every answer by question id."""

    seconds: dict[str, float]
    texts: dict[str, str]


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(1)
    dataset = all_aligned(arguments.clips, arguments.limit)
    with tempfile.TemporaryDirectory() as scratch:
        folder = build_checkpoint(Path(scratch) / "checkpoint", SIZES[arguments.size])
        model, plain = _both_sides(folder, arguments.max_frames)
        groups = eighteen_tasks(dataset, model, arguments.long_tokens)
        decode_media(groups, model)
        slow = _plain(groups, plain)
        fast = _engine(groups, model)
        brief = _engine([without_long(group) for group in groups], model)
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
    return model, PlainPath.load(folder, model.sampling, model.pixel_limits, model.system_prompt)


def _plain(groups: list[Group], plain: PlainPath) -> Spent:
    spent = Spent({}, {})
    for group in groups:
        for question in group.questions:
            request = question.request
            assert isinstance(request, Generate)
            tokens = request.max_new_tokens

            def reply(group: Group = group, question: Question = question, n: int = tokens) -> str:
                inputs = plain.inputs(group.media, group.before_media, question.after_media)
                return plain_reply(plain, inputs, n)

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
    without = sum(spent for name, spent in slow.seconds.items() if not is_long(name))
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
