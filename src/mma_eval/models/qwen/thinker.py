"""A Qwen-Omni thinker in memory: encodes streams, lays out prompts, prefills media."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from mma_eval.errors import ModelError, PrerequisiteError
from mma_eval.models.local.adapter import attach_adapter
from mma_eval.models.local.causal_engine import check_full_attention
from mma_eval.models.local.checkpoint_tensors import check_report
from mma_eval.models.local.fed_prompt import FedPrompt, Stream, followed_by, spans
from mma_eval.models.local.json_file import read_config
from mma_eval.models.local.placing import Placing, loading
from mma_eval.models.local.prefix import Deepstack, Prefix, PrefixEngine
from mma_eval.models.nn.omni_family import OmniFamily
from mma_eval.models.nn.omni_layout import MediaTokens, TimedMediaTokens
from mma_eval.models.nn.qwen_audio_input import AudioInput, UnpaddedAudioInput
from mma_eval.models.nn.qwen_vision_input import Grid, VisionInput
from mma_eval.models.qwen.prompt import END
from mma_eval.models.qwen.thinker_parts import language_model

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LAYOUTS = {"chunks": MediaTokens, "times": TimedMediaTokens}
AUDIO_INPUTS = {"silence": AudioInput, "none": UnpaddedAudioInput}


PAD = "<|endoftext|>"


@dataclass(frozen=True)
class Seen:
    """An encoded video: features `[t*h*w / merge^2, width]` and the grid they lie on.

    `deeper` are features of the same shape from within the vision tower, where the decoder adds
    such after its first layers.
    """

    features: torch.Tensor
    grid: Grid
    deeper: tuple[torch.Tensor, ...] = ()

    @property
    def nbytes(self) -> int:
        return self.features.nbytes + sum(layer.nbytes for layer in self.deeper)


@dataclass(frozen=True)
class Heard:
    """An encoded sound: features `[tokens, width]` and the mel frames they come from."""

    features: torch.Tensor
    mel_frames: int

    @property
    def nbytes(self) -> int:
        return self.features.nbytes


@dataclass
class Thinker:
    """The model, the shared-prefix engine on its decoder, and what shapes its inputs."""

    model: Any
    engine: PrefixEngine
    layout: MediaTokens
    vision: VisionInput
    audio: AudioInput

    @property
    def device(self) -> torch.device:
        return self.engine.device

    def see(self, pixels: NDArray[np.uint8]) -> Seen:
        """Encode frames uint8 `[T, H, W, 3]`."""
        return self._seen(*self.vision.patches(pixels))

    def see_black(self, group: Seen, grid: Grid) -> Seen:
        """A black video from one of its temporal groups.

        Vision attention never crosses groups, so all of them are equal.
        """
        deeper = tuple(layer.repeat(grid.t, 1) for layer in group.deeper)
        return Seen(group.features.repeat(grid.t, 1), grid, deeper)

    def black_group(self, grid: Grid) -> Seen:
        """One temporal group of black frames."""
        import numpy as np

        side = self.vision.patch_size
        shape = (self.vision.temporal_patch_size, grid.h * side, grid.w * side, 3)
        fixed = replace(self.vision, min_pixels=1, max_pixels=shape[1] * shape[2])
        return self._seen(*fixed.patches(np.zeros(shape, dtype=np.uint8)))

    def _seen(self, patches: torch.Tensor, grid: Grid) -> Seen:
        with torch.inference_mode():
            made = self.model.get_video_features(
                patches.to(self.device), grid.tensor().to(self.device), return_dict=True
            )
        deeper = getattr(made, "deepstack_features", None) or ()
        return Seen(
            torch.cat(tuple(made.pooler_output)),
            grid,
            tuple(torch.cat(tuple(layer)) for layer in deeper),
        )

    def hear(self, samples: NDArray[np.float32]) -> Heard:
        """Encode mono samples `[n]` at the extractor's rate."""
        mel = self.audio.mel(samples)
        mask = torch.ones(1, mel.shape[-1], dtype=torch.long, device=self.device)
        with torch.inference_mode():
            made = self.model.get_audio_features(mel.to(self.device), mask, return_dict=True)
        return Heard(made.last_hidden_state, int(mel.shape[-1]))

    def media_ids(
        self, seen: Seen | None, heard: Heard | None, seconds_per_grid: float
    ) -> list[int]:
        """Placeholder ids of the media, start and end marks included."""
        tokens = None if heard is None else int(heard.features.shape[0])
        return self.layout.lay_out(None if seen is None else seen.grid, tokens, seconds_per_grid)

    def prefill(
        self, ids: Sequence[int], seen: Seen | None, heard: Heard | None, seconds_per_grid: float
    ) -> Prefix:
        """Keys and values of a prompt head that ends with its media.

        `ids` hold the placeholders that `media_ids` gave for the same streams.
        """
        with torch.inference_mode():
            embeddings = self._embedded(ids, seen, heard)
            positions = self._positions(ids, seen, heard, seconds_per_grid)
        return self.engine.prefill(ids, embeddings, positions, self._deepstack(ids, seen))

    def fed(
        self,
        head: Sequence[int],
        suffix: Sequence[int],
        seen: Seen | None,
        heard: Heard | None,
        seconds_per_grid: float,
    ) -> FedPrompt:
        """A head and the ids after it, as `prefill` and the engine feed them in two parts."""
        ids = [*head, *suffix]
        streams: dict[int, Stream] = {self.layout.video: "video", self.layout.audio: "audio"}
        positions = self._positions(head, seen, heard, seconds_per_grid).to(self.device)
        return FedPrompt(
            self._embedded(ids, seen, heard).clone(),
            followed_by(positions, suffix),
            spans((streams.get(token, "text"), 1) for token in ids),
            self._deepstack(ids, seen),
        )

    def _deepstack(self, ids: Sequence[int], seen: Seen | None) -> Deepstack | None:
        if seen is None or not seen.deeper:
            return None
        places = torch.tensor([list(ids)], device=self.device) == self.layout.video
        return Deepstack(places, seen.deeper)

    def _embedded(self, ids: Sequence[int], seen: Seen | None, heard: Heard | None) -> torch.Tensor:
        tokens = torch.tensor([list(ids)], device=self.device)
        embeddings = self.engine.embed(tokens)
        streams = ((self.layout.video, seen), (self.layout.audio, heard))
        for placeholder, stream in streams:
            if stream is None:
                continue
            places = (tokens == placeholder).unsqueeze(-1)
            if int(places.sum()) != stream.features.shape[0]:
                raise ModelError("media placeholders and encoded features differ in number")
            features = stream.features.to(embeddings.device, embeddings.dtype)
            embeddings = embeddings.masked_scatter(places, features)
        return embeddings

    def _positions(
        self, ids: Sequence[int], seen: Seen | None, heard: Heard | None, seconds_per_grid: float
    ) -> torch.Tensor:
        """Three-axis positions `[3, 1, P]`, from the model's own stateless rule."""
        tokens = torch.tensor([list(ids)])
        if seen is None:
            return torch.arange(len(ids)).expand(3, 1, -1)
        positions: torch.Tensor = self.model.get_rope_index(
            tokens,
            None,
            seen.grid.tensor(),
            torch.ones_like(tokens),
            heard is not None,
            None if heard is None else torch.tensor([heard.mel_frames]),
            torch.tensor([seconds_per_grid]),
        )[0]
        return positions


