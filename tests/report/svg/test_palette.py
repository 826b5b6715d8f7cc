"""Colours that can be read, also by eyes that see fewer of them."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Literal

import pytest

from mma_eval.report.svg.palette import (
    AFTER,
    AUDIO,
    BAND,
    BEFORE,
    CORRECT,
    INK,
    MUTED,
    PAPER,
    SOURCES,
    VISUAL,
    Colour,
    contrast,
    page_styles,
    shade,
)

Mode = Literal["light", "dark"]

# Machado, Oliveira and Fernandes (2009), severity 1.0, on linear RGB.
DEFICIENCIES = {
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
JUST_NOTICEABLE = 2.3


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    # Luminance of pure red by definition: 0.2126.
    assert contrast("#ff0000", "#000000") == pytest.approx((0.2126 + 0.05) / 0.05)


@pytest.mark.parametrize("colour", [INK, MUTED, VISUAL, AUDIO], ids=lambda colour: colour.role)
@pytest.mark.parametrize("under", [PAPER, BAND], ids=lambda colour: colour.role)
def test_text_reaches_the_contrast_of_wcag_aa(colour: Colour, under: Colour) -> None:
    assert contrast(colour.light, under.light) >= 4.5
    assert contrast(colour.dark, under.dark) >= 4.5


@pytest.mark.parametrize("colour", [CORRECT, *SOURCES.values()], ids=lambda colour: colour.role)
def test_numbers_on_bars_do_too(colour: Colour) -> None:
    assert contrast(colour.light, colour.ink) >= 4.5
    assert contrast(colour.dark, colour.ink) >= 4.5


def test_numbers_on_cells_do_at_every_shade() -> None:
    cells = [shade(percent / 100) for percent in range(101)]
    assert min(contrast(cell.light, cell.ink) for cell in cells) >= 4.5


def test_shades_grow_deeper_with_every_step() -> None:
    against_black = [
        contrast(shade(percent / 100).light, "#000000") for percent in range(0, 101, 5)
    ]
    assert against_black == sorted(set(against_black), reverse=True)


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_colours_that_stand_together_differ_for_every_eye(deficiency: str, mode: Mode) -> None:
    groups = [[VISUAL, AUDIO], [BEFORE, AFTER], [CORRECT, *SOURCES.values()]]
    for one, two in (pair for group in groups for pair in combinations(group, 2)):
        difference = math.dist(*(_seen(getattr(c, mode), deficiency) for c in (one, two)))
        assert difference > 4 * JUST_NOTICEABLE, (one.role, two.role)


def test_the_page_can_restyle_every_role() -> None:
    styles = page_styles()
    for colour in (INK, PAPER, VISUAL, AUDIO, CORRECT, *SOURCES.values(), BEFORE, AFTER):
        assert f".plot .fill-{colour.role}{{fill:var(--plot-{colour.role})}}" in styles
        assert f"--plot-{colour.role}:{colour.light};" in styles
        assert f"--plot-{colour.role}:{colour.dark};" in styles


def _seen(colour: str, deficiency: str) -> tuple[float, float, float]:
    """CIE L*a*b* (D65) of a colour as it is seen."""
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    ]
    red, green, blue = (
        min(max(sum(a * b for a, b in zip(row, linear, strict=True)), 0), 1)
        for row in DEFICIENCIES[deficiency]
    )
    xyz = (
        (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505,
        0.2126 * red + 0.7152 * green + 0.0722 * blue,
        (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089,
    )
    x, y, z = (t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116 for t in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)
