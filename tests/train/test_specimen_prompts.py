"""The specimen is taught the very wordings that the tasks ask in."""

from __future__ import annotations

from typing import Any

import jinja2
import pytest

from mma_eval.demo.clips import CLASSES
from mma_eval.paths import data_folder
from mma_eval.train.specimen.prompts import (
    bare_question,
    class_question,
    reasoned_answer,
)
from mma_eval.types import NONE_OF_THE_ABOVE, Stream


@pytest.fixture(scope="module")
def templates() -> jinja2.Environment:
    folder = data_folder("tasks") / "mma_bench"
    return jinja2.Environment(loader=jinja2.FileSystemLoader(folder))


@pytest.mark.parametrize("ask", ["visual", "audio"])
@pytest.mark.parametrize("caption", [None, "Drum"])
@pytest.mark.parametrize("reason", [False, True])
def test_questions_are_those_of_the_tasks(
    templates: jinja2.Environment, ask: Stream, caption: str | None, reason: bool
) -> None:
    template = templates.get_template("classify_cot.jinja" if reason else "classify.jinja")
    options = [*CLASSES, NONE_OF_THE_ABOVE]
    values: dict[str, Any] = {"ask": ask, "options": options, "caption": caption}
    rendered = template.render(**values).strip()
    assert rendered == class_question(ask, options, caption=caption, reason=reason)
    assert bare_question(ask) in rendered


def test_reasoning_ends_as_demanded() -> None:
    for answer in (*CLASSES, NONE_OF_THE_ABOVE):
        assert reasoned_answer("audio", answer).endswith(f"Final Answer: {answer}")
