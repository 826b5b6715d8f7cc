"""What a model sees and hears: lazy sources, their decoding, and clips written anew."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mma_eval.media.ahead import decode_ahead
    from mma_eval.media.audio import Sound, read_audio
    from mma_eval.media.container import probe
    from mma_eval.media.mux import write_clip
    from mma_eval.media.policy import AudioPolicy, FramePolicy, Sampling
    from mma_eval.media.source import (
        AudioFile,
        BlackVideo,
        Clip,
        Media,
        NoAudio,
        NoVideo,
        Silence,
        VideoFile,
    )
    from mma_eval.media.video import Frames, read_frames

_HOMES = {
    "AudioFile": "source",
    "AudioPolicy": "policy",
    "BlackVideo": "source",
    "Clip": "source",
    "FramePolicy": "policy",
    "Frames": "video",
    "Media": "source",
    "NoAudio": "source",
    "NoVideo": "source",
    "Sampling": "policy",
    "Silence": "source",
    "Sound": "audio",
    "VideoFile": "source",
    "decode_ahead": "ahead",
    "probe": "container",
    "read_audio": "audio",
    "read_frames": "video",
    "write_clip": "mux",
}

__all__ = [
    "AudioFile",
    "AudioPolicy",
    "BlackVideo",
    "Clip",
    "FramePolicy",
    "Frames",
    "Media",
    "NoAudio",
    "NoVideo",
    "Sampling",
    "Silence",
    "Sound",
    "VideoFile",
    "decode_ahead",
    "probe",
    "read_audio",
    "read_frames",
    "write_clip",
]


def __getattr__(name: str) -> Any:
    # numpy and the decoders load with the first thing that needs them, not with the package.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
