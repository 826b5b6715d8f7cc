"""Samples and contexts for the tests of perturbations; nothing here needs a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mma_eval.media.source import AudioFile, Clip, Media, VideoFile
from mma_eval.perturb.base import Donor, PerturbContext
from mma_eval.types import Ask, Labels, Sample, Seeds

CLASSES = ("Bird", "Cat", "Dog", "Frog", "Rain")


def clip_of(name: str) -> Clip:
    return Clip(Path(f"{name}.mp4"))


def sample(
    name: str = "clip0",
    ask: Ask = "visual",
    *,
    visual: str | None = "Cat",
    audio: str | None = "Cat",
    options: tuple[str, ...] = CLASSES,
) -> Sample:
    """An aligned sample unless its labels say otherwise."""
    clip = clip_of(name)
    return Sample(
        clip=name,
        ask=ask,
        media=Media(VideoFile(clip), AudioFile(clip)),
        labels=Labels(visual, audio),
        options=options,
        video_source=name,
        audio_source=name,
    )


def context(
    seed: int = 0, clips: Sequence[str] = ("clip0",), tokenizer: WordTokenizer | None = None
) -> PerturbContext:
    """Every clip gets the sound of a donor that is heard as Dog."""
    donors = {name: Donor(f"{name}-donor", clip_of(f"{name}-donor"), "Dog") for name in clips}
    return PerturbContext(Seeds.all(seed), donors, CLASSES, tokenizer)


class WordTokenizer:
    """A stand-in whose tokens are pieces of at most `size` letters of each word."""

    name = "letters"

    def __init__(self, size: int = 100) -> None:
        self.size = size
        self.measured = 0

    def count(self, text: str) -> int:
        return len(self._ends(text))

    def cut(self, text: str, tokens: int) -> str:
        ends = self._ends(text)
        return text if len(ends) <= tokens else text[: ends[tokens - 1]]

    def _ends(self, text: str) -> list[int]:
        """Where each token ends."""
        ends, place = [], 0
        for word in text.split(" "):
            self.measured += 1
            ends += [place + min(i + self.size, len(word)) for i in range(0, len(word), self.size)]
            place += len(word) + 1
        return ends
