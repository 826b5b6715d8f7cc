"""PandaGPT in memory: everything seen and heard becomes one soft token of Vicuna's.

Source: Su et al., "PandaGPT: One Model To Instruction-Follow Them All" (arXiv 2305.16355): section
3 for the architecture, the public demo for the wording of prompts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from mma_eval.errors import ModalityMissingError, ModelError
from mma_eval.media.source import Media
from mma_eval.models.local.checkpoint_tensors import DTYPES, filled, read_tensors, within
from mma_eval.models.local.embedded_answers import Embedded, Head, Text
from mma_eval.models.local.features import FeatureCache
from mma_eval.models.local.llama import load_llama
from mma_eval.models.local.prefix import PrefixEngine
from mma_eval.models.local.sentence_pieces import SentencePieces
from mma_eval.models.nn.imagebind import Tower, load_tower
from mma_eval.models.nn.imagebind_input import ImageBindInput
from mma_eval.models.nn.low_rank import add_low_rank
from mma_eval.models.pandagpt.parts import Parts

HUMAN, ASSISTANT, MARK = "### Human: ", "### Assistant:", "###"
MEDIA_START, MEDIA_END = "<Img>", "</Img> "
PROJECTION, ADAPTER = "llama_proj.", "llama_model.base_model.model."


@dataclass
class PandaGPTFamily:
    """Writes prompts and encodes media for `EmbeddedAnswerer`."""

    engine: PrefixEngine
    vision: Tower
    audio: Tower
    projection: nn.Linear
    tokenizer: SentencePieces
    inputs: ImageBindInput

    @property
    def end(self) -> int:
        """The first token of the line that closes a turn."""
        word = self.tokenizer.encode("yes")
        return self.tokenizer.encode(f"yes\n{MARK}")[len(word)]

    def head(self, media: Media, before_media: str, features: FeatureCache) -> Head:
        """The prompt up to the soft token, which is the sum of what the streams project to.

        Without any stream there is no token, and nothing that announces one.
        """
        sampling = self.inputs.taken.policies
        streams: list[Embedded] = []
        if media.has_video:
            key = ("video", media.video_hash(sampling.frames))
            streams.append(features.get(key, lambda: self._see(media)))
        if media.has_audio:
            key = ("audio", media.audio_hash(sampling.audio))
            streams.append(features.get(key, lambda: self._hear(media)))
        begin = self.tokenizer.begin
        if not streams:
            return Head((Text((begin,)),), f"{HUMAN}{before_media}")
        before = self.tokenizer.encode(f"{HUMAN}{before_media}{MEDIA_START}")
        return Head((Text((begin, *before)), joined(streams)), MEDIA_END)

    def question(self, opening: str, after_media: str) -> tuple[int, ...]:
        """Ids from the question to where the answer begins."""
        return tuple(self.tokenizer.encode(f"{opening}{after_media}\n{ASSISTANT}"))

    def ids(self, text: str) -> list[int]:
        return self.tokenizer.encode(text)

    def read(self, ids: Sequence[int]) -> str:
        """What the model wrote before the next turn."""
        return self.tokenizer.decode(ids).partition(MARK)[0].strip()

    def _see(self, media: Media) -> Embedded:
        frames = media.frames(self.inputs.taken.policies.frames)
        if frames is None or not len(frames.pixels):
            raise ModalityMissingError("the sample has a picture, but no frame came of it")
        return self._embedded("video", self.vision, self.inputs.views(frames.pixels))

    def _hear(self, media: Media) -> Embedded:
        sound = media.sound(self.inputs.taken.policies.audio)
        if sound is None:
            raise ModalityMissingError("the sample has sound, but none came of it")
        return self._embedded("audio", self.audio, self.inputs.spectrograms(sound))

    def _embedded(
        self,
        stream: Literal["video", "audio"],
        encode: Callable[[torch.Tensor], torch.Tensor],
        views: torch.Tensor,
    ) -> Embedded:
        weight = self.projection.weight
        return Embedded(stream, self.projection(encode(views.to(weight.device, weight.dtype))))


def joined(streams: Sequence[Embedded]) -> Embedded:
    """One soft token for all streams: the sum of their projections."""
    if len(streams) == 1:
        return streams[0]
    return Embedded("joint", torch.stack([stream.rows for stream in streams]).sum(dim=0))


def load_family(
    parts: Parts, inputs: ImageBindInput, *, dtype: str, device: str, attention: str, chunk: int
) -> PandaGPTFamily:
    """Load every part; raises ModelError for one that is not whole or does not fit the others."""
    kind, place = DTYPES[dtype], torch.device(device)
    vision, audio = _towers(parts, kind)
    model = load_llama(parts.vicuna, dtype=kind, device=device, attention=attention)
    delta = read_tensors([parts.delta])
    projection = filled(
        nn.Linear(vision.head.out_features, model.config.hidden_size),
        within(delta, PROJECTION),
        parts.delta,
        "PandaGPT's projection",
        kind,
    )
    extra = [name for name in delta if not name.startswith((PROJECTION, ADAPTER))]
    if extra:
        raise ModelError(f"'{parts.delta}' holds {min(extra)}, which is no part of PandaGPT")
    add_low_rank(model, within(delta, ADAPTER), parts.sizes.lora.alpha)
    tokenizer = SentencePieces(str(parts.vicuna), lambda: parts.vicuna)
    engine = PrefixEngine(
        decoder=model.model,
        embed=model.get_input_embeddings(),
        head=model.lm_head,
        stop_ids=frozenset({tokenizer.end}),
        pad_id=tokenizer.end,
        device=place,
        chunk=chunk,
        axes=1,
        stop_sequences=stop_sequences(tokenizer),
    )
    return PandaGPTFamily(
        engine, vision.to(place), audio.to(place), projection.to(place), tokenizer, inputs
    )


def _towers(parts: Parts, dtype: torch.dtype) -> tuple[Tower, Tower]:
    """ImageBind's towers for pictures and for sound."""
    tensors, file, sizes = read_tensors([parts.imagebind]), parts.imagebind, parts.sizes
    vision = load_tower(tensors, "vision", sizes.vision.num_heads, file, dtype)
    audio = load_tower(tensors, "audio", sizes.audio.num_heads, file, dtype)
    return vision, audio


def stop_sequences(tokenizer: SentencePieces) -> tuple[tuple[int, ...], ...]:
    """The mark of a turn in tokens: after a space, and at the start of a line."""
    line = tokenizer.encode("\n")
    after_line = tokenizer.encode(f"\n{MARK}")[len(line) :]
    return tuple(dict.fromkeys((tuple(tokenizer.encode(MARK)), tuple(after_line))))
