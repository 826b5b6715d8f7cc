"""Qwen2.5-Omni: a clip is encoded and prefilled once, and every question on it shares that.

Importing this module, or building the model, loads neither torch nor weights.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from hashlib import sha256
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from pydantic import Field

from mma_eval.errors import PrerequisiteError, UsageError
from mma_eval.media.policy import AudioPolicy, FramePolicy, Sampling
from mma_eval.models import weights
from mma_eval.models.base import Model, ModelArguments
from mma_eval.models.card import ModelCard, Scalar
from mma_eval.models.nn.omni_family import QWEN2_5_OMNI, OmniFamily
from mma_eval.models.processor_files import VideoSettings, video_settings
from mma_eval.models.text_tokenizer import CheckpointTokenizer, load_tokenizer
from mma_eval.types import Answer, Group, TextTokenizer

if TYPE_CHECKING:
    from mma_eval.models.qwen_answers import Answerer
    from mma_eval.models.qwen_thinker import Thinker

TEMPORAL_PATCH = 2
"""Frames in one temporal group of the vision tower."""


class QwenOmniArguments(ModelArguments):
    """What `--model-args` may set for a Qwen-Omni model."""

    pretrained: str | None = None
    """Folder, `package:NAME` or hub id; the card's weights without it."""
    revision: str | None = None
    dtype: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """`auto`: the checkpoint's own on a GPU, fp32 on a CPU."""
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$")
    attention: Literal["sdpa", "flash_attention_2", "eager"] = "sdpa"
    fps: float = Field(default=QWEN2_5_OMNI.fps, gt=0)
    min_pixels: int | None = Field(default=None, gt=0)
    max_pixels: int | None = Field(default=None, gt=0)
    max_frames: int = Field(default=768, ge=TEMPORAL_PATCH)
    batch_size: int = Field(default=16, ge=1)
    batch_mode: Literal["batched", "reference"] = "batched"
    """`reference` runs every question alone: in 16 bits a batch can flip a near tie."""
    adapter: Path | None = None
    """Folder of a PEFT adapter."""
    system_prompt: str | None = None
    answer_timeout: float | None = Field(default=None, gt=0)
    """Seconds that one batch of questions may take; answers unfinished by then fail."""
    prefill_chunk: int = Field(default=1024, ge=16)
    """Question tokens that go through the model at once."""
    feature_cache_mb: int = Field(default=1024, ge=0)
    accept_download: bool = False


