"""The page as HTML: escaped throughout, allowed to load nothing."""

from __future__ import annotations

from pathlib import Path

from mma_eval.leaderboard.board import Board
from mma_eval.leaderboard.site.build import build_site
from mma_eval.report.page.render import base_style, content_policy, environment

FOLDER = Path(__file__).parent
SCRIPTS = ("rows", "pictures", "comparison", "details", "main")
"""Parts of the page's script, each using those before it."""


def render_site(board: Board) -> str:
    """One HTML document, the same for the same board."""
    style = base_style() + (FOLDER / "site.css").read_text(encoding="utf-8")
    script = '"use strict";\n' + "".join(
        (FOLDER / "script" / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS
    )
    template = environment(FOLDER / "templates").get_template("site.html.jinja")
    return template.render(
        page=build_site(board), style=style, script=script, policy=content_policy(style, script)
    )
