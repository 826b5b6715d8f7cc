"""Answering groups of questions with a loaded Qwen-Omni thinker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from mma_eval.errors import ModalityMissingError
from mma_eval.media.policy import Sampling
from mma_eval.media.source import BlackVideo, Media
from mma_eval.models.local.fed_prompt import FedPrompt
from mma_eval.models.local.group_answers import GroupAnswerer, Prompt
from mma_eval.models.local.prefix import Prefix, PrefixEngine
from mma_eval.models.local.streams import encoded_streams
from mma_eval.models.qwen.prompt import PromptWriter
from mma_eval.models.qwen.thinker import Heard, Seen, Thinker
from mma_eval.types import Evidence, Group, TokenCounts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mma_eval.media.audio import Sound


@dataclass(frozen=True)
class AnswerSettings:
    """How a thinker is shown a group's media."""

    sampling: Sampling
    seconds_per_grid: float


@dataclass(frozen=True)
class Prepared:
    """A group with its media encoded and its prompts written out in ids."""

    head: tuple[int, ...]
    prompts: tuple[Prompt, ...]
    seen: Seen | None
    heard: Heard | None

    @property
    def length(self) -> int:
        return len(self.head)


@dataclass
class Answerer(GroupAnswerer[Prepared]):
    """Encodes, prefills and asks."""

    thinker: Thinker
    writer: PromptWriter
    settings: AnswerSettings

    @property
    def language(self) -> Any:
        return self.thinker.model

    @property
    def engine(self) -> PrefixEngine:
        return self.thinker.engine

    @property
    def end(self) -> int:
        return self.writer.end

    def ids(self, text: str) -> list[int]:
        return self.writer.text(text)

    def read(self, ids: Sequence[int]) -> str:
        return self.writer.read(ids)

    def prepare(self, group: Group) -> Prepared:
        """Encode the group's media and write out its prompts; raises MediaError."""
        seen, heard = self._encoded(group.media)
        media = self.thinker.media_ids(seen, heard, self.settings.seconds_per_grid)
        head = self.writer.head(group.before_media, media)
        prompts = []
        for question in group.questions:
            suffix = self.writer.question(head, question.after_media)
            prompts.append(Prompt(question, suffix, self._counts((*head.ids, *suffix))))
        return Prepared(head.ids, tuple(prompts), seen, heard)

    def prefill(self, prepared: Prepared) -> Prefix:
        """Keys and values of what the group's prompts share."""
        pace = self.settings.seconds_per_grid
        return self.thinker.prefill(prepared.head, prepared.seen, prepared.heard, pace)

    def fed(self, prepared: Prepared, prompt: Prompt) -> FedPrompt:
        pace = self.settings.seconds_per_grid
        with torch.no_grad():
            return self.thinker.fed(
                prepared.head, prompt.suffix, prepared.seen, prepared.heard, pace
            )

    def prompt_ids(self, group: Group) -> dict[str, list[int]]:
        """Every id of each question's prompt, exactly as the model is fed it."""
        prepared = self.prepare(group)
        return {p.question.id: [*prepared.head, *p.suffix] for p in prepared.prompts}

    def _encoded(self, media: Media) -> tuple[Seen | None, Heard | None]:
        see = self._see_black if isinstance(media.video, BlackVideo) else self.thinker.see
        return encoded_streams(media, self.settings.sampling, self.features, see, self._hear)

    def _see_black(self, pixels: NDArray[np.uint8]) -> Seen:
        grid = self.thinker.vision.grid(*pixels.shape[:3])
        key = ("black", f"{grid.h}x{grid.w}")
        group = self.features.get(key, lambda: self.thinker.black_group(grid))
        return self.thinker.see_black(group, grid)

    def _hear(self, sound: Sound) -> Heard:
        if not self.thinker.audio.tokens(sound.samples.shape[-1]):
            raise ModalityMissingError("the sample has sound, but too little of it to make a token")
        return self.thinker.hear(sound.samples[0])

    def _counts(self, ids: Sequence[int]) -> TokenCounts:
        video = ids.count(self.thinker.layout.video)
        audio = ids.count(self.thinker.layout.audio)
        return TokenCounts(len(ids) - video - audio, video, audio, Evidence.COUNTED)
