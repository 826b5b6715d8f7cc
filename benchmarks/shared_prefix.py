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
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mma_eval.media.source import AudioFile, BlackVideo, Clip, Media, Silence, VideoFile
from mma_eval.models.card import ModelCard
from mma_eval.models.qwen_omni import QwenOmni, QwenOmniArguments
from mma_eval.types import Generate, Group, Question, Status
from tests.models.checkpoint import MID, build_checkpoint
from tests.models.plain_path import PlainPath

T = TypeVar("T")

SHORT_ANSWER, REASONED_ANSWER = 8, 64
SUFFIX = "Answer using a single word or phrase."
REASONING = (
    "Think step by step about what is asked, then end with the line 'Final Answer: <class>'."
)


@dataclass
class Spent:
    """CPU seconds, and the text of every answer by question id."""

    seconds: dict[str, float]
    texts: dict[str, str]


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(1)
    rows = _rows(arguments.clips)[: arguments.limit]
    with tempfile.TemporaryDirectory() as scratch:
        folder = build_checkpoint(Path(scratch) / "mid", MID)
        model, plain = _both_sides(folder, arguments.max_frames)
        groups = _groups(rows, model, arguments.long_tokens)
        _decode(groups, model)
        slow = _plain(groups, plain)
        fast = _engine(groups, model)
        brief = _engine([_without_long(group) for group in groups], model)
    differing = [name for name, text in slow.texts.items() if fast.texts[name] != text]
    differing += [name for name, text in brief.texts.items() if slow.texts[name] != text]
    _report(slow, fast, brief, len(rows), differing)
    if differing:
        raise SystemExit(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--clips", type=Path, required=True, help="folder with manifest.jsonl")
    parser.add_argument("--limit", type=int, default=2, help="clips to use (at least 2)")
    parser.add_argument("--long-tokens", type=int, default=10_000, help="tokens of filler")
    parser.add_argument("--max-frames", type=int, default=768, help="frames per clip at most")
    arguments = parser.parse_args()
    if arguments.limit < 2:
        parser.error("--limit must be at least 2: sounds are swapped between clips")
    return arguments


def _rows(folder: Path) -> list[dict[str, str]]:
    lines = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    rows: list[dict[str, str]] = [json.loads(line) for line in lines]
    return [row | {"video": str(folder / row["video"])} for row in rows]


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


def _groups(rows: list[dict[str, str]], model: QwenOmni, long_tokens: int) -> list[Group]:
    """Four media a clip, eighteen questions in all."""
    classes = sorted({row[label] for row in rows for label in ("visual_label", "audio_label")})
    tail = _filler(model, long_tokens)
    groups = []
    for number, row in enumerate(rows):
        clip, donor = (Clip(Path(other["video"])) for other in (row, rows[number - 1]))
        aligned = Media(VideoFile(clip), AudioFile(clip))
        swapped = Media(VideoFile(clip), AudioFile(donor, fit_to=clip))
        black = Media(BlackVideo(clip), AudioFile(clip))
        silent = Media(VideoFile(clip), Silence(clip))
        ask = _Asker(row["id"], classes)
        caption = f"Video_caption: {classes[0]}. "
        groups += [
            ask.group(aligned, "aligned", {"": {}, "caption": {"before": caption}})
            .plus(ask.group(aligned, "cot", {"": {"ending": REASONING}}))
            .plus(ask.group(aligned, "long", {"": {"after": " " + tail}}))
            .whole(),
            ask.group(swapped, "swapped", {"": {}, "cot": {"ending": REASONING}}).whole(),
            ask.group(black, "black", {"": {}}).plus(ask.abstain(black, "visual")).whole(),
            ask.group(silent, "silent", {"": {}}).plus(ask.abstain(silent, "audio")).whole(),
        ]
    return groups


@dataclass(frozen=True)
class _Asked:
    """Questions on one media, to be joined."""

    media: Media
    questions: tuple[Question, ...]

    def plus(self, other: _Asked) -> _Asked:
        return _Asked(self.media, (*self.questions, *other.questions))

    def whole(self) -> Group:
        return Group(self.media, "", self.questions)


@dataclass(frozen=True)
class _Asker:
    """Words questions about one clip."""

    clip: str
    classes: list[str]

    def group(self, media: Media, name: str, kinds: dict[str, dict[str, str]]) -> _Asked:
        questions = [
            self._question(f"{name} {kind}", ask, **changes)
            for kind, changes in kinds.items()
            for ask in ("visual", "audio")
        ]
        return _Asked(media, tuple(questions))

    def abstain(self, media: Media, ask: str) -> _Asked:
        return _Asked(media, (self._question("abstain", ask, extra=", None of the above"),))

    def _question(
        self,
        name: str,
        ask: str,
        *,
        before: str = "",
        after: str = "",
        ending: str = SUFFIX,
        extra: str = "",
    ) -> Question:
        text = (
            f"{before}Which class best describes the {ask} content of this video? "
            f"Options: {', '.join(self.classes)}{extra}. {ending}{after}"
        )
        tokens = REASONED_ANSWER if ending == REASONING else SHORT_ANSWER
        return Question(f"{self.clip}/{name}/{ask}", "", text, Generate(tokens))


def _filler(model: QwenOmni, tokens: int) -> str:
    draw = random.Random(0)
    words = ("".join(draw.choices("abdegiklmnorstu", k=draw.randint(2, 8))) for _ in range(tokens))
    tokenizer = model.tokenizer
    assert tokenizer is not None
    return tokenizer.cut(" ".join(words), tokens)


def _is_long(name: str) -> bool:
    return "/long " in name


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
