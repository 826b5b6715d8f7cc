"""One colour for one meaning, in every plot, on light pages, dark pages and paper.

The hues follow Okabe and Ito (2008), "Color Universal Design"; shades differ too, so that they stay
apart in grey.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mma_eval.types import Attribution

Texture = Literal["rising", "falling", "dots", "lines", "grid"]


@dataclass(frozen=True)
class Colour:
    """A role with its shade on a light and on a dark page; `ink` is the text that lies on it."""

    role: str
    light: str
    dark: str
    ink: str = "#ffffff"
    texture: Texture | None = None


PAPER = Colour("paper", "#ffffff", "#14181d")
INK = Colour("ink", "#1b1f24", "#e8ebef")
MUTED = Colour("muted", "#59636e", "#a3adb8")
RULE = Colour("rule", "#d5dae0", "#39414b")
BAND = Colour("band", "#f4f6f8", "#1b2027")

VISUAL = Colour("visual", "#0067a5", "#58b0ea")
AUDIO = Colour("audio", "#c04a00", "#f58b45")
BOTH = Colour("both", "#59636e", "#a3adb8")

CORRECT = Colour("correct", "#00795b", "#00795b")
SOURCES = {
    Attribution.OTHER_MODALITY: Colour("other-modality", "#6f2f86", "#8a45a3"),
    Attribution.CAPTION: Colour("caption", "#b94c86", "#b94c86", "#ffffff", "rising"),
    Attribution.REMOVED: Colour("removed", "#f0c23b", "#f0c23b", "#1b1f24", "dots"),
    Attribution.ABSTENTION: Colour("abstention", "#62b5e5", "#62b5e5", "#1b1f24", "lines"),
    Attribution.OTHER_OPTION: Colour("other-option", "#b4bcc5", "#b4bcc5", "#1b1f24"),
    Attribution.SEVERAL_OPTIONS: Colour("several", "#59636e", "#59636e", "#ffffff", "falling"),
    Attribution.NOTHING: Colour("nothing", "#e4e7eb", "#e4e7eb", "#1b1f24", "grid"),
}
"""By what a wrong answer named."""

BEFORE = Colour("before", "#8a949e", "#8a949e")
AFTER = Colour("after", "#00795b", "#3fb992")
REPORTED = Colour("reported", "#59636e", "#a3adb8")
MISSING = Colour("missing", "#f4f6f8", "#1b2027", "#59636e", "rising")
TEXTURE_LIGHT = Colour("texture-light", "#ffffff", "#ffffff")
TEXTURE_DARK = Colour("texture-dark", "#8a949e", "#59636e")

_ASKED = {"visual": VISUAL, "audio": AUDIO}
_SHADES = ((246, 239, 222), (120, 163, 196), (13, 55, 99))


def asked_colour(ask: str | None) -> Colour:
    """By the stream that a question asks about."""
    return _ASKED.get(ask or "both", BOTH)


def shade(share: float) -> Colour:
    """From pale (0) to deep (1), the same on every page; text on it keeps a contrast of 4.5."""
    pale, middle, deep = _SHADES
    start, end, along = (pale, middle, 2 * share) if share < 0.5 else (middle, deep, 2 * share - 1)
    parts = [round(one + (two - one) * along) for one, two in zip(start, end, strict=True)]
    tone = "#" + "".join(f"{part:02x}" for part in parts)
    ink = max("#000000", "#ffffff", key=lambda text: contrast(tone, text))
    return Colour("shade", tone, tone, ink)


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two `#rrggbb` colours, 1 to 21 (WCAG 2.2, relative luminance)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


_PAGE_COLOURS = (
    PAPER,
    INK,
    MUTED,
    RULE,
    BAND,
    VISUAL,
    AUDIO,
    BOTH,
    CORRECT,
    *SOURCES.values(),
    BEFORE,
    AFTER,
    REPORTED,
    MISSING,
    TEXTURE_LIGHT,
    TEXTURE_DARK,
)


def page_styles() -> str:
    """CSS by which a page recolours its inline plots in dark mode.

    A page may set the custom properties (`--plot-ink`, `--plot-visual`, ...) itself. Without any of
    this a plot shows its light colours, which its elements carry as attributes.
    """
    light = "".join(f"--plot-{c.role}:{c.light};" for c in _PAGE_COLOURS)
    dark = "".join(f"--plot-{c.role}:{c.dark};" for c in _PAGE_COLOURS)
    rules = "".join(
        f".plot .fill-{c.role}{{fill:var(--plot-{c.role})}}"
        f".plot .line-{c.role}{{stroke:var(--plot-{c.role})}}\n"
        for c in _PAGE_COLOURS
    )
    return (
        f".plot{{{light}}}\n"
        f"@media screen and (prefers-color-scheme: dark){{.plot{{{dark}}}}}\n{rules}"
    )
