"""A checkpoint's own tokenizer for measuring and cutting text, loaded without its weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from mma_eval.errors import ModelError
from mma_eval.models.local.json_file import reason


def load_tokenizer(folder: Path) -> Any:
    """The transformers tokenizer in `folder`; raises ModelError where there is none to read."""
    from transformers import AutoTokenizer

    try:
        with quiet_transformers():
            return AutoTokenizer.from_pretrained(str(folder))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"no tokenizer can be read in '{folder}': {reason(error)}") from error


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """No progress bars and no warnings below errors from transformers while something loads.

    It warns of the talker's defaults in every checkpoint that has no talker.
    """
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def encode(tokenizer: Any, text: str) -> list[int]:
    """Ids of a stretch of text; markers such as `<|im_end|>` in it are text like any other.

    Prompts quote other people's questions, which must not be able to end a turn or stand for media.
    """
    # Not verbose: long text is wanted here, and its length is checked against the card's limit.
    made = tokenizer(text, add_special_tokens=False, split_special_tokens=True, verbose=False)
    ids: list[int] = made["input_ids"]
    return ids


class CheckpointTokenizer:
    """`TextTokenizer` over the checkpoint folder that `find` gives, when it is first used."""

    def __init__(self, name: str, find: Callable[[], Path]) -> None:
        self._name = name
        self._find = find

    @property
    def name(self) -> str:
        return self._name

    def count(self, text: str) -> int:
        return len(encode(self._tokenizer, text))

    def cut(self, text: str, tokens: int) -> str:
        """The longest head of `text` of at most `tokens` tokens."""
        if tokens <= 0:
            return ""
        spans = self._tokenizer(
            text,
            add_special_tokens=False,
            split_special_tokens=True,
            return_offsets_mapping=True,
            verbose=False,
        )["offset_mapping"]
        if len(spans) <= tokens:
            return text
        head = text[: spans[tokens - 1][1]]
        # The cut text may tokenise otherwise at its new end, and a character of several tokens
        # is counted whole.
        for token in reversed(range(tokens)):
            if self.count(head) <= tokens:
                return head
            head = text[: spans[token][0]]
        return ""

    @cached_property
    def _tokenizer(self) -> Any:
        return load_tokenizer(self._find())
