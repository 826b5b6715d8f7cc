"""What a model sees and hears: lazy sources, their decoding, and clips written anew."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mma_eval.media.ahead import decode_ahead
    from mma_eval.media.audio import Sound, read_audio
    from mma_eval.media.container import probe
    from mma_eval.media.mux import write_clip
    from mma_eval.media.policy import (
        AudioPolicy,
        EveryFrame,
        FrameChoice,
        FramePolicy,
        FramesPerSecond,
        Sampling,
        SegmentMiddles,
        SegmentStarts,
        StretchFrames,
    )
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
    from mma_eval.media.stretches import Stretches
    from mma_eval.media.video import Frames, read_frames

_HOMES = {
    "AudioFile": "source",
    "AudioPolicy": "policy",
    "BlackVideo": "source",
    "Clip": "source",
    "EveryFrame": "policy",
    "FrameChoice": "policy",
    "FramePolicy": "policy",
    "Frames": "video",
    "FramesPerSecond": "policy",
    "Media": "source",
    "NoAudio": "source",
    "NoVideo": "source",
    "Sampling": "policy",
    "SegmentMiddles": "policy",
    "SegmentStarts": "policy",
    "Silence": "source",
    "Sound": "audio",
    "StretchFrames": "policy",
    "Stretches": "stretches",
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
    "EveryFrame",
    "FrameChoice",
    "FramePolicy",
    "Frames",
    "FramesPerSecond",
    "Media",
    "NoAudio",
    "NoVideo",
    "Sampling",
    "SegmentMiddles",
    "SegmentStarts",
    "Silence",
    "Sound",
    "StretchFrames",
    "Stretches",
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