def load_thinker(
    folder: Path,
    family: OmniFamily,
    placing: Placing,
    *,
    adapter: Path | None,
    vision: VisionInput,
    tokenizer: Any,
) -> Thinker:
    """Load the thinker of a checkpoint in the published layout, without talker or vocoder.

    Raises ModelError unless every weight of the thinker is found and none is left over,
    PrerequisiteError where transformers is too old for it.
    """
    import transformers

    check_release(family, transformers.__version__)
    model = _pretrained(folder, family, placing)
    if adapter is not None:
        model = attach_adapter(model, adapter)
    model.eval()
    config = model.config
    decoder = language_model(model)
    check_full_attention(decoder)
    vision = replace(
        vision,
        patch_size=config.vision_config.patch_size,
        merge_size=config.vision_config.spatial_merge_size,
        temporal_patch_size=config.vision_config.temporal_patch_size,
    )
    engine = PrefixEngine(
        decoder=decoder,
        embed=model.get_input_embeddings(),
        head=model.lm_head,
        stop_ids=stop_ids(config, tokenizer),
        pad_id=token_id(tokenizer, PAD),
        device=placing.torch_device,
        chunk=placing.prefill_chunk,
    )
    with loading(folder, "Whisper feature extractor", placing):
        extractor = transformers.WhisperFeatureExtractor.from_pretrained(str(folder))
    layout = media_tokens(config, vision.merge_size, LAYOUTS[family.interleaving])
    return Thinker(model, engine, layout, vision, AUDIO_INPUTS[family.mel_padding](extractor))


