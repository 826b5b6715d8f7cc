"""Training clips as the model will meet them: written as mp4 and decoded again."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mma_eval.demo.clips import CLASSES, DemoClip, demo_clip
from mma_eval.media.audio import read_audio, resample
from mma_eval.media.mux import write_clip
from mma_eval.media.policy import Sampling
from mma_eval.media.source import Clip
from mma_eval.media.video import read_frames
from mma_eval.models.nn.qwen_audio_input import AudioInput
from mma_eval.train.specimen.config import MEL_BINS

FIRST_TRAINING_SEED = 1_000_000
"""Demo seeds from here on are for training, so that no test set can hold a training clip."""

RoundTrip = Callable[[DemoClip], tuple[NDArray[np.uint8], NDArray[np.float32]]]
"""What a reader sees of a clip: frames [T, H, W, 3] and sound [N] at the clip's own rate."""


@dataclass(frozen=True)
class Pool:
    """Pictures and sounds by class, stored apart so that they can be paired freely.

    `frames` uint8 [N, T, H, W, 3]; `mels` float16 [N, bins, steps]; `labels` int [N], an index
    into CLASSES; `silence` float32 [bins, steps], the spectrogram of no sound at all.
    """

    frames: NDArray[np.uint8]
    mels: NDArray[np.float16]
    labels: NDArray[np.int64]
    silence: NDArray[np.float32]

    def members(self, label: int) -> NDArray[np.int64]:
        """The places of one class's clips."""
        return np.flatnonzero(self.labels == label)


def mel_extractor() -> Any:
    """Log-mel spectrograms as the published models take them."""
    from transformers import WhisperFeatureExtractor

    return WhisperFeatureExtractor(feature_size=MEL_BINS, return_attention_mask=True)


def build_pool(
    *,
    seed: int,
    count: int,
    round_trip: RoundTrip | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Pool:
    """Render, encode and decode `count` clips of the demo set FIRST_TRAINING_SEED + `seed`."""
    hearing = AudioInput(mel_extractor())
    frames: list[NDArray[np.uint8]] = []
    mels: list[NDArray[np.float16]] = []
    labels: list[int] = []
    length = 0
    with tempfile.TemporaryDirectory(prefix="mma-eval-") as folder:
        read = round_trip or mp4_round_trip(Path(folder))
        for index in range(count):
            clip = demo_clip(FIRST_TRAINING_SEED + seed, index)
            picture, wave = read(clip)
            frames.append(picture)
            mels.append(hearing.mel(wave)[0].numpy().astype(np.float16))
            labels.append(CLASSES.index(clip.label))
            length = len(wave)
            if on_progress is not None:
                on_progress(index + 1, count)
    return Pool(
        frames=np.stack(frames),
        mels=np.stack(mels),
        labels=np.array(labels),
        silence=hearing.mel(np.zeros(length, np.float32))[0].numpy(),
    )


def mp4_round_trip(folder: Path) -> RoundTrip:
    """A reader that writes each clip into `folder` and decodes it as any other clip is decoded."""
    path = folder / "clip.mp4"
    sampling = Sampling()

    def read(clip: DemoClip) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        write_clip(path, clip.frames, clip.frame_rate, clip.sound, clip.sample_rate)
        file = Clip(path)
        sound = resample(read_audio(file), sampling.audio.rate, sampling.audio.channels)
        return read_frames(file, sampling.frames).pixels, sound.samples[0]

    return read
