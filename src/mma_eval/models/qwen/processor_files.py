"""What a checkpoint's processor files say about video, read without transformers or torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mma_eval.models.local.json_file import read_object
from mma_eval.models.nn.clip_pixels import CLIP_MEAN, CLIP_STD


@dataclass(frozen=True)
class VideoSettings:
    """Pixel limits, where a checkpoint states some for video, and normalisation."""

    min_pixels: int | None = None
    max_pixels: int | None = None
    mean: tuple[float, ...] = CLIP_MEAN
    std: tuple[float, ...] = CLIP_STD


def video_settings(folder: Path) -> VideoSettings:
    """The settings of the checkpoint in `folder`, in the order in which transformers looks.

    `preprocessor_config.json` gives pixel limits only where it describes a video processor: in
    the published Qwen2.5-Omni checkpoints it holds those for still images, and
    `Qwen2_5OmniProcessor` applies its own to video.
    """
    image = _read(folder / "preprocessor_config.json")
    video = (
        _read(folder / "processor_config.json").get("video_processor")
        or _read(folder / "video_preprocessor_config.json")
        or (image if "video_processor_type" in image else {})
    )
    size = video.get("size") or {}
    normalising = video if "image_mean" in video else image
    return VideoSettings(
        min_pixels=video.get("min_pixels") or size.get("shortest_edge"),
        max_pixels=video.get("max_pixels") or size.get("longest_edge"),
        mean=tuple(normalising.get("image_mean") or CLIP_MEAN),
        std=tuple(normalising.get("image_std") or CLIP_STD),
    )


def _read(file: Path) -> dict[str, Any]:
    return read_object(file) if file.is_file() else {}
