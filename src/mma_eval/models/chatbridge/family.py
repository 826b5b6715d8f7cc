"""ChatBridge in memory: its prompt in segments, its soft tokens between them.

Source: ChatBridge (arXiv 2305.16103), its public demo for the wording.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mma_eval.errors import ModalityMissingError
from mma_eval.media.audio import Sound
from mma_eval.media.source import Media
from mma_eval.models.chatbridge.sampling import SAMPLING
from mma_eval.models.local.embedded_answers import Embedded, Head, Text
from mma_eval.models.local.features import FeatureCache
from mma_eval.models.local.prefix import PrefixEngine
from mma_eval.models.local.sentence_pieces import SentencePieces
from mma_eval.models.local.streams import encoded_streams
from mma_eval.models.nn.chatbridge import ChatBridgePerceiver
from mma_eval.models.nn.chatbridge_input import pictures, spectrogram

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HUMAN, ASSISTANT, MARK = "###Human: ", "###Assistant:", "###"
VIDEO, SOUND_OF_VIDEO = "Given following video: ", " and its background audio: "
SOUND = "Given the following audio: "
STOP_SEQUENCES = ((835,), (2277, 29937))
"""`###` in Vicuna's tokens, after a space and after anything else."""


@dataclass
class ChatBridgeFamily:
    """Writes prompts and encodes media for `EmbeddedAnswerer`."""

    language: Any
    engine: PrefixEngine
    perceiver: ChatBridgePerceiver
    tokenizer: SentencePieces

    @property
    def end(self) -> int:
        """The first token of the mark that closes a turn."""
        word = self.tokenizer.encode("yes")
        return self.tokenizer.encode(f"yes{MARK}")[len(word)]

    def head(self, media: Media, before_media: str, features: FeatureCache) -> Head:
        """The turn that gives the media; a stream that is absent is not spoken of."""
        seen, heard = encoded_streams(media, SAMPLING, features, self._see, self._hear)
        begin, opening = Text((self.tokenizer.begin,)), f"{HUMAN}{before_media}"
        if seen is None and heard is None:
            return Head((begin,), opening)
        parts: list[Text | Embedded] = [begin]
        if seen is not None:
            parts += [self._text(f"{opening}{VIDEO}"), seen]
        if heard is not None:
            said = f"{opening}{SOUND}" if seen is None else SOUND_OF_VIDEO
            parts += [self._text(said), heard]
        return Head(tuple(parts), f".{HUMAN}")

    def question(self, opening: str, after_media: str) -> tuple[int, ...]:
        """Ids from the question to where the answer begins."""
        return tuple(self.tokenizer.encode(f"{opening}{after_media}{ASSISTANT}"))

    def ids(self, text: str) -> list[int]:
        return self.tokenizer.encode(text)

    def read(self, ids: Sequence[int]) -> str:
        """What the model wrote, without the names and marks of turns."""
        text = self.tokenizer.decode(ids)
        return text.partition(MARK)[0].rpartition("Assistant:")[2].strip()

    def _text(self, text: str) -> Text:
        return Text(tuple(self.tokenizer.encode(text)))

    def _see(self, pixels: NDArray[np.uint8]) -> Embedded:
        shown = pictures(pixels).to(self.engine.device)
        return Embedded("video", self.perceiver.see(shown)[0])

    def _hear(self, sound: Sound) -> Embedded:
        heard = spectrogram(sound)
        if heard is None:
            raise ModalityMissingError("the sample has sound, but too little of it to be heard")
        return Embedded("audio", self.perceiver.hear(heard[None].to(self.engine.device))[0])
