"""Both sides of the benchmark measure the same attention; memory and time are not asserted."""

from __future__ import annotations

import numpy as np

from benchmarks.attention_memory import measured_side


def test_both_sides_agree() -> None:
    full, reduced = (measured_side(side, "tiny", 300, "cpu") for side in ("full", "reduced"))
    np.testing.assert_allclose(full["mass"], reduced["mass"], atol=1e-5)
    assert measured_side("plain", "tiny", 300, "cpu")["mass"] is None
