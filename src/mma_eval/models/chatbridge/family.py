"""ChatBridge in memory: its prompt in segments, its soft tokens between them.

Source: ChatBridge (arXiv 2305.16103), its public demo for the wording.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from mma_eval.errors import ModalityMissingError
from mma_eval.media.source import Media
from mma_eval.models.chatbridge.sampling import SAMPLING
from mma_eval.models.local.embedded_answers import Embedded, Head, Text
from mma_eval.models.local.features import FeatureCache
from mma_eval.models.local.prefix import PrefixEngine
from mma_eval.models.local.sentence_pieces import SentencePieces
from mma_eval.models.nn.chatbridge import ChatBridgePerceiver
from mma_eval.models.nn.chatbridge_input import pictures, spectrogram

HUMAN, ASSISTANT, MARK = "###Human: ", "###Assistant:", "###"
VIDEO, SOUND_OF_VIDEO = "Given following video: ", " and its background audio: "
SOUND = "Given the following audio: "
STOP_SEQUENCES = ((835,), (2277, 29937))
"""`###` in Vicuna's tokens, after a space and after anything else."""


@dataclass
class ChatBridgeFamily:
    """Writes prompts and encodes media for `EmbeddedAnswerer`."""

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
        streams: list[Embedded] = []
        if media.has_video:
            key = ("video", media.video_hash(SAMPLING.frames))
            streams.append(features.get(key, lambda: self._see(media)))
        if media.has_audio:
            key = ("audio", media.audio_hash(SAMPLING.audio))
            streams.append(features.get(key, lambda: self._hear(media)))
        if not streams:
            return Head((Text((self.tokenizer.begin,)),), f"{HUMAN}{before_media}")
        introductions = [VIDEO, SOUND_OF_VIDEO] if media.has_video else [SOUND]
        introductions[0] = f"{HUMAN}{before_media}{introductions[0]}"
        parts: list[Text | Embedded] = [Text((self.tokenizer.begin,))]
        for introduction, stream in zip(introductions, streams, strict=False):
            parts += [Text(tuple(self.tokenizer.encode(introduction))), stream]
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

    def _see(self, media: Media) -> Embedded:
        frames = media.frames(SAMPLING.frames)
        if frames is None or not len(frames.pixels):
            raise ModalityMissingError("the sample has a picture, but no frame came of it")
        return self._embedded("video", self.perceiver.see, pictures(frames.pixels))

    def _hear(self, media: Media) -> Embedded:
        sound = media.sound(SAMPLING.audio)
        heard = None if sound is None else spectrogram(sound)
        if heard is None:
            raise ModalityMissingError("the sample has sound, but too little of it to be heard")
        return self._embedded("audio", self.perceiver.hear, heard[None])

    def _embedded(
        self,
        stream: Literal["video", "audio"],
        encode: Callable[[torch.Tensor], torch.Tensor],
        made: torch.Tensor,
    ) -> Embedded:
        return Embedded(stream, encode(made.to(self.engine.device))[0])
