"""Text measured in words, where there is no model tokenizer."""

from __future__ import annotations


class WordTokenizer:
    """Takes every word for a token."""

    name = "words"

    def count(self, text: str) -> int:
        return len(text.split())

    def cut(self, text: str, tokens: int) -> str:
        """The first `tokens` words of `text`."""
        return " ".join(text.split()[:tokens])
