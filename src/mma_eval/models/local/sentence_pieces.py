"""The SentencePiece tokenizer of a LLaMA checkpoint, just as its own code uses it.

transformers' fast tokenizers drop the space that SentencePiece puts before a text which already
starts with one, so a prompt written in segments would get other ids.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from mma_eval.errors import ModelError

MODEL_FILE = "tokenizer.model"


class SentencePieces:
    """`TextTokenizer` over the folder that `find` gives, when it is first used.

    Markers such as `</s>` in a text are text like any other.
    """

    def __init__(self, name: str, find: Callable[[], Path]) -> None:
        self._name = name
        self._find = find

    @property
    def name(self) -> str:
        return self._name

    @property
    def begin(self) -> int:
        """The id that starts a prompt."""
        return int(self._processor.bos_id())

    @property
    def end(self) -> int:
        """The id that ends a text."""
        return int(self._processor.eos_id())

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self._processor.encode(text)
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids`; those that were added beside the model, such as padding, have none."""
        known = [index for index in ids if index < self._processor.vocab_size()]
        text: str = self._processor.decode(known)
        return text

    def count(self, text: str) -> int:
        return len(self.encode(text))

    def cut(self, text: str, tokens: int) -> str:
        """The longest head of `text` of at most `tokens` tokens."""
        lengths = range(len(text) + 1)
        fitting = bisect_right(lengths, tokens, key=lambda length: self.count(text[:length]))
        return text[: fitting - 1] if fitting else ""

    @cached_property
    def _processor(self) -> Any:
        from sentencepiece import SentencePieceProcessor

        path = self._find() / MODEL_FILE
        try:
            return SentencePieceProcessor(model_file=str(path))
        except (OSError, RuntimeError) as error:
            raise ModelError(f"{path}: cannot be read as a SentencePiece model") from error
