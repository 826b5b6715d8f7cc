"""Text measured and cut in a served model's own tokens, by the server (vLLM's `/tokenize`)."""

from __future__ import annotations

from collections.abc import Callable

from mma_eval.models.openai.protocol import Json, read_detokenized, read_tokenized

Post = Callable[[str, Json], bytes]
"""The content of the reply to a body posted to a path; raises ModelError."""


class ServerTokenizer:
    """`TextTokenizer` over HTTP; its methods raise ModelError where the server does not tell."""

    def __init__(self, model: str, post: Post) -> None:
        self.name = model
        self._post = post

    def count(self, text: str) -> int:
        return len(self._ids(text))

    def cut(self, text: str, tokens: int) -> str:
        """The longest head of `text` of at most `tokens` tokens."""
        ids = self._ids(text)
        if len(ids) <= tokens:
            return text
        # A character of several tokens may be cut apart, and the end may then tokenise otherwise.
        for kept in range(tokens, 0, -1):
            head = self._text(ids[:kept])
            if text.startswith(head) and self.count(head) <= tokens:
                return head
        return ""

    def _ids(self, text: str) -> list[int]:
        body = {"model": self.name, "prompt": text, "add_special_tokens": False}
        return read_tokenized(self._post("/tokenize", body))

    def _text(self, ids: list[int]) -> str:
        return read_detokenized(self._post("/detokenize", {"model": self.name, "tokens": ids}))
