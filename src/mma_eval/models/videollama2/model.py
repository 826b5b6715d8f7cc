"""VideoLLaMA2.1-AV in memory: encodes streams and writes its prompts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mma_eval.errors import ModalityMissingError, ModelError, PrerequisiteError
from mma_eval.media.policy import Sampling
from mma_eval.media.source import Media
from mma_eval.models.local.checkpoint_tensors import (
    DTYPES,
    Tensors,
    check_report,
    filled,
    read_tensors,
    within,
)
from mma_eval.models.local.embedded_answers import Embedded, Head, Text
from mma_eval.models.local.features import FeatureCache
from mma_eval.models.local.prefix import PrefixEngine
from mma_eval.models.local.text_tokenizer import load_tokenizer, quiet_transformers
from mma_eval.models.local.weights import weight_files
from mma_eval.models.nn.beats import Beats, BeatsSizes, encoder_tensors
from mma_eval.models.nn.stc import STCConnector
from mma_eval.models.nn.videollama2_input import FrameInput, bank, cuts, normalised, resampled
from mma_eval.models.qwen.prompt import PromptHead, PromptWriter
from mma_eval.models.qwen.thinker import stop_ids

MODEL_TYPE = "videollama2_qwen2"
CONNECTOR = "stc_connector_v35"
WEIGHT_NORM_EPSILON = 1e-6
PARTS = ("model.mm_projector.", "model.audio_tower.", "model.mm_projector_a.")
TEXT_TOWER = ("text_model.", "logit_")
"""What SigLIP's own checkpoints hold besides the vision tower."""
VISION_COPY = "model.vision_tower."
"""The vision tower is read from its own checkpoint, as the released code does."""


@dataclass(frozen=True)
class LoadSettings:
    """How the model is brought into memory."""

    device: str
    dtype: str
    attention: str
    prefill_chunk: int
    system_prompt: str
    max_distance: int
    """Beyond which BEATs tells no two distances apart; the one size that no tensor shows."""


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
        streams = self._encoded(media, features)
        written = self.writer.head(before_media, range(len(streams)))
        ids = written.ids[: len(written.ids) - len(streams)]
        return Head((Text(ids), *streams), f"{written.opening}\n")

    def question(self, opening: str, after_media: str) -> tuple[int, ...]:
        return self.writer.question(PromptHead((), opening), after_media)

    def ids(self, text: str) -> list[int]:
        return self.writer.text(text)

    def read(self, ids: Sequence[int]) -> str:
        return self.writer.read(ids)

    def see(self, frames: torch.Tensor) -> torch.Tensor:
        """`[tokens, width]` of frames float `[T, 3, side, side]`."""
        fed = frames.to(self.vision.device, self.vision.dtype)
        shown = self.vision(fed, output_hidden_states=True).hidden_states[self.vision_layer]
        made: torch.Tensor = self.connector(shown[None])[0]
        return made

    def hear(self, filter_bank: torch.Tensor) -> torch.Tensor:
        """`[tokens, width]` of a filter bank `[1, T, mels]`."""
        fed = normalised(filter_bank.to(self.vision.device, self.vision.dtype))
        made: torch.Tensor = self.audio_projector(self.audio(fed))[0]
        return made

    def _encoded(self, media: Media, features: FeatureCache) -> list[Embedded]:
        found = []
        if media.has_video:
            key = ("video", media.video_hash(self.sampling.frames))
            found.append(features.get(key, lambda: self._seen(media)))
        if media.has_audio:
            key = ("audio", media.audio_hash(self.sampling.audio))
            found.append(features.get(key, lambda: self._heard(media)))
        elif media.has_video:
            found.append(features.get(("audio", "missing"), self._silent))
        return found

    def _seen(self, media: Media) -> Embedded:
        frames = media.frames(self.sampling.frames)
        if frames is None or not len(frames.pixels):
            raise ModalityMissingError("the sample has a picture, but no frame came of it")
        return Embedded("video", self.see(self.frame_input(frames.pixels)))

    def _heard(self, media: Media) -> Embedded:
        sound = media.sound(self.sampling.audio)
        if sound is None or not sound.samples.shape[-1]:
            raise ModalityMissingError("the sample has sound, but no sample of it came")
        return Embedded("audio", self.hear(bank(cuts(resampled(sound.samples, sound.rate)))))

    def _silent(self) -> Embedded:
        return Embedded("audio", self.hear(bank(torch.zeros(0))))


