"""A model backend in one file: it guesses, and abstains when it hears silence."""

from __future__ import annotations

import random
import re

from mma_eval.media.policy import AudioPolicy, Sampling
from mma_eval.media.source import Media
from mma_eval.models.base import ModelArguments, OneByOne
from mma_eval.types import Evidence, Question, TokenCounts


class CoinFlipArguments(ModelArguments):
    """What `--model-args` may set."""

    threshold: float = 1e-4
    """Loudness below which the clip counts as silent."""


class CoinFlip(OneByOne):
    """Guesses an option; `None of the above`, where offered, for a silent clip."""

    Arguments = CoinFlipArguments
    arguments: CoinFlipArguments

    @property
    def sampling(self) -> Sampling:
        return Sampling(audio=AudioPolicy(rate=8_000, channels=1))

    def reply(self, media: Media, question: Question) -> str:
        options = re.findall(r"[^{},]+", question.after_media.partition("{")[2].partition("}")[0])
        options = [option.strip() for option in options]
        if self._is_silent(media) and "None of the above" in options:
            return "None of the above"
        return random.Random(question.after_media).choice(options)

    def count_tokens(self, media: Media, question: Question) -> TokenCounts:
        """Here a token is a word of text, a clip's picture, and a sample of sound."""
        sound = media.sound(self.sampling.audio)
        return TokenCounts(
            text=len(question.after_media.split()),
            video=int(media.has_video),
            audio=0 if sound is None else sound.samples.shape[1],
            evidence=Evidence.COUNTED,
        )

    def _is_silent(self, media: Media) -> bool:
        sound = media.sound(self.sampling.audio)
        return sound is None or float(abs(sound.samples).max()) < self.arguments.threshold
