"""The page as HTML: escaped throughout, allowed to load nothing."""

from __future__ import annotations

import re
import unicodedata
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mma_eval.report.page.view import Page
from mma_eval.report.svg.palette import page_styles

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

FOLDER = Path(__file__).parent
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]"
)
"""Characters that a page drops, obeys or cannot write: controls, directions, half surrogates."""


def render_page(page: Page) -> str:
    """One HTML document."""
    style = base_style() + (FOLDER / "page.css").read_text(encoding="utf-8") + page_styles()
    script = (FOLDER / "page.js").read_text(encoding="utf-8")
    template = environment(FOLDER / "templates").get_template("page.html.jinja")
    return template.render(
        page=page, style=style, script=script, policy=content_policy(style, script)
    )


def base_style() -> str:
    """CSS that every page of the project begins with: colours, letters, tables, filters."""
    return (FOLDER / "base.css").read_text(encoding="utf-8")


def content_policy(style: str, script: str) -> str:
    """A content security policy under which only this style and this script count.

    Were hostile text ever to become markup, it could still neither run nor fetch.
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_hash(script)}'",
            f"style-src '{_hash(style)}'",
            "img-src data:",
            "media-src blob: file: 'self'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def visible(text: str) -> str:
    """`text` with the characters that cannot be seen spelled out; tabs and line ends stay."""
    return _UNSEEN.sub(lambda found: _spelled(found.group()), text)


def _spelled(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    name = unicodedata.name(character, "")
    return f"⟨U+{code:04X}{' ' + name if name else ''}⟩"


def environment(templates: Path) -> Environment:
    """Templates of a folder that escape what they print and spell out what cannot be seen."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    made.filters["breakable"] = _breakable
    made.filters["picture"] = _picture
    return made


def _finalize(value: Any) -> Any:
    """Applied to all that a template prints; what is markup already is our own."""
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return visible(value)
    return value


def _breakable(name: str) -> Markup:
    """A long name that may be broken after an underscore."""
    from markupsafe import Markup, escape

    return Markup("_<wbr>").join(escape(part) for part in visible(name).split("_"))


def _picture(svg: str) -> Markup:
    """A plot, which is markup of our own; a sign stands for what cannot be seen in its names."""
    from markupsafe import Markup

    return Markup(_UNSEEN.sub("\ufffd", svg))


def _hash(text: str) -> str:
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()