def load_videollama2(
    folder: Path, vision_folder: Path, settings: LoadSettings, sampling: Sampling
) -> VideoLlama2:
    """Load a checkpoint in the published layout.

    Raises ModelError unless every weight is found and none is left over but the copy of the vision
    tower and what BEATs does not use.
    """
    config = read_config(folder)
    tensors = read_tensors(weight_files(folder))
    dtype, device = DTYPES[settings.dtype], torch.device(settings.device)
    heard = encoder_tensors(within(tensors, "model.audio_tower."))
    try:
        sizes = BeatsSizes.of(heard, settings.max_distance, WEIGHT_NORM_EPSILON)
    except KeyError as error:
        raise ModelError(f"'{folder}' is not complete in its audio tower: no {error}") from error
    width, wide = config.hidden_size, config.mm_hidden_size
    with torch.device("meta"):
        connector, audio = STCConnector(wide, width), Beats(sizes)
        projector = nn.Sequential(
            nn.Linear(sizes.encoder_embed_dim, width), nn.GELU(), nn.Linear(width, width)
        )
    language = _language(folder, config, tensors, settings)
    tokenizer = load_tokenizer(folder)
    vision, frame_input = _vision(vision_folder, settings)
    engine = PrefixEngine(
        decoder=language.model,
        embed=language.get_input_embeddings(),
        head=language.lm_head,
        stop_ids=stop_ids(config, tokenizer),
        pad_id=int(tokenizer.convert_tokens_to_ids("<|endoftext|>")),
        device=device,
        chunk=settings.prefill_chunk,
        axes=1,
    )
    seen = within(tensors, "model.mm_projector.")
    projected = within(tensors, "model.mm_projector_a.")
    return VideoLlama2(
        vision=vision,
        connector=filled(connector, seen, folder, "the STC connector", dtype).to(device),
        audio=filled(audio, heard, folder, "the audio tower", dtype).to(device),
        audio_projector=filled(projector, projected, folder, "the audio projector", dtype).to(
            device
        ),
        language=language,
        engine=engine,
        writer=PromptWriter(tokenizer, settings.system_prompt),
        frame_input=frame_input,
        sampling=sampling,
        vision_layer=config.mm_vision_select_layer,
    )


def read_config(folder: Path) -> Any:
    """The checkpoint's configuration as one of Qwen2 with what VideoLLaMA2 adds.

    Raises ModelError for another kind of model.
    """
    import transformers

    try:
        stated = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        kind, connector = stated.pop("model_type"), stated["mm_projector_type"]
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"'{folder}' has no readable config.json of a VideoLLaMA2") from error
    if kind != MODEL_TYPE:
        raise ModelError(f"'{folder}' holds a model of type {kind}, not {MODEL_TYPE}")
    if connector != CONNECTOR:
        raise ModelError(f"'{folder}' has the connector {connector}; only {CONNECTOR} is read")
    return transformers.Qwen2Config.from_dict(stated)


def _language(folder: Path, config: Any, tensors: Tensors, settings: LoadSettings) -> Any:
    import transformers

    elsewhere = (*PARTS, VISION_COPY)
    own = {name: tensor for name, tensor in tensors.items() if not name.startswith(elsewhere)}
    placing = {} if settings.device == "cpu" else {"device_map": {"": settings.device}}
    try:
        with quiet_transformers():
            model, report = transformers.Qwen2ForCausalLM.from_pretrained(
                None,
                config=config,
                state_dict=own,
                dtype=DTYPES[settings.dtype],
                attn_implementation=settings.attention,
                output_loading_info=True,
                **placing,
            )
    except ImportError as error:
        raise PrerequisiteError(
            f"attention={settings.attention} cannot be used here: {error}"
        ) from error
    except (ValueError, RuntimeError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise ModelError(f"not enough memory on {settings.device} for '{folder}'") from error
        raise ModelError(f"cannot load the Qwen2 in '{folder}': {error}") from error
    check_report(report, folder, "Qwen2 language model", lambda _: False)
    return model.eval()


def _vision(folder: Path, settings: LoadSettings) -> tuple[Any, FrameInput]:
    import transformers

    try:
        with quiet_transformers():
            tower, report = transformers.SiglipVisionModel.from_pretrained(
                str(folder), dtype=DTYPES[settings.dtype], output_loading_info=True
            )
            stated = transformers.SiglipImageProcessorPil.get_image_processor_dict(str(folder))[0]
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"cannot load '{folder}' as a SigLIP vision tower: {error}") from error
    check_report(report, folder, "SigLIP vision tower", lambda key: key.startswith(TEXT_TOWER))
    side = int(tower.config.image_size)
    frames = FrameInput(side, tuple(stated["image_mean"]), tuple(stated["image_std"]))
    return tower.eval().to(settings.device), frames
