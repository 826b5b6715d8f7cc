"""A plot as a reader of its SVG finds it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from mma_eval.report.svg.lettering import text_width

_SVG = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True)
class Box:
    left: float
    top: float
    right: float
    bottom: float


class Picture:
    def __init__(self, svg: str) -> None:
        self.root = ElementTree.fromstring(svg)

    @property
    def size(self) -> tuple[float, float]:
        _, _, width, height = map(float, self.root.attrib["viewBox"].split())
        return width, height

    @property
    def texts(self) -> list[str]:
        return [element.text or "" for element in self._all("text")]

    @property
    def tasks(self) -> list[str]:
        return [group.attrib["data-task"] for group in self._all("g")]

    def shapes(self, task: str, tag: str, colour: str) -> list[Element]:
        """What is drawn of a kind for one task, in the colour of a role."""
        group = next(g for g in self._all("g") if g.attrib["data-task"] == task)
        return [shape for shape in group.iter(_SVG + tag) if colour in shape.get("class", "")]

    def tooltips(self, task: str) -> list[str]:
        """What the rectangles of a task say when pointed at."""
        return [title.text or "" for rect in self.shapes(task, "rect", "") for title in rect]

    def scale(self, at: int = 0) -> tuple[float, float]:
        """Where an axis, by its labels, has its 0 and its 100 %; `at` counts the axes."""
        places = {
            label: [float(t.attrib["x"]) for t in self._all("text") if t.text == label]
            for label in ("0", "100%")
        }
        right = sorted(places["100%"])[at]
        left = max(x for x in places["0"] if x < right)
        return left, right

    def boxes(self) -> Iterator[Box]:
        """The room of everything drawn; of text as estimated."""
        for element in self.root.iter():
            number = {
                name: float(value)
                for name, value in element.attrib.items()
                if re.fullmatch(r"-?[\d.]+", value)
            }
            tag = element.tag.removeprefix(_SVG)
            if tag == "rect":
                x, y = number["x"], number["y"]
                yield Box(x, y, x + number["width"], y + number["height"])
            elif tag == "line":
                xs, ys = sorted((number["x1"], number["x2"])), sorted((number["y1"], number["y2"]))
                yield Box(xs[0], ys[0], xs[1], ys[1])
            elif tag == "circle":
                x, y, radius = number["cx"], number["cy"], number["r"]
                yield Box(x - radius, y - radius, x + radius, y + radius)
            elif tag == "polygon":
                points = [tuple(map(float, p.split(","))) for p in element.attrib["points"].split()]
                xs, ys = sorted(p[0] for p in points), sorted(p[1] for p in points)
                yield Box(xs[0], ys[0], xs[-1], ys[-1])
            elif tag == "text":
                yield _text_box(element, number)

    def _all(self, tag: str) -> list[Element]:
        return list(self.root.iter(_SVG + tag))


def _text_box(element: Element, number: dict[str, float]) -> Box:
    x, y, size = number["x"], number["y"], number["font-size"]
    wide = text_width(element.text or "", size, bold="font-weight" in element.attrib)
    if "transform" in element.attrib:
        return Box(x - size, y - wide, x, y)
    start = {"start": x, "middle": x - wide / 2, "end": x - wide}[
        element.attrib.get("text-anchor", "start")
    ]
    return Box(start, y - size, start + wide, y + size / 4)
