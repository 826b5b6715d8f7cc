"""What a page holds before any script runs, for tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class ReadTable:
    """The texts of a table's head, and of each row by the row's id."""

    caption: str = ""
    head: list[str] = field(default_factory=list)
    rows: dict[str, list[str]] = field(default_factory=dict)


class PlainPage(HTMLParser):
    """Tables, links, anchors, elements and attributes of a page; cells end where others start."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[ReadTable] = []
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self._caption = False
        self._cell: list[str] | None = None
        self._script = False
        self.feed(html)
        for table in self.tables:
            table.head = [cell.strip() for cell in table.head]
            table.rows = {row: [c.strip() for c in cells] for row, cells in table.rows.items()}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.elements.append(tag)
        self.attributes += given.items()
        self._script = tag in ("script", "style")
        if tag == "table":
            self.tables.append(ReadTable())
        elif tag == "caption":
            self._caption = True
        elif tag == "tr" and "data-row" in given:
            self.tables[-1].rows[given["data-row"]] = []
            self._cell = None
        elif tag in ("td", "th"):
            table = self.tables[-1]
            self._cell = list(table.rows.values())[-1] if table.rows else table.head
            self._cell.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._script = False
        elif tag == "caption":
            self._caption = False
        elif tag == "table":
            self._cell = None

    def handle_data(self, data: str) -> None:
        if self._script:
            return
        self.text += data
        if self._caption:
            self.tables[-1].caption += data
        elif self._cell is not None:
            self._cell[-1] += data

    @property
    def anchors(self) -> set[str]:
        return {value for name, value in self.attributes if name == "id"}

    @property
    def fragments(self) -> set[str]:
        """Where links within the page lead."""
        return {v[1:] for name, v in self.attributes if name == "href" and v.startswith("#")}
