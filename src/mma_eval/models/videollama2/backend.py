"""VideoLLaMA2.1-AV: SigLIP and BEATs in front of Qwen2, one prefill for a clip's questions.

Importing this module, or building the model, loads neither torch nor weights.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from pydantic import Field

from mma_eval.errors import ModelError
from mma_eval.media.policy import AudioPolicy, FramePolicy, Sampling, SegmentMiddles
from mma_eval.models.base import ModelArguments
from mma_eval.models.local import weights
from mma_eval.models.local.adapter import adapter_identity
from mma_eval.models.local.json_file import CONFIG_FILE, read_config
from mma_eval.models.local.model import LocalArguments, LocalModel
from mma_eval.models.local.text_tokenizer import CheckpointTokenizer
from mma_eval.types import TextTokenizer

if TYPE_CHECKING:
    from mma_eval.models.local.embedded_answers import EmbeddedAnswerer
    from mma_eval.models.videollama2.model import VideoLlama2

SYSTEM_PROMPT = "You are a helpful assistant."
"""What Qwen2's chat template says where nobody else does."""
FRAMES = 16


class VideoLlama2Arguments(LocalArguments):
    """What `--model-args` may set for a VideoLLaMA2."""

    dtype: Literal["auto", "fp32", "bf16"] = "auto"
    """`auto`: bf16 on a GPU, fp32 on a CPU. In fp16 the activations overflow."""
    vision_tower: str | None = None
    """Folder or hub id of the vision tower; the one that the checkpoint names without it."""
    vision_revision: str | None = None
    adapter: Path | None = None
    """Folder of a PEFT adapter, on the language model and its projectors."""
    system_prompt: str | None = None
    frames: int = Field(default=FRAMES, ge=2)
    beats_max_distance: int = Field(default=800, ge=1)
    """Distance in tokens beyond which BEATs tells none apart; checkpoints do not state it."""


class VideoLlama2Model(LocalModel):
    """VideoLLaMA2.1-AV behind the shared-prefix engine."""

    Arguments: ClassVar[type[ModelArguments]] = VideoLlama2Arguments

    @property
    def options(self) -> VideoLlama2Arguments:
        return cast("VideoLlama2Arguments", self.settings)

    @property
    def system_prompt(self) -> str:
        stated = (self.options.system_prompt, self.card.system_prompt, SYSTEM_PROMPT)
        return next(prompt for prompt in stated if prompt is not None)

    @cached_property
    def sampling(self) -> Sampling:
        frames = FramePolicy(SegmentMiddles(self.options.frames))
        return Sampling(frames, AudioPolicy(rate=None, channels=None))

    @cached_property
    def tokenizer(self) -> TextTokenizer:
        return CheckpointTokenizer(self.pretrained, lambda: self.small_files)

    @cached_property
    def vision_tower(self) -> str:
        """From the arguments, else the one that the checkpoint names, which may lie beside it."""
        if self.options.vision_tower:
            return self.options.vision_tower
        named = read_config(self.small_files).get("mm_vision_tower")
        if not isinstance(named, str):
            file = self.small_files / CONFIG_FILE
            raise ModelError(f"'{file}' names no mm_vision_tower; set vision_tower=...")
        beside = weights.local_folder(self.pretrained)
        if beside is not None and (beside.absolute().parent / named).is_dir():
            return str(beside.absolute().parent / named)
        return named

    def identity(self) -> dict[str, Any]:
        vision = weights.checkpoint_identity(self.vision_tower, self.options.vision_revision)
        return {
            "weights": weights.checkpoint_identity(self.pretrained, self.revision),
            "vision_tower": vision,
            "adapter": adapter_identity(self.options.adapter),
            "system_prompt": self.system_prompt,
            "frames": self.options.frames,
            "beats_max_distance": self.options.beats_max_distance,
        }

    def describe(self) -> dict[str, str | int | float | bool | None]:
        adapter = self.options.adapter
        return {
            **super().describe(),
            "adapter": None if adapter is None else str(adapter),
            "vision_tower": self.vision_tower,
            "frames": self.options.frames,
            "system_prompt": self.system_prompt,
        }

    def download_plan(self) -> weights.DownloadPlan | None:
        """Of the checkpoint and of its vision tower, which is published apart."""
        own = weights.download_plan(self.pretrained, self.revision)
        vision = weights.download_plan(self.vision_tower, self.options.vision_revision)
        if own is None or vision is None:
            return own or vision
        return replace(
            own,
            repo=f"{own.repo} and {vision.repo}",
            files=(*own.files, *vision.files),
            download=own.download + vision.download,
            memory_needed=own.memory_needed + vision.memory_needed,
        )

    def build(self) -> EmbeddedAnswerer[VideoLlama2]:
        from mma_eval.models.local.embedded_answers import EmbeddedAnswerer
        from mma_eval.models.videollama2.model import Showing, load_videollama2

        family = load_videollama2(
            self.fetched(self.pretrained, self.revision),
            self.fetched(self.vision_tower, self.options.vision_revision),
            Showing(self.sampling, self.system_prompt, self.options.beats_max_distance),
            self.placing,
            self.options.adapter,
        )
        return EmbeddedAnswerer(self.asking, self.new_feature_cache(), family)
