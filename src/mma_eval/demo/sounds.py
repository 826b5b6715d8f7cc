"""Sounds of the demo classes, synthesised with numpy.

Each voice returns one clip's dry sound; level and background noise are added afterwards and do
not depend on the class.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Wave = NDArray[np.float64]

SAMPLE_RATE = 16_000
# Thirty-one AAC frames of 1024 samples: the encoder pads to whole frames, so the decoded sound is
# exactly as long as what went in (1.984 s).
SAMPLE_COUNT = 31 * 1024

Voice = Callable[[Wave, np.random.Generator], Wave]
"""Takes the time axis in seconds, [N], and returns the sound, [N], at any level."""


def _decay(time: Wave, start: float, length: float) -> Wave:
    """An exponential envelope that begins at `start` and falls by 1/e in `length` seconds."""
    since = time - start
    return np.where(since >= 0, np.exp(-np.clip(since, 0, None) / length), 0.0)


def _band(wave: Wave, low: float, high: float) -> Wave:
    """Keep `low` to `high` Hz with soft shoulders."""
    spectrum = np.fft.rfft(wave)
    hertz = np.fft.rfftfreq(len(wave), 1 / SAMPLE_RATE)
    rise = np.clip((hertz - low) / (0.05 * low + 20), -30, 30)
    fall = np.clip((hertz - high) / (0.05 * high + 20), -30, 30)
    gain = 1 / (1 + np.exp(-rise)) / (1 + np.exp(fall))
    return np.fft.irfft(spectrum * gain, len(wave))


def _tone(time: Wave, hertz: float | Wave) -> Wave:
    """A sine whose frequency may vary over time."""
    if isinstance(hertz, float):
        return np.sin(2 * np.pi * hertz * time)
    return np.sin(2 * np.pi * np.cumsum(hertz) / SAMPLE_RATE)


def _strokes(time: Wave, rng: np.random.Generator, latest: float, gap: float) -> list[float]:
    """Times of a regular beat: the first before `latest`, then every `gap` seconds."""
    return [float(start) for start in np.arange(rng.uniform(0, latest), time[-1], gap)]


def _bell(time: Wave, rng: np.random.Generator) -> Wave:
    pitch, length = rng.uniform(450, 950), rng.uniform(0.3, 0.6)
    wave = np.zeros_like(time)
    for start in _strokes(time, rng, 0.5, rng.uniform(0.7, 1.2)):
        for ratio, weight in ((1.0, 1.0), (2.0, 0.6), (2.76, 0.5), (5.4, 0.25)):
            ring = _decay(time, start, length / ratio**0.5)
            wave += weight * ring * np.sin(2 * np.pi * pitch * ratio * (time - start))
    return wave


def _bird(time: Wave, rng: np.random.Generator) -> Wave:
    wave = np.zeros_like(time)
    for _ in range(rng.integers(5, 10)):
        start, length = rng.uniform(0, time[-1] - 0.15), rng.uniform(0.06, 0.16)
        pitch, sweep = rng.uniform(2800, 4500), rng.uniform(5000, 15000) * rng.choice([-1, 1])
        since = np.clip(time - start, 0, length)
        wave += np.sin(np.pi * since / length) * np.sin(
            2 * np.pi * (pitch * since + 0.5 * sweep * since**2)
        )
    return wave


def _clock(time: Wave, rng: np.random.Generator) -> Wave:
    pitch = rng.uniform(1800, 3500)
    wave = np.zeros_like(time)
    for start in _strokes(time, rng, 0.2, 1 / rng.uniform(2.5, 5)):
        click = np.sin(2 * np.pi * pitch * (time - start)) + 0.7 * rng.standard_normal(len(time))
        wave += _decay(time, start, 0.015) * click
    return wave


def _drum(time: Wave, rng: np.random.Generator) -> Wave:
    pitch, length = rng.uniform(60, 130), rng.uniform(0.08, 0.18)
    wave = np.zeros_like(time)
    for start in _strokes(time, rng, 0.3, 1 / rng.uniform(1.8, 4)):
        since = np.clip(time - start, 0, None)
        thump = np.sin(2 * np.pi * pitch * since * (1 + 0.5 * np.exp(-30 * since)))
        snap = 0.15 * _decay(time, start, 0.02) * rng.standard_normal(len(time))
        wave += _decay(time, start, length) * thump + snap
    return wave


def _engine(time: Wave, rng: np.random.Generator) -> Wave:
    wobble = 1 + 0.05 * np.sin(2 * np.pi * rng.uniform(0.3, 1) * time)
    angle = 2 * np.pi * np.cumsum(rng.uniform(50, 110) * wobble) / SAMPLE_RATE
    wave = np.sum([np.sin(k * angle) / k for k in range(1, 16)], axis=0)
    return np.asarray(wave * (1 + 0.5 * np.sin(2 * np.pi * rng.uniform(8, 20) * time)))


def _fire(time: Wave, rng: np.random.Generator) -> Wave:
    samples = len(time)
    sparks = (rng.random(samples) < rng.uniform(20, 50) / SAMPLE_RATE).astype(np.float64)
    sparks *= rng.exponential(1, samples)
    crack = np.exp(-np.arange(200) / rng.uniform(15, 50)) * rng.standard_normal(200)
    rumble = _band(rng.standard_normal(samples), 100, 900)
    return np.convolve(sparks, crack)[:samples] + 0.1 * rumble


def _rain(time: Wave, rng: np.random.Generator) -> Wave:
    noise = rng.standard_normal(len(time))
    return _band(noise, rng.uniform(1500, 2800), rng.uniform(6500, 7900))


def _siren(time: Wave, rng: np.random.Generator) -> Wave:
    centre, depth = rng.uniform(800, 1300), rng.uniform(250, 500)
    sweep = np.sin(2 * np.pi * (rng.uniform(0.6, 1.8) * time + rng.random()))
    angle = 2 * np.pi * np.cumsum(centre + depth * sweep) / SAMPLE_RATE
    return np.asarray(np.sin(angle) + 0.4 * np.sin(2 * angle))


def _telephone(time: Wave, rng: np.random.Generator) -> Wave:
    low, high = rng.uniform(400, 650), rng.uniform(900, 1500)
    ringing = (time + rng.uniform(0, 0.6)) % 0.75 < 0.5
    upper = np.sin(2 * np.pi * rng.uniform(15, 25) * time) > 0
    return np.where(upper, _tone(time, high), _tone(time, low)) * ringing


def _waves(time: Wave, rng: np.random.Generator) -> Wave:
    surf = _band(rng.standard_normal(len(time)), 60, rng.uniform(500, 900))
    rate = rng.uniform(0.4, 0.9)
    return np.asarray(surf * (0.55 + 0.45 * np.sin(2 * np.pi * (rate * time + rng.random()))))


VOICES: dict[str, Voice] = {
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


def _unit_power(wave: Wave) -> Wave:
    return np.asarray(wave / (np.sqrt(np.mean(wave**2)) + 1e-9))


def synthesise(label: str, rng: np.random.Generator) -> NDArray[np.float32]:
    """The sound of one clip, float32 [1, N] in -1..1; every choice is drawn from `rng`."""
    time = np.arange(SAMPLE_COUNT) / SAMPLE_RATE
    dry = _unit_power(VOICES[label](time, rng))
    noise = rng.standard_normal(SAMPLE_COUNT)
    if rng.random() < 0.5:
        noise = _band(noise, 50, rng.uniform(500, 4000))
    decibels = rng.uniform(6, 26)
    wet = dry + _unit_power(noise) * 10 ** (-decibels / 20)
    level = rng.uniform(0.2, 0.9) / np.abs(wet).max()
    return np.asarray(wet * level, dtype=np.float32)[None]
