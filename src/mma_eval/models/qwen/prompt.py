"""Prompts of Qwen's chat format, in ids, cut where a group's questions begin to differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mma_eval.models.local.text_tokenizer import encode

START, END = "<|im_start|>", "<|im_end|>"


@dataclass(frozen=True)
class PromptHead:
    """Ids that a group's questions share, and text that still has to open each question."""

    ids: tuple[int, ...]
    opening: str


@dataclass(frozen=True)
class PromptWriter:
    """Writes prompts as the published chat template renders them."""

    tokenizer: Any
    system_prompt: str | None
    """None writes no system turn."""

    @property
    def end(self) -> int:
        """The token that ends a turn."""
        return self.special(END)

    def head(self, before_media: str, media: Sequence[int]) -> PromptHead:
        """From the system's words to the end of the media.

        Without media the head ends before the user's words: cutting within them could tokenise
        them otherwise.
        """
        ids = [*self._system(), self.special(START)]
        opening = f"user\n{before_media}"
        if not media:
            return PromptHead(tuple(ids), opening)
        return PromptHead((*ids, *self.text(opening), *media), "")

    def _system(self) -> list[int]:
        if self.system_prompt is None:
            return []
        said = self.text(f"system\n{self.system_prompt}")
        return [self.special(START), *said, self.end, *self.text("\n")]

    def question(self, head: PromptHead, after_media: str) -> tuple[int, ...]:
        """From the question to where the answer begins."""
        asked = self.text(head.opening + after_media)
        turn = [self.end, *self.text("\n"), self.special(START), *self.text("assistant\n")]
        return (*asked, *turn)

    def text(self, text: str) -> list[int]:
        return encode(self.tokenizer, text) if text else []

    def special(self, token: str) -> int:
        return int(self.tokenizer.convert_tokens_to_ids(token))

    def read(self, ids: Sequence[int]) -> str:
        """The text that a model wrote."""
        text: str = self.tokenizer.decode(list(ids), skip_special_tokens=True)
        return text
