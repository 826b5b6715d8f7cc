"""Qwen2.5-Omni and Qwen3-Omni: every question on a clip shares its encoding and prefill.

Importing this module, or building the model, loads neither torch nor weights.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from pydantic import Field

from mma_eval.errors import ModelError, UsageError
from mma_eval.media.policy import AudioPolicy, FramePolicy, FramesPerSecond, Sampling
from mma_eval.models.base import ModelArguments
from mma_eval.models.local import weights
from mma_eval.models.local.adapter import adapter_identity
from mma_eval.models.local.json_file import read_config
from mma_eval.models.local.model import LocalArguments, LocalModel
from mma_eval.models.local.text_tokenizer import CheckpointTokenizer, load_tokenizer
from mma_eval.models.nn.omni_family import FAMILIES, OmniFamily
from mma_eval.models.qwen.processor_files import VideoSettings, video_settings
from mma_eval.types import TextTokenizer

if TYPE_CHECKING:
    from mma_eval.models.qwen.answers import Answerer
    from mma_eval.models.qwen.thinker import Thinker

TEMPORAL_PATCH = 2
"""Frames in one temporal group of the vision tower."""


class QwenOmniArguments(LocalArguments):
    """What `--model-args` may set for a Qwen-Omni model."""

    fps: float | None = Field(default=None, gt=0)
    """Frames per second; without it what the family's processor takes."""
    min_pixels: int | None = Field(default=None, gt=0)
    max_pixels: int | None = Field(default=None, gt=0)
    max_frames: int = Field(default=768, ge=TEMPORAL_PATCH)
    adapter: Path | None = None
    """Folder of a PEFT adapter."""
    system_prompt: str | None = None


class QwenOmni(LocalModel):
    """A thinker of the Qwen-Omni line behind the shared-prefix engine."""

    Arguments: ClassVar[type[ModelArguments]] = QwenOmniArguments

    @property
    def options(self) -> QwenOmniArguments:
        return cast("QwenOmniArguments", self.settings)

    @cached_property
    def family(self) -> OmniFamily:
        """What the card says, else what the checkpoint's own config.json says."""
        stated = self.card.family.casefold()
        named = next((family for family in FAMILIES if family.name == stated), None)
        return named or self._checkpoint_family()

    @property
    def system_prompt(self) -> str | None:
        stated = (self.options.system_prompt, self.card.system_prompt, self.family.system_prompt)
        return next((prompt for prompt in stated if prompt is not None), None)

    @property
    def fps(self) -> float:
        return self.family.fps if self.options.fps is None else self.options.fps

    @property
    def seconds_per_grid(self) -> float:
        """Seconds between temporal groups on the model's clock: two frames at `fps`.

        The published processors compute the same, but assume their own default when not told.
        """
        return TEMPORAL_PATCH / self.fps

    @cached_property
    def sampling(self) -> Sampling:
        most = self.options.max_frames
        frames = FramesPerSecond(
            fps=self.fps,
            min_frames=min(FramesPerSecond.min_frames, most),
            max_frames=most,
            multiple_of=TEMPORAL_PATCH,
        )
        longest = self.family.max_seconds_of_sound
        return Sampling(
            FramePolicy(frames), AudioPolicy(rate=16_000, channels=1, max_seconds=longest)
        )

    @cached_property
    def tokenizer(self) -> TextTokenizer:
        return CheckpointTokenizer(self.pretrained, lambda: self.small_files)

    @cached_property
    def pixel_limits(self) -> tuple[int, int]:
        """From the arguments, else from the checkpoint's video processor, else the family's."""
        smallest, largest = self.options.min_pixels, self.options.max_pixels
        if smallest is None or largest is None:
            stated = self._video_settings
            smallest = smallest or stated.min_pixels or self.family.min_pixels
            largest = largest or stated.max_pixels or self.family.max_pixels
        if smallest > largest:
            raise UsageError(f"min_pixels={smallest} is above max_pixels={largest}")
        return smallest, largest

    @cached_property
    def dtype(self) -> str:
        """`fp32`, `bf16` or `fp16`; `auto` is the checkpoint's own on a GPU."""
        if self.options.dtype != "auto":
            return self.options.dtype
        if self.device == "cpu":
            return "fp32"
        config = read_config(self.small_files)
        named = str(config.get("dtype") or config.get("torch_dtype"))
        return {"float32": "fp32", "float16": "fp16"}.get(named, "bf16")

    def identity(self) -> dict[str, Any]:
        return {
            "family": self.family.name,
            "weights": weights.checkpoint_identity(self.pretrained, self.revision),
            "adapter": adapter_identity(self.options.adapter),
            "system_prompt": self.system_prompt,
            "pixels": self.pixel_limits,
            "frames": [self.fps, self.options.max_frames, self.seconds_per_grid],
        }

    def describe(self) -> dict[str, str | int | float | bool | None]:
        adapter = self.options.adapter
        return {
            **super().describe(),
            "adapter": None if adapter is None else str(adapter),
            "fps": self.fps,
            "seconds_per_grid": self.seconds_per_grid,
            "min_pixels": self.pixel_limits[0],
            "max_pixels": self.pixel_limits[1],
            "max_frames": self.options.max_frames,
            "system_prompt": self.system_prompt,
        }

    @property
    def answerer(self) -> Answerer:
        """The model in memory and how it is asked, for diagnosis and tuning."""
        return cast("Answerer", super().answerer)

    def _checkpoint_family(self) -> OmniFamily:
        kind = read_config(self.small_files).get("model_type")
        found = next((family for family in FAMILIES if family.model_type == kind), None)
        if found is None:
            known = " or ".join(family.model_type for family in FAMILIES)
            raise ModelError(f"'{self.pretrained}' holds a model of type {kind}, not {known}")
        return found

    @cached_property
    def _video_settings(self) -> VideoSettings:
        return video_settings(self.small_files)

    def build(self) -> Answerer:
        from mma_eval.models.qwen.answers import Answerer, AnswerSettings
        from mma_eval.models.qwen.prompt import PromptWriter
        from mma_eval.models.qwen.thinker import check_kind

        settings = AnswerSettings(self.sampling, self.seconds_per_grid)
        folder = self.fetched(self.pretrained, self.revision)
        check_kind(folder, self.family)
        weights.weight_files(folder)
        tokenizer = load_tokenizer(folder)
        thinker = self._thinker(folder, tokenizer)
        writer = PromptWriter(tokenizer, self.system_prompt)
        return Answerer(self.asking, self.new_feature_cache(), thinker, writer, settings)

    def _thinker(self, folder: Path, tokenizer: Any) -> Thinker:
        from mma_eval.models.nn.qwen_vision_input import VisionInput
        from mma_eval.models.qwen.thinker import load_thinker

        smallest, largest = self.pixel_limits
        stated = video_settings(folder)
        vision = VisionInput(smallest, largest, mean=stated.mean, std=stated.std)
        return load_thinker(
            folder,
            self.family,
            self.placing,
            adapter=self.options.adapter,
            vision=vision,
            tokenizer=tokenizer,
        )
