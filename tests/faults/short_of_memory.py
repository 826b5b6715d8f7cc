"""Run by a test in a process of its own: ask tiny-omni while the address space is limited."""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Sequence
from pathlib import Path

from mma_eval.media.source import AudioFile, Clip, Media, VideoFile
from mma_eval.models.base import Model
from mma_eval.models.catalogue import CardCatalogue, create_model
from mma_eval.types import Answer, Generate, Group, Question

MEGABYTE = 1 << 20
UNLIMITED = resource.RLIM_INFINITY


def main(clip: Path) -> None:
    import torch

    torch.set_num_threads(1)
    model = create_model(CardCatalogue().get("tiny-omni"), {"batch_size": 32})
    media = Media(VideoFile(Clip(clip)), AudioFile(Clip(clip)))
    many, one_long = questions(32, words=300), questions(1, words=4_000)
    ask(model, media, questions(1, words=1))
    scarce = ask(model, media, many, room=60 * MEGABYTE)
    halvings = model.describe()["batch_halvings"]
    none = ask(model, media, one_long, room=2 * MEGABYTE)
    plenty = ask(model, media, many)
    print(
        json.dumps(
            {
                "plenty": told(plenty),
                "scarce": told(scarce),
                "halvings": halvings,
                "none": told(none),
            }
        )
    )


def ask(
    model: Model, media: Media, asked: tuple[Question, ...], room: int | None = None
) -> list[Answer]:
    """Answers given with `room` more bytes of address space than the process has now."""
    limit = UNLIMITED if room is None else address_space() + room
    resource.setrlimit(resource.RLIMIT_AS, (limit, UNLIMITED))
    answers = sorted(model.answer([Group(media, "", asked)]), key=lambda a: a.question_id)
    resource.setrlimit(resource.RLIMIT_AS, (UNLIMITED, UNLIMITED))
    return answers


def questions(count: int, *, words: int) -> tuple[Question, ...]:
    filler = " ".join(f"word{index % 50}" for index in range(words))
    return tuple(
        Question(f"q{index:02}", "", f"{filler} {index}", Generate(max_new_tokens=4))
        for index in range(count)
    )


def address_space() -> int:
    """Bytes of address space that this process has taken."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    (size,) = (line.split()[1] for line in lines if line.startswith("VmSize"))
    return int(size) * 1024


def told(answers: Sequence[Answer]) -> list[tuple[str, str | None, str | None, tuple[str, ...]]]:
    return [(a.status, a.text, a.error, a.notes) for a in answers]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
