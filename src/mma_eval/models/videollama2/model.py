"""VideoLLaMA2.1-AV in memory: encodes streams and writes its prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from mma_eval.errors import ModelError
from mma_eval.media.audio import Sound
from mma_eval.media.policy import Sampling
from mma_eval.media.source import Media
from mma_eval.models.local.adapter import attach_adapter
from mma_eval.models.local.causal_engine import causal_engine
from mma_eval.models.local.checkpoint_tensors import (
    Tensors,
    check_report,
    filled,
    read_tensors,
    within,
)
from mma_eval.models.local.embedded_answers import Embedded, Head, Text
from mma_eval.models.local.features import FeatureCache
from mma_eval.models.local.json_file import read_config
from mma_eval.models.local.placing import Placing, loading
from mma_eval.models.local.prefix import PrefixEngine
from mma_eval.models.local.streams import encoded_streams
from mma_eval.models.local.text_tokenizer import load_tokenizer
from mma_eval.models.local.weights import weight_files
from mma_eval.models.nn.beats import Beats, BeatsSizes, encoder_tensors, normalised
from mma_eval.models.nn.stc import STCConnector
from mma_eval.models.nn.videollama2_input import FrameInput, bank, cuts, resampled
from mma_eval.models.qwen.prompt import PromptHead, PromptWriter
from mma_eval.models.qwen.thinker import PAD, stop_ids, token_id

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MODEL_TYPE = "videollama2_qwen2"
CONNECTOR = "stc_connector_v35"
STATED = ("mm_projector_type", "mm_hidden_size", "mm_vision_select_layer")
"""What config.json has to say besides what a Qwen2 says."""
WEIGHT_NORM_EPSILON = 1e-6
PARTS = ("model.mm_projector.", "model.audio_tower.", "model.mm_projector_a.")
MISSING_SOUND = ("audio", "missing")
"""Under which the encoding of a missing sound track is kept."""
TEXT_TOWER = ("text_model.", "logit_")
"""What SigLIP's own checkpoints hold besides the vision tower."""
VISION_COPY = "model.vision_tower."
"""The vision tower is read from its own checkpoint, as the released code does."""


@dataclass(frozen=True)
class Showing:
    """How a clip is shown to the model, and the one size of it that no tensor tells."""

    sampling: Sampling
    system_prompt: str
    max_distance: int
    """Beyond which BEATs tells no two distances apart."""


@dataclass
class VideoLlama2:
    """Towers, connectors and language model; an `EmbeddedFamily`."""

    vision: Any
    connector: STCConnector
    audio: Beats
    audio_projector: nn.Module
    language: Any
    engine: PrefixEngine
    writer: PromptWriter
    frame_input: FrameInput
    sampling: Sampling
    vision_layer: int
    """Which of the vision tower's hidden states is shown; -2 is the last block's input."""

    @property
    def end(self) -> int:
        return self.writer.end

    def head(self, media: Media, before_media: str, features: FeatureCache) -> Head:
        """System's words, then picture, then sound.

        A picture without a sound track is shown with half a minute of silence, as the released
        code does where a track is missing.
        """
        streams = self.streams(media, features)
        written = self.writer.head(before_media, range(len(streams)))
        ids = written.ids[: len(written.ids) - len(streams)]
        return Head((Text(ids), *streams), f"{written.opening}\n")

    def streams(self, media: Media, features: FeatureCache) -> list[Embedded]:
        """The picture and the sound that the prompt holds, in their order."""
        seen, heard = encoded_streams(media, self.sampling, features, self._see, self._hear)
        if seen is not None and heard is None:
            heard = features.get(MISSING_SOUND, self._silence)
        return [stream for stream in (seen, heard) if stream is not None]

    def question(self, opening: str, after_media: str) -> tuple[int, ...]:
        return self.writer.question(PromptHead((), opening), after_media)

    def ids(self, text: str) -> list[int]:
        return self.writer.text(text)

    def read(self, ids: Sequence[int]) -> str:
        return self.writer.read(ids)

    def see(self, frames: torch.Tensor) -> torch.Tensor:
        """`[tokens, width]` of frames float `[T, 3, side, side]`."""
        return self.project_video(self.look(frames))

    def look(self, frames: torch.Tensor) -> torch.Tensor:
        """What the vision tower makes of frames, `[T, patches, tower width]`."""
        fed = frames.to(self.vision.device, self.vision.dtype)
        states = self.vision(fed, output_hidden_states=True).hidden_states
        shown: torch.Tensor = states[self.vision_layer]
        return shown

    def project_video(self, shown: torch.Tensor) -> torch.Tensor:
        """`[tokens, width]` of what `look` made."""
        made: torch.Tensor = self.connector(shown[None])[0]
        return made

    def hear(self, filter_bank: torch.Tensor) -> torch.Tensor:
        """`[tokens, width]` of a filter bank `[1, T, mels]`."""
        return self.project_audio(self.listen(filter_bank))

    def listen(self, filter_bank: torch.Tensor) -> torch.Tensor:
        """What the audio tower makes of a filter bank, `[tokens, tower width]`."""
        heard: torch.Tensor = self.audio(
            normalised(filter_bank.to(self.vision.device, self.vision.dtype))
        )[0]
        return heard

    def project_audio(self, heard: torch.Tensor) -> torch.Tensor:
        """`[tokens, width]` of what `listen` made."""
        made: torch.Tensor = self.audio_projector(heard[None])[0]
        return made

    def _see(self, pixels: NDArray[np.uint8]) -> Embedded:
        return Embedded("video", self.see(self.frame_input(pixels)))

    def _hear(self, sound: Sound) -> Embedded:
        return Embedded("audio", self.hear(sound_input(sound)))

    def _silence(self) -> Embedded:
        return Embedded("audio", self.hear(silence_input()))


