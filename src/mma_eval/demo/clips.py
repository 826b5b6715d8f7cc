"""One procedural clip, from the generator's version, a seed and an index."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mma_eval.demo.pictures import FRAME_RATE, PAINTERS, paint
from mma_eval.demo.sounds import SAMPLE_RATE, VOICES, synthesise
from mma_eval.seeded import SeededStream

GENERATOR_VERSION = 1
"""Raise it with every change that alters a clip: it is part of the data set's version."""

CLASSES: tuple[str, ...] = tuple(sorted(PAINTERS.keys() & VOICES.keys()))


@dataclass(frozen=True)
class DemoClip:
    """A clip whose picture and sound agree.

    `frames` is uint8 [T, H, W, 3] at `frame_rate` a second, `sound` float32 [1, N] in -1..1 at
    `sample_rate` a second.
    """

    id: str
    label: str
    frames: NDArray[np.uint8]
    sound: NDArray[np.float32]
    frame_rate: int = FRAME_RATE
    sample_rate: int = SAMPLE_RATE


def clip_id(index: int) -> str:
    return f"demo-{index:05d}"


def clip_label(seed: int, index: int) -> str:
    """The class of a clip; each run of as many clips as there are classes holds every class."""
    block, place = divmod(index, len(CLASSES))
    return SeededStream(seed, "demo labels", str(block)).shuffled(CLASSES)[place]


def clip_frames(seed: int, index: int) -> NDArray[np.uint8]:
    return paint(clip_label(seed, index), _generator(seed, index, stream=0))


def clip_sound(seed: int, index: int) -> NDArray[np.float32]:
    return synthesise(clip_label(seed, index), _generator(seed, index, stream=1))


def demo_clip(seed: int, index: int) -> DemoClip:
    """Clip `index` of the demo set `seed`; no other clip has any part in it."""
    return DemoClip(
        id=clip_id(index),
        label=clip_label(seed, index),
        frames=clip_frames(seed, index),
        sound=clip_sound(seed, index),
    )


def _generator(seed: int, index: int, stream: int) -> np.random.Generator:
    # Separate streams keep the sound as it is when only the painting changes.
    return np.random.default_rng([GENERATOR_VERSION, seed, index, stream])
