"""Resampling by a windowed sinc, as models whose authors used torchaudio heard their sound.

Source: J. O. Smith, "Digital Audio Resampling" (CCRMA, Stanford), with the filter's width, roll-off
and Hann window that torchaudio documents as the defaults of its `Resample`.
"""

from __future__ import annotations

from math import ceil, gcd

import numpy as np
from numpy.typing import NDArray

ZERO_CROSSINGS = 6
ROLLOFF = 0.99


def sinc_resampled(samples: NDArray[np.float32], rate: int, wanted: int) -> NDArray[np.float32]:
    """Mono `[n]` at `rate` Hz as `[ceil(n * wanted / rate)]` at `wanted` Hz."""
    if rate == wanted:
        return samples
    from scipy.signal import upfirdn

    common = gcd(rate, wanted)
    up, down = wanted // common, rate // common
    kernel, centre = _kernel(up, down)
    made = upfirdn(kernel, samples.astype(np.float64), up, down)
    first, count = centre // down, ceil(len(samples) * up / down)
    missing = max(0, first + count - len(made))
    return np.pad(made, (0, missing))[first : first + count].astype(np.float32)


def _kernel(up: int, down: int) -> tuple[NDArray[np.float64], int]:
    """The low pass on a grid `up` times as fine as the input, and the place of its centre.

    The centre lies on a multiple of `down`, so that an output sample falls on it.
    """
    cutoff = ROLLOFF * min(up, down)
    half = ceil(ZERO_CROSSINGS * up * down / cutoff)
    centre = ceil(half / down) * down
    places = centre - np.arange(centre + half + 1)
    # A place is an input's distance from one of the `up` phases of the output. torchaudio has
    # those in single precision, which moves loud samples by a sixth of a 16-bit step.
    phases = -places * pow(down, -1, up) % up
    inputs = (places + phases * down) // up
    rounded = (phases / up).astype(np.float32)
    crossings = ((inputs / down - rounded) * cutoff).clip(-ZERO_CROSSINGS, ZERO_CROSSINGS)
    window = np.cos(np.pi * crossings / ZERO_CROSSINGS / 2) ** 2
    return np.sinc(crossings) * window * cutoff / down, centre
