"""An SVG drawing, built as a tree so that no text can become markup."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from mma_eval.report.svg.lettering import BODY, shortened
from mma_eval.report.svg.palette import (
    INK,
    PAPER,
    TEXTURE_DARK,
    TEXTURE_LIGHT,
    Colour,
    Texture,
)

WIDE, NARROW = 720, 340
"""Natural widths in px: for a page or a README, and for a phone."""

_FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TILE = 6
_STROKES: dict[Texture, str] = {
    "rising": "M-1 1L1 -1M0 6L6 0M5 7L7 5",
    "falling": "M-1 5L1 7M0 0L6 6M5 -1L7 1",
    "dots": "M1.5 1.5h1.2v1.2h-1.2zM4.5 4.5h1.2v1.2h-1.2z",
    "lines": "M0 3H6",
    "grid": "M0 3H6M3 0V6",
}


class Drawing:
    """Shapes in px from the top left corner; `finish` gives the text of the SVG.

    Colours are attributes, so that any viewer shows them, and classes (`fill-ink`, `line-rule`), so
    that a page can restyle them. Elements added within `marked` belong together.
    """

    def __init__(self, width: int, title: str, description: str) -> None:
        self.width = width
        self._root = Element("svg", {"xmlns": "http://www.w3.org/2000/svg"})
        self._root.set("class", "plot")
        self._root.set("role", "img")
        self._root.set("aria-label", _clean(title))
        self._root.set("font-family", _FONTS)
        SubElement(self._root, "title").text = _clean(title)
        described = SubElement(self._root, "desc")
        described.text = _clean(description)
        self._names: list[tuple[Element, str, str]] = []
        self._name(described, "id", "{}-description")
        self._name(self._root, "aria-describedby", "{}-description")
        self._definitions = SubElement(self._root, "defs")
        self._textures: set[str] = set()
        self._background = SubElement(self._root, "rect", {"x": "0", "y": "0", "rx": "8"})
        _paint(self._background, "fill", PAPER)
        self._parent = self._root

    @contextmanager
    def marked(self, task: str, tooltip: str | None = None) -> Iterator[None]:
        """What is drawn within belongs to `task` and says `tooltip` when pointed at."""
        outer = self._parent
        self._parent = SubElement(outer, "g", {"data-task": _clean(task)})
        if tooltip is not None:
            SubElement(self._parent, "title").text = _clean(tooltip)
        yield
        self._parent = outer

    def rect(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        colour: Colour,
        *,
        corner: float = 0,
        outline: Colour | None = None,
        opacity: float = 1,
        tooltip: str | None = None,
    ) -> None:
        """A filled rectangle, with the colour's texture over it where it has one."""
        places = {"x": x, "y": y, "width": max(width, 0), "height": max(height, 0)}
        shape = self._shape("rect", places)
        _paint(shape, "fill", colour)
        shapes = [shape]
        if colour.texture is not None:
            over = self._shape("rect", places)
            self._name(over, "fill", f"url(#{{}}-{self._texture(colour)})")
            shapes.append(over)
        for each in shapes:
            if corner:
                each.set("rx", _number(corner))
            if opacity != 1:
                each.set("fill-opacity", _number(opacity))
        if outline is not None:
            _paint(shapes[-1], "stroke", outline)
        if tooltip is not None:
            SubElement(shapes[-1], "title").text = _clean(tooltip)

    def line(
        self,
        x1: float,
        y1: float,
        x2: float,
        y2: float,
        colour: Colour,
        *,
        thickness: float = 1,
        dash: str | None = None,
        round_ends: bool = False,
    ) -> None:
        """A straight line; `dash` as in `stroke-dasharray`."""
        shape = self._shape("line", {"x1": x1, "y1": y1, "x2": x2, "y2": y2})
        _paint(shape, "stroke", colour)
        shape.set("stroke-width", _number(thickness))
        if dash:
            shape.set("stroke-dasharray", dash)
        if round_ends:
            shape.set("stroke-linecap", "round")

    def polyline(
        self,
        corners: Sequence[tuple[float, float]],
        colour: Colour,
        *,
        thickness: float = 1,
        dash: str | None = None,
    ) -> None:
        """Straight lines from corner to corner."""
        shape = SubElement(self._parent, "polyline", {"fill": "none", "stroke-linejoin": "round"})
        shape.set("points", _corners(corners))
        _paint(shape, "stroke", colour)
        shape.set("stroke-width", _number(thickness))
        if dash:
            shape.set("stroke-dasharray", dash)

    def dot(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """A filled circle."""
        shape = self._shape("circle", {"cx": x, "cy": y, "r": radius})
        _paint(shape, "fill", colour)

    def diamond(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """A hollow diamond."""
        corners = ((x, y - radius), (x + radius, y), (x, y + radius), (x - radius, y))
        shape = SubElement(self._parent, "polygon")
        shape.set("points", _corners(corners))
        _paint(shape, "fill", PAPER)
        _paint(shape, "stroke", colour)
        shape.set("stroke-width", "2")

    def text(
        self,
        x: float,
        y: float,
        content: str,
        colour: Colour = INK,
        *,
        size: float = BODY,
        anchor: str = "start",
        bold: bool = False,
        room: float | None = None,
        turned: bool = False,
    ) -> None:
        """One line with its baseline at `y`; shortened to `room` px, whole when pointed at.

        `turned` text reads upwards.
        """
        shown = content if room is None else shortened(content, room, size, bold=bold)
        shape = self._shape("text", {"x": x, "y": y})
        _paint(shape, "fill", colour)
        shape.set("font-size", _number(size))
        if anchor != "start":
            shape.set("text-anchor", anchor)
        if bold:
            shape.set("font-weight", "600")
        if turned:
            shape.set("transform", f"rotate(-90 {_number(x)} {_number(y)})")
        shape.text = _clean(shown)
        if shown != content:
            SubElement(shape, "title").text = _clean(content)

    def finish(self, height: float) -> str:
        """The SVG as text; ids come from what is drawn, so plots on one page do not collide."""
        size = {"width": _number(self.width), "height": _number(math.ceil(height))}
        self._root.set("viewBox", f"0 0 {size['width']} {size['height']}")
        for name, value in size.items():
            self._root.set(name, value)
            self._background.set(name, value)
        if not len(self._definitions):
            self._root.remove(self._definitions)
        prefix = "plot-" + sha256(ElementTree.tostring(self._root)).hexdigest()[:10]
        for element, attribute, form in self._names:
            element.set(attribute, form.format(prefix))
        return ElementTree.tostring(self._root, encoding="unicode") + "\n"

    def _shape(self, tag: str, places: dict[str, float]) -> Element:
        return SubElement(
            self._parent, tag, {name: _number(value) for name, value in places.items()}
        )

    def _texture(self, colour: Colour) -> str:
        """The name of a tile with the colour's texture, drawn once per drawing."""
        assert colour.texture is not None
        over = TEXTURE_DARK if colour.role == "missing" else TEXTURE_LIGHT
        name = f"{colour.texture}-{over.role}"
        if name not in self._textures:
            self._textures.add(name)
            tile = SubElement(self._definitions, "pattern", {"patternUnits": "userSpaceOnUse"})
            tile.set("width", str(_TILE))
            tile.set("height", str(_TILE))
            self._name(tile, "id", f"{{}}-{name}")
            strokes = SubElement(tile, "path", {"d": _STROKES[colour.texture], "fill": "none"})
            _paint(strokes, "stroke", over)
            strokes.set("stroke-opacity", "0.7")
        return name

    def _name(self, element: Element, attribute: str, form: str) -> None:
        self._names.append((element, attribute, form))


def _corners(corners: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{_number(at)},{_number(to)}" for at, to in corners)


def _paint(shape: Element, attribute: str, colour: Colour) -> None:
    """Set `fill` or `stroke`, and the class by which a page finds it."""
    shape.set(attribute, colour.light)
    kind = "fill" if attribute == "fill" else "line"
    given = shape.get("class")
    name = f"{kind}-{colour.role}"
    shape.set("class", f"{given} {name}" if given else name)


def _number(value: float) -> str:
    """At most two decimals; raises ValueError for what is no place on a drawing."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is no coordinate")
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _clean(text: str) -> str:
    """Without the characters that XML forbids even when escaped."""
    return _NOT_XML.sub("\ufffd", text)