def sound_input(sound: Sound) -> torch.Tensor:
    """The filter bank of a clip's sound."""
    return bank(cuts(resampled(sound.samples, sound.rate)))


def silence_input() -> torch.Tensor:
    """The filter bank that stands for a sound track that is missing."""
    return bank(torch.zeros(0))


def load_videollama2(
    folder: Path,
    vision_folder: Path,
    showing: Showing,
    placing: Placing,
    adapter: Path | None = None,
) -> VideoLlama2:
    """Load a checkpoint in the published layout, and an adapter on its language model.

    Raises ModelError unless every weight is found and none is left over but the copy of the vision
    tower and what BEATs does not use.
    """
    config = model_config(folder)
    tensors = read_tensors(weight_files(folder))
    dtype, device = placing.torch_dtype, placing.torch_device
    heard = encoder_tensors(within(tensors, "model.audio_tower."))
    try:
        sizes = BeatsSizes.of(heard, showing.max_distance, WEIGHT_NORM_EPSILON)
    except KeyError as error:
        raise ModelError(f"'{folder}' is not complete in its audio tower: no {error}") from error
    width, wide = config.hidden_size, config.mm_hidden_size
    with torch.device("meta"):
        connector, audio = STCConnector(wide, width), Beats(sizes)
        projector = nn.Sequential(
            nn.Linear(sizes.encoder_embed_dim, width), nn.GELU(), nn.Linear(width, width)
        )
    language = _language(folder, config, tensors, placing)
    tokenizer = load_tokenizer(folder)
    vision, frame_input = _vision(vision_folder, placing)
    engine = causal_engine(
        language,
        placing,
        stop_ids=stop_ids(config, tokenizer),
        pad_id=token_id(tokenizer, PAD),
    )
    seen = within(tensors, "model.mm_projector.")
    projected = within(tensors, "model.mm_projector_a.")
    connector = filled(connector, seen, folder, "the STC connector", dtype).to(device)
    projector = filled(projector, projected, folder, "the audio projector", dtype).to(device)
    # As in the published layout, so that an adapter finds the projectors under their own names.
    language.model.mm_projector, language.model.mm_projector_a = connector, projector
    if adapter is not None:
        attach_adapter(language, adapter)
    return VideoLlama2(
        vision=vision,
        connector=connector,
        audio=filled(audio, heard, folder, "the audio tower", dtype).to(device),
        audio_projector=projector,
        language=language,
        engine=engine,
        writer=PromptWriter(tokenizer, showing.system_prompt),
        frame_input=frame_input,
        sampling=showing.sampling,
        vision_layer=config.mm_vision_select_layer,
    )


def model_config(folder: Path) -> Any:
    """The checkpoint's configuration as one of Qwen2 with what VideoLLaMA2 adds.

    Raises ModelError for another kind of model, or one that does not state all of it.
    """
    import transformers

    stated = read_config(folder)
    kind = stated.pop("model_type", None)
    if kind != MODEL_TYPE:
        raise ModelError(f"'{folder}' holds a model of type {kind}, not {MODEL_TYPE}")
    absent = [key for key in STATED if key not in stated]
    if absent:
        raise ModelError(f"'{folder}': config.json lacks {', '.join(absent)}")
    connector = stated["mm_projector_type"]
    if connector != CONNECTOR:
        raise ModelError(f"'{folder}' has the connector {connector}; only {CONNECTOR} is read")
    return transformers.Qwen2Config.from_dict(stated)


def _language(folder: Path, config: Any, tensors: Tensors, placing: Placing) -> Any:
    import transformers

    elsewhere = (*PARTS, VISION_COPY)
    own = {name: tensor for name, tensor in tensors.items() if not name.startswith(elsewhere)}
    with loading(folder, "Qwen2 language model", placing):
        model, report = transformers.Qwen2ForCausalLM.from_pretrained(
            None,
            config=config,
            state_dict=own,
            dtype=placing.torch_dtype,
            attn_implementation=placing.attention,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            device_map=placing.device_map,
        )
    check_report(report, folder, "Qwen2 language model", lambda _: False)
    return model.eval()


def _vision(folder: Path, placing: Placing) -> tuple[Any, FrameInput]:
    import transformers

    with loading(folder, "SigLIP vision tower", placing):
        tower, report = transformers.SiglipVisionModel.from_pretrained(
            str(folder),
            dtype=placing.torch_dtype,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            device_map=placing.device_map,
        )
        stated = transformers.SiglipImageProcessorPil.get_image_processor_dict(str(folder))[0]
        mean, deviation = tuple(stated["image_mean"]), tuple(stated["image_std"])
    check_report(report, folder, "SigLIP vision tower", lambda key: key.startswith(TEXT_TOWER))
    return tower.eval(), FrameInput(int(tower.config.image_size), mean, deviation)
