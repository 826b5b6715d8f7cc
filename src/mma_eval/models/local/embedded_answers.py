"""Answering with a plain decoder whose media become embeddings within the prompt.

A family (`EmbeddedFamily`) writes prompts and encodes media; what is common to local models
(batches, time limits, overflow, failures) is `GroupAnswerer`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeVar

import torch

from mma_eval.media.source import Media
from mma_eval.models.local.features import FeatureCache
from mma_eval.models.local.fed_prompt import FedPrompt, Stream, followed_by, spans
from mma_eval.models.local.group_answers import GroupAnswerer, Prompt
from mma_eval.models.local.prefix import Prefix, PrefixEngine
from mma_eval.types import Evidence, Group, TokenCounts


@dataclass(frozen=True)
class Text:
    """A stretch of a prompt in ids."""

    ids: tuple[int, ...]

    @property
    def stream(self) -> Stream:
        return "text"

    @property
    def length(self) -> int:
        """Tokens."""
        return len(self.ids)


@dataclass(frozen=True)
class Embedded:
    """A stretch of a prompt that is no text: `rows` `[tokens, width]` of the decoder.

    `joint` where the picture and the sound share its tokens.
    """

    stream: Literal["video", "audio", "joint"]
    rows: torch.Tensor

    @property
    def length(self) -> int:
        """Tokens."""
        return len(self.rows)

    @property
    def nbytes(self) -> int:
        return self.rows.nbytes


@dataclass(frozen=True)
class Head:
    """What a group's prompts share, in order, and text that still has to open each question."""

    parts: tuple[Text | Embedded, ...]
    opening: str = ""


class EmbeddedFamily(Protocol):
    """What a family brings to be asked.

    `language` is its causal model of transformers, `engine` what `causal_engine` makes of it. `end`
    is the token that ends an answer when options are scored (`engine.stop_ids` and
    `engine.stop_sequences` end what is written).
    """

    @property
    def language(self) -> Any: ...

    @property
    def engine(self) -> PrefixEngine: ...

    @property
    def end(self) -> int: ...

    def head(self, media: Media, before_media: str, features: FeatureCache) -> Head:
        """The prompt up to the question.

        Encoded streams (`Embedded`) are kept in `features` by `media.video_hash(policy)` and
        `media.audio_hash(policy)`. Raises MediaError, or ModalityMissingError for a stream that
        the sample has and of which nothing came.
        """
        ...

    def question(self, opening: str, after_media: str) -> tuple[int, ...]:
        """Ids from the question to where the answer begins; `opening` is its head's."""
        ...

    def ids(self, text: str) -> list[int]:
        """Ids of the text of an option, as an answer would have it."""
        ...

    def read(self, ids: Sequence[int]) -> str:
        """The text that the model wrote."""
        ...


F = TypeVar("F", bound=EmbeddedFamily)


@dataclass(frozen=True)
class PreparedHead:
    """A group's head with its media encoded, and its prompts."""

    head: Head
    length: int
    prompts: tuple[Prompt, ...]


@dataclass
class EmbeddedAnswerer(GroupAnswerer[PreparedHead], Generic[F]):
    """Asks a family's decoder: each group's head is prefilled once."""

    family: F

    @property
    def language(self) -> Any:
        return self.family.language

    @property
    def engine(self) -> PrefixEngine:
        return self.family.engine

    @property
    def end(self) -> int:
        return self.family.end

    def ids(self, text: str) -> list[int]:
        return self.family.ids(text)

    def read(self, ids: Sequence[int]) -> str:
        return self.family.read(ids)

    def prepare(self, group: Group) -> PreparedHead:
        """Encode the group's media and write out its prompts; raises MediaError."""
        with torch.inference_mode():
            head = self.family.head(group.media, group.before_media, self.features)
        prompts = []
        for question in group.questions:
            suffix = self.family.question(head.opening, question.after_media)
            prompts.append(Prompt(question, suffix, counted(head, len(suffix))))
        return PreparedHead(head, sum(part.length for part in head.parts), tuple(prompts))

    def prefill(self, prepared: PreparedHead) -> Prefix:
        """Keys and values of what the group's prompts share."""
        parts = prepared.head.parts
        with torch.inference_mode():
            embeddings = self.embeddings(parts)
        ids = [token for part in parts if isinstance(part, Text) for token in part.ids]
        positions = torch.arange(prepared.length)[None]
        return self.engine.prefill(ids, embeddings, positions)

    def fed(self, prepared: PreparedHead, prompt: Prompt) -> FedPrompt:
        parts = (*prepared.head.parts, Text(prompt.suffix))
        positions = torch.arange(prepared.length, device=self.engine.device)[None]
        with torch.no_grad():
            return FedPrompt(
                self.embeddings(parts).clone(),
                followed_by(positions, prompt.suffix),
                spans((part.stream, part.length) for part in parts),
            )

    def embeddings(self, parts: Sequence[Text | Embedded]) -> torch.Tensor:
        """`[1, tokens, width]` of a prompt's parts, as the decoder is fed them."""
        rows = [self._rows(part) for part in parts]
        return torch.cat([row.to(rows[0].device, rows[0].dtype) for row in rows])[None]

    def _rows(self, part: Text | Embedded) -> torch.Tensor:
        if isinstance(part, Embedded):
            return part.rows
        return self.engine.embed(torch.tensor(part.ids, device=self.engine.device))


def counted(head: Head, suffix: int) -> TokenCounts:
    """Tokens by modality of a head and of `suffix` ids after it.

    Where one stretch stands for both streams, how many tokens came of either cannot be told.
    """
    text = suffix + sum(part.length for part in head.parts if part.stream == "text")
    media = [part for part in head.parts if isinstance(part, Embedded)]
    if any(part.stream == "joint" for part in media):
        return TokenCounts(text, None, None, Evidence.JOINT)
    streams = dict.fromkeys(("video", "audio"), 0)
    for part in media:
        streams[part.stream] += part.length
    return TokenCounts(text, streams["video"], streams["audio"], Evidence.COUNTED)