class QwenOmni(Model):
    """A thinker of the Qwen-Omni line behind the shared-prefix engine."""

    Arguments: ClassVar[type[ModelArguments]] = QwenOmniArguments
    family: ClassVar[OmniFamily] = QWEN2_5_OMNI
    decodes_ahead: ClassVar[int] = 4
    reference_arguments: ClassVar[Mapping[str, Scalar] | None] = {"batch_mode": "reference"}

    def __init__(self, card: ModelCard, arguments: ModelArguments) -> None:
        super().__init__(card, arguments)
        self.options = cast("QwenOmniArguments", arguments)
        self._answerer: Answerer | None = None

    @property
    def pretrained(self) -> str:
        chosen = self.options.pretrained or self.card.weights
        if not chosen:
            raise UsageError(
                f"the card '{self.card.name}' names no weights; set --model-args pretrained=..."
            )
        return chosen

    @property
    def revision(self) -> str | None:
        """The card's revision pins the card's weights, not others chosen in their place."""
        if self.options.revision or self.options.pretrained:
            return self.options.revision
        return self.card.revision

    @property
    def version(self) -> str:
        return f"{self.pretrained}@{self.revision}" if self.revision else self.pretrained

    @property
    def system_prompt(self) -> str:
        stated = (self.options.system_prompt, self.card.system_prompt, self.family.system_prompt)
        return next(prompt for prompt in stated if prompt is not None)

    @property
    def seconds_per_grid(self) -> float:
        """Seconds between temporal groups on the model's clock: two frames at `fps`.

        `Qwen2_5OmniProcessor` computes the same, but assumes 2 frames a second when not told.
        """
        return TEMPORAL_PATCH / self.options.fps

    @property
    def batch_size(self) -> int:
        return 1 if self.options.batch_mode == "reference" else self.options.batch_size

    @cached_property
    def sampling(self) -> Sampling:
        smallest, largest = self.pixel_limits
        frames = FramePolicy(
            fps=self.options.fps,
            min_frames=min(FramePolicy.min_frames, self.options.max_frames),
            max_frames=self.options.max_frames,
            multiple_of=TEMPORAL_PATCH,
            min_pixels=smallest,
            max_pixels=largest,
        )
        longest = self.family.max_seconds_of_sound
        return Sampling(frames, AudioPolicy(rate=16_000, channels=1, max_seconds=longest))

    @cached_property
    def tokenizer(self) -> TextTokenizer:
        return CheckpointTokenizer(self.pretrained, lambda: self._small_files)

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
    def device(self) -> str:
        """`cpu` or `cuda:N`; raises PrerequisiteError for a GPU that is not there."""
        import torch

        wanted = self.options.device
        if wanted == "cpu" or (wanted == "auto" and not torch.cuda.is_available()):
            return "cpu"
        number = int(wanted.partition(":")[2] or 0)
        if number >= torch.cuda.device_count():
            raise PrerequisiteError(f"device={wanted}: torch sees no such GPU here")
        return f"cuda:{number}"

    @cached_property
    def dtype(self) -> str:
        """`fp32`, `bf16` or `fp16`."""
        if self.options.dtype != "auto":
            return self.options.dtype
        if self.device == "cpu":
            return "fp32"
        config = json.loads((self._small_files / "config.json").read_text(encoding="utf-8"))
        named = str(config.get("dtype") or config.get("torch_dtype"))
        return {"float32": "fp32", "float16": "fp16"}.get(named, "bf16")

    def fingerprint(self) -> str:
        parts = {
            "family": self.family.name,
            "weights": weights.checkpoint_identity(self.pretrained, self.revision),
            "adapter": self._adapter_hash(),
            "dtype": self.dtype,
            "device": self.device.partition(":")[0],
            "attention": self.options.attention,
            "batch": [self.options.batch_mode, self.batch_size, self.options.prefill_chunk],
            "system_prompt": self.system_prompt,
            "pixels": self.pixel_limits,
            "frames": [self.options.fps, self.options.max_frames, self.seconds_per_grid],
            "transformers": _major_minor("transformers"),
            "torch": _major_minor("torch"),
        }
        digest = sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
        return f"{self.family.name}:{digest}"

    def describe(self) -> dict[str, str | int | float | bool | None]:
        adapter = self.options.adapter
        return {
            "weights": self.version,
            "adapter": None if adapter is None else str(adapter),
            "device": self.device,
            "dtype": self.dtype,
            "attention": self.options.attention,
            "batch_mode": self.options.batch_mode,
            "batch_size": self.batch_size,
            "batch_halvings": self._answerer.halvings if self._answerer else 0,
            "fps": self.options.fps,
            "seconds_per_grid": self.seconds_per_grid,
            "min_pixels": self.pixel_limits[0],
            "max_pixels": self.pixel_limits[1],
            "max_frames": self.options.max_frames,
            "system_prompt": self.system_prompt,
            "transformers": installed_version("transformers"),
            "torch": installed_version("torch"),
        }

    def download_plan(self) -> weights.DownloadPlan | None:
        """What would be downloaded by loading, for a caller that can ask; None for nothing."""
        return weights.download_plan(self.pretrained, self.revision)

    def accept_download(self) -> None:
        self.arguments = self.options = self.options.model_copy(update={"accept_download": True})

    def load(self) -> None:
        if self._answerer is None:
            self._answerer = self._loaded()

    @property
    def answerer(self) -> Answerer:
        """The model in memory and how it is asked, for diagnosis and tuning."""
        self.load()
        assert self._answerer is not None
        return self._answerer

    def answer(self, groups: Iterable[Group]) -> Iterator[Answer]:
        for group in groups:
            yield from self.answerer.answer(group)

    @cached_property
    def _small_files(self) -> Path:
        return weights.small_files(self.pretrained, self.revision)

    @cached_property
    def _video_settings(self) -> VideoSettings:
        return video_settings(self._small_files)

    def _adapter_hash(self) -> str | None:
        if self.options.adapter is None:
            return None
        from mma_eval.models.adapter import adapter_files

        return weights.content_hash(adapter_files(self.options.adapter))

    def _loaded(self) -> Answerer:
        from mma_eval.models.features import FeatureCache
        from mma_eval.models.qwen_answers import Answerer, AnswerSettings
        from mma_eval.models.qwen_prompt import PromptWriter

        settings = AnswerSettings(
            sampling=self.sampling,
            seconds_per_grid=self.seconds_per_grid,
            batch_size=self.batch_size,
            context_length=self.card.context_length,
            timeout=self.options.answer_timeout,
            options_apart=self.options.batch_mode == "reference"
            or self.options.attention == "flash_attention_2",
            version=self.version,
        )
        folder = weights.fetch(
            self.pretrained, self.revision, accept_download=self.options.accept_download
        )
        tokenizer = load_tokenizer(folder)
        thinker = self._thinker(folder, tokenizer)
        cache = FeatureCache(self.options.feature_cache_mb * 2**20)
        return Answerer(thinker, PromptWriter(tokenizer, self.system_prompt), settings, cache)

    def _thinker(self, folder: Path, tokenizer: Any) -> Thinker:
        from mma_eval.models.nn.qwen_vision_input import VisionInput
        from mma_eval.models.qwen_thinker import LoadSettings, load_thinker

        weights.weight_files(folder)
        smallest, largest = self.pixel_limits
        stated = video_settings(folder)
        load = LoadSettings(
            device=self.device,
            dtype=self.dtype,
            attention=self.options.attention,
            adapter=self.options.adapter,
            prefill_chunk=self.options.prefill_chunk,
        )
        vision = VisionInput(smallest, largest, mean=stated.mean, std=stated.std)
        return load_thinker(folder, self.family, load, vision=vision, tokenizer=tokenizer)


def _major_minor(package: str) -> str:
    return ".".join(installed_version(package).split(".")[:2])
