"""Moving pictures of the demo classes, painted with numpy.

Every painter draws one class in coordinates that jitter has already moved and scaled. Colours are
drawn independently of the class, so that colour is no cue.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.floating[Any]]

FRAME_SIZE = 84
FRAME_RATE = 8
FRAME_COUNT = 16


@dataclass(frozen=True)
class Scene:
    """What a painter sees: coordinates, time and the clip's own tempo.

    `x`, `y` are [1, S, S] in about -1..1 with y pointing down, `time` is [T, 1, 1] in seconds,
    `edge` is the width of a soft outline in the same units.
    """

    x: Field
    y: Field
    time: Field
    phase: float
    speed: float
    edge: float
    rng: np.random.Generator

    def swing(self, rate: float) -> Field:
        """A sine over time in -1..1, [T, 1, 1]; `rate` in cycles a second before jitter."""
        return np.asarray(np.sin(self.turns(rate)))

    def turns(self, rate: float) -> Field:
        """Elapsed angle in radians, [T, 1, 1]; `rate` in turns a second before jitter."""
        return np.asarray(2 * np.pi * (self.speed * rate * self.time + self.phase), np.float32)

    def inside(self, distance: Field, edge: float | None = None) -> Field:
        """Soft mask in 0..1 of where `distance` is positive."""
        scaled = np.clip(distance / (self.edge if edge is None else edge), -30, 30)
        return np.asarray(1 / (1 + np.exp(-scaled)), np.float32)


Painter = Callable[[Scene], tuple[Field, Field]]
"""Returns the masks of the main and the accent colour, each [T, S, S]."""


def _bell(scene: Scene) -> tuple[Field, Field]:
    angle = 0.5 * scene.swing(0.6)
    across = np.cos(angle) * scene.x + np.sin(angle) * (scene.y + 0.6)
    down = -np.sin(angle) * scene.x + np.cos(angle) * (scene.y + 0.6)
    width = 0.12 + 0.42 * np.clip(down, 0, 1) ** 1.6
    body = scene.inside(width - np.abs(across)) * scene.inside(down) * scene.inside(1 - down)
    return body, scene.inside(0.15 - np.hypot(across, down - 1.08))


def _bird(scene: Scene) -> tuple[Field, Field]:
    flight = ((scene.speed * scene.time * 0.4 + scene.phase) % 1) * 0.9 - 0.45
    across = np.abs(scene.x - flight)
    wing = scene.y + 0.6 * scene.swing(1.3) * across - 0.1 * np.sin(4 * across)
    wings = scene.inside(0.1 - np.abs(wing)) * scene.inside(0.75 - across)
    return wings, scene.inside(0.17 - np.hypot(scene.x - flight, scene.y))


def _clock(scene: Scene) -> tuple[Field, Field]:
    angle = scene.turns(0.3)
    along = np.cos(angle) * scene.x + np.sin(angle) * scene.y
    aside = -np.sin(angle) * scene.x + np.cos(angle) * scene.y
    rim = scene.inside(0.1 - np.abs(np.hypot(scene.x, scene.y) - 0.62))
    hand = scene.inside(0.07 - np.abs(aside)) * scene.inside(along) * scene.inside(0.5 - along)
    return rim + np.zeros_like(hand), hand


def _drum(scene: Scene) -> tuple[Field, Field]:
    radius = 0.5 + 0.16 * scene.swing(0.8)
    skin = scene.inside(radius - np.hypot(scene.x, scene.y))
    return skin, np.zeros_like(skin)


def _engine(scene: Scene) -> tuple[Field, Field]:
    radius = np.hypot(scene.x, scene.y)
    teeth = np.sign(np.sin(8 * (np.arctan2(scene.y, scene.x) - scene.turns(0.27))))
    gear = scene.inside(0.52 + 0.14 * teeth - radius) * scene.inside(radius - 0.22)
    return gear, np.zeros_like(gear)


def _fire(scene: Scene) -> tuple[Field, Field]:
    frames = len(scene.time)
    flicker = scene.rng.uniform(0, 2 * np.pi, (2, frames, 1, 1)).astype(np.float32)
    sway = scene.x + 0.12 * np.sin(6 * scene.y + flicker[0])
    width = 0.5 * np.clip((scene.y + 0.8) / 1.6, 0, 1) ** 0.8
    width = width + 0.09 * np.sin(9 * scene.y + flicker[1])
    ground = scene.inside(0.75 - scene.y)
    flame = scene.inside(width - np.abs(sway), 0.05) * ground
    return flame, scene.inside(0.5 * width - 0.08 - np.abs(sway), 0.06) * ground


def _rain(scene: Scene) -> tuple[Field, Field]:
    columns = (scene.x + 1) * 6
    offsets = scene.rng.uniform(0, 1, 64).astype(np.float32)
    offset = offsets[np.floor(columns).astype(int) % len(offsets)]
    fall = ((scene.y + 1) * 0.75 - offset - scene.speed * scene.time * 1.3) % 1
    streak = scene.inside(0.16 - np.abs(columns % 1 - 0.5), 0.05)
    drops = streak * scene.inside(0.42 - fall, 0.03)
    return drops, np.zeros_like(drops)


def _siren(scene: Scene) -> tuple[Field, Field]:
    tall = scene.inside(0.3 - np.abs(scene.y))
    left = scene.inside(0.32 - np.abs(scene.x + 0.42)) * tall
    right = scene.inside(0.32 - np.abs(scene.x - 0.42)) * tall
    lit = (scene.swing(0.9) > 0).astype(np.float32)
    return lit * left + (1 - lit) * right, 0.5 * (lit * right + (1 - lit) * left)


def _telephone(scene: Scene) -> tuple[Field, Field]:
    x = scene.x + 0.05 * scene.swing(5.3)
    body = scene.inside(0.4 - np.abs(x)) * scene.inside(0.68 - np.abs(scene.y))
    across = np.abs(x / 0.24 - np.round(x / 0.24)) * 0.24
    down = np.abs(scene.y / 0.28 - np.round(scene.y / 0.28)) * 0.28
    face = scene.inside(0.33 - np.abs(x)) * scene.inside(0.56 - np.abs(scene.y))
    return body, scene.inside(0.075 - np.hypot(across, down)) * face


def _waves(scene: Scene) -> tuple[Field, Field]:
    crest = 0.28 * np.sin(4 * scene.x + scene.turns(0.4))
    swell = scene.inside(np.sin(5.2 * (scene.y + crest) + 2 * np.pi * scene.phase), 0.25)
    return swell, np.zeros_like(swell)


PAINTERS: dict[str, Painter] = {
    "Bell": _bell,
    "Bird": _bird,
    "Clock": _clock,
    "Drum": _drum,
    "Engine": _engine,
    "Fire": _fire,
    "Rain": _rain,
    "Siren": _siren,
    "Telephone": _telephone,
    "Waves": _waves,
}


def _colour(hue: float, saturation: float, value: float) -> Field:
    """HSV in 0..1 to RGB in 0..1, [3]."""
    offsets = (np.array([5, 3, 1]) + 6 * hue) % 6
    fall = np.clip(np.minimum(offsets, 4 - offsets), 0, 1)
    return np.asarray(value - value * saturation * fall, np.float32)


def _backdrop(rng: np.random.Generator, x: Field, y: Field) -> Field:
    """A dim, slightly graded background, [1, S, S, 3]."""
    flat = _colour(rng.random(), rng.uniform(0, 0.5), rng.uniform(0.1, 0.4))
    slope = rng.normal(0, 0.1, 2)
    grade = (slope[0] * x + slope[1] * y).astype(np.float32)
    return np.asarray(flat + grade[..., None], np.float32)


def paint(label: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The moving picture of one clip, uint8 [T, S, S, 3]; every choice is drawn from `rng`."""
    axis = np.linspace(-1, 1, FRAME_SIZE, dtype=np.float32)
    y, x = (grid[None] for grid in np.meshgrid(axis, axis, indexing="ij"))
    backdrop = _backdrop(rng, x, y)
    main = _colour(rng.random(), rng.uniform(0.3, 1), rng.uniform(0.75, 1))
    accent = _colour(rng.random(), rng.uniform(0.2, 1), rng.uniform(0.6, 1))
    shift_x, shift_y = rng.uniform(-0.25, 0.25, 2)
    scale = rng.uniform(0.75, 1.2)
    scene = Scene(
        x=((x - shift_x) / scale).astype(np.float32),
        y=((y - shift_y) / scale).astype(np.float32),
        time=(np.arange(FRAME_COUNT, dtype=np.float32) / FRAME_RATE)[:, None, None],
        phase=rng.random(),
        speed=rng.uniform(0.8, 1.25),
        edge=1.5 / FRAME_SIZE,
        rng=rng,
    )
    main_mask, accent_mask = (mask[..., None] for mask in PAINTERS[label](scene))
    picture = backdrop * (1 - main_mask) + main * main_mask
    picture = picture * (1 - accent_mask) + accent * accent_mask
    noise = rng.standard_normal(picture.shape, dtype=np.float32) * rng.uniform(0.01, 0.08)
    return (np.clip(picture + noise, 0, 1) * 255).astype(np.uint8)