def _pretrained(folder: Path, family: OmniFamily, placing: Placing) -> Any:
    import transformers

    kind = f"{family.name} thinker"
    with loading(folder, kind, placing):
        model, report = getattr(transformers, family.model_class).from_pretrained(
            str(folder),
            dtype=placing.torch_dtype,
            attn_implementation=placing.attention,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            use_safetensors=True,
            device_map=placing.device_map,
        )
    check_report(report, folder, kind, lambda key: key.startswith(family.unread))
    return model


def check_release(family: OmniFamily, installed: str) -> None:
    """Raise PrerequisiteError where transformers is too old for the family."""
    from packaging.version import Version

    least = ".".join(map(str, family.least_transformers))
    if Version(installed) < Version(least):
        raise PrerequisiteError(
            f"{family.name} needs transformers {least} or later, and {installed} is installed; "
            "pip install -U transformers"
        )


def check_kind(folder: Path, family: OmniFamily) -> None:
    """Raise ModelError where the folder's config.json is of another kind of model."""
    found = read_config(folder).get("model_type")
    if found != family.model_type:
        raise ModelError(f"'{folder}' holds a model of type {found}, not {family.model_type}")


def media_tokens(
    config: Any, merge_size: int, layout: type[MediaTokens] = MediaTokens
) -> MediaTokens:
    """Placeholder ids and pace from a thinker's configuration."""
    for name in ("vision_start_token_id", "vision_end_token_id"):
        if getattr(config, name, None) is None:
            raise ModelError(f"the checkpoint's config.json lacks thinker_config.{name}")
    return layout(
        video=config.video_token_id,
        audio=config.audio_token_id,
        vision_start=config.vision_start_token_id,
        vision_end=config.vision_end_token_id,
        audio_start=config.audio_start_token_id,
        audio_end=config.audio_end_token_id,
        positions_per_second=config.position_id_per_seconds,
        seconds_per_chunk=config.seconds_per_chunk,
        merge_size=merge_size,
    )


def stop_ids(config: Any, tokenizer: Any) -> frozenset[int]:
    """Tokens that end an answer: the end of a turn, the end of text, and the config's own."""
    found = {token_id(tokenizer, END), token_id(tokenizer, PAD)}
    for part in (config, config.get_text_config()):
        stated = getattr(part, "eos_token_id", None)
        found.update(stated if isinstance(stated, list) else [] if stated is None else [stated])
    return frozenset(found)


def token_id(tokenizer: Any, token: str) -> int:
    """Id of a marker; raises ModelError where the tokenizer has none."""
    found = tokenizer.convert_tokens_to_ids(token)
    if found is None or found == getattr(tokenizer, "unk_token_id", None):
        raise ModelError(f"the checkpoint's tokenizer has no token {token}")
    return int(found)
