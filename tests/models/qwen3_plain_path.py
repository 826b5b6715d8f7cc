"""Qwen3-Omni the plain way: whole prompts, `generate()`, placeholders laid out by transformers."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mma_eval.media.policy import Sampling
from tests.models.plain_path import GROUP, MERGE, PlainPath, plain_patches

PATCH = 16
HALF = (0.5, 0.5, 0.5)
POSITIONS_PER_SECOND = 13.0
"""`Qwen3OmniMoeProcessor.position_id_per_seconds`."""


class Qwen3PlainPath(PlainPath):
    """A Qwen3-Omni thinker of transformers and what its processor does without torchvision."""

    @classmethod
    def load(
        cls,
        folder: Path,
        sampling: Sampling,
        limits: tuple[int, int],
        system: str | None,
        fps: float = 1.0,
    ) -> Qwen3PlainPath:
        from transformers import (
            AutoTokenizer,
            Qwen3OmniMoeThinkerForConditionalGeneration,
            WhisperFeatureExtractor,
        )

        model = Qwen3OmniMoeThinkerForConditionalGeneration.from_pretrained(
            str(folder), dtype=torch.float32
        )
        template = json.loads((folder / "chat_template.json").read_text(encoding="utf-8"))
        return cls(
            model.eval(),
            AutoTokenizer.from_pretrained(str(folder)),
            WhisperFeatureExtractor.from_pretrained(str(folder)),
            template["chat_template"],
            sampling,
            limits,
            system,
            fps,
        )

    def _expanded(self, text: str, video: dict[str, Any], audio: dict[str, Any]) -> str:
        if video and audio:
            return text.replace("<|video_pad|>", self._interleaved(video, audio))
        seen = int(video["video_grid_thw"][0].prod()) // MERGE**2 if video else 0
        heard = int(audio["num_audio_tokens"]) if audio else 0
        text = text.replace("<|video_pad|>", "<|video_pad|>" * seen)
        return text.replace("<|audio_pad|>", "<|audio_pad|>" * heard)

    def _interleaved(self, video: dict[str, Any], audio: dict[str, Any]) -> str:
        """The processor's own layout; building the processor would need torchvision."""
        from transformers import Qwen3OmniMoeProcessor

        parts = SimpleNamespace(
            video_processor=SimpleNamespace(merge_size=MERGE),
            video_token="<|video_pad|>",
            audio_token="<|audio_pad|>",
            audio_bos_token="<|audio_start|>",
            audio_eos_token="<|audio_end|>",
        )
        text: str = Qwen3OmniMoeProcessor.replace_video_with_audio_token(
            parts, video, 0, audio, 0, position_id_per_seconds=POSITIONS_PER_SECOND
        )
        return text

    def _audio(self, samples: NDArray[np.float32]) -> dict[str, Any]:
        from transformers.models.qwen3_omni_moe.processing_qwen3_omni_moe import (
            Qwen3OmniMoeProcessor,
            _get_feat_extract_output_lengths,
        )

        made = self.extractor(samples, return_tensors="pt", **Qwen3OmniMoeProcessor.audio_kwargs)
        mask = made["attention_mask"]
        return {
            "input_features": made["input_features"],
            "feature_attention_mask": mask,
            "num_audio_tokens": _get_feat_extract_output_lengths(mask.sum(-1)),
        }

    def _video(self, pixels: NDArray[np.uint8]) -> dict[str, Any]:
        values, grid = plain_patches(pixels, *self.limits, PATCH, HALF, HALF)
        return {
            "pixel_values_videos": torch.from_numpy(values),
            "video_grid_thw": torch.tensor([grid]),
            "video_second_per_grid": [GROUP / self.fps],
        }
