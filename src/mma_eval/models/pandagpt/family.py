"""PandaGPT in memory: everything seen and heard becomes one soft token of Vicuna's.

Source: Su et al., "PandaGPT: One Model To Instruction-Follow Them All" (arXiv 2305.16355): section
3 for the architecture, the public demo for the wording of prompts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from mma_eval.errors import ModelError
from mma_eval.media.audio import Sound
from mma_eval.media.source import Media
from mma_eval.models.local.causal_engine import causal_engine
from mma_eval.models.local.checkpoint_tensors import filled, read_tensors, within
from mma_eval.models.local.embedded_answers import Embedded, Head, Text
from mma_eval.models.local.features import FeatureCache
from mma_eval.models.local.llama import load_llama
from mma_eval.models.local.placing import Placing
from mma_eval.models.local.prefix import PrefixEngine
from mma_eval.models.local.sentence_pieces import SentencePieces
from mma_eval.models.local.streams import encoded_streams
from mma_eval.models.nn.imagebind import Tower, load_tower
from mma_eval.models.nn.imagebind_input import ImageBindInput
from mma_eval.models.nn.low_rank import add_low_rank
from mma_eval.models.pandagpt.parts import Parts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HUMAN, ASSISTANT, MARK = "### Human: ", "### Assistant:", "###"
MEDIA_START, MEDIA_END = "<Img>", "</Img> "
PROJECTION, ADAPTER = "llama_proj.", "llama_model.base_model.model."


@dataclass
class PandaGPTFamily:
    """Writes prompts and encodes media for `EmbeddedAnswerer`."""

    language: Any
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
        found = encoded_streams(media, sampling, features, self._see, self._hear)
        streams = [stream for stream in found if stream is not None]
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

    def _see(self, pixels: NDArray[np.uint8]) -> Embedded:
        return Embedded("video", self._projected(self.vision, self.inputs.views(pixels)))

    def _hear(self, sound: Sound) -> Embedded:
        return Embedded("audio", self._projected(self.audio, self.inputs.spectrograms(sound)))

    def _projected(self, tower: Tower, views: torch.Tensor) -> torch.Tensor:
        """`[1, width]` of the views of one stream."""
        weight = self.projection.weight
        made: torch.Tensor = self.projection(tower(views.to(weight.device, weight.dtype)))
        return made


def joined(streams: Sequence[Embedded]) -> Embedded:
    """One soft token for all streams: the sum of their projections."""
    if len(streams) == 1:
        return streams[0]
    return Embedded("joint", torch.stack([stream.rows for stream in streams]).sum(dim=0))


def load_family(parts: Parts, inputs: ImageBindInput, placing: Placing) -> PandaGPTFamily:
    """Load every part; raises ModelError for one that is not whole or does not fit the others."""
    kind, place = placing.torch_dtype, placing.torch_device
    vision, audio = _towers(parts, kind)
    language = load_llama(parts.vicuna, placing)
    delta = read_tensors([parts.delta])
    projection = filled(
        nn.Linear(vision.head.out_features, language.config.hidden_size),
        within(delta, PROJECTION),
        parts.delta,
        "PandaGPT's projection",
        kind,
    )
    extra = [name for name in delta if not name.startswith((PROJECTION, ADAPTER))]
    if extra:
        raise ModelError(f"'{parts.delta}' holds {min(extra)}, which is no part of PandaGPT")
    add_low_rank(language, within(delta, ADAPTER), parts.sizes.lora.alpha)
    tokenizer = SentencePieces(str(parts.vicuna), lambda: parts.vicuna)
    engine = causal_engine(
        language,
        placing,
        stop_ids=frozenset({tokenizer.end}),
        pad_id=tokenizer.end,
        stop_sequences=stop_sequences(tokenizer),
    )
    return PandaGPTFamily(
        language=language,
        engine=engine,
        vision=vision.to(place),
        audio=audio.to(place),
        projection=projection.to(place),
        tokenizer=tokenizer,
        inputs=inputs,
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
