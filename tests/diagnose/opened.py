"""Plans and opened prompts that several tests of the diagnosis look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mma_eval.eval.plan import Plan, make_plan
from mma_eval.eval.settings import settings_from
from mma_eval.media.source import Media
from mma_eval.models.local.fed_prompt import FedPrompt
from mma_eval.models.local.group_answers import GroupAnswerer, Prompt
from mma_eval.types import Generate, Group, Question


def plan_on(manifest: Path, tasks: str, **settings: Any) -> Plan:
    """Tasks on a manifest's clips, asked of the tiny checkpoint unless another model is named."""
    values = {"model": "tiny-omni", "tasks": tuple(tasks.split(",")), "dataset": str(manifest)}
    return make_plan(settings_from({**values, **settings}, None))


def opened(answerer: GroupAnswerer[Any], media: Media) -> tuple[Any, Prompt, FedPrompt]:
    """A question on `media`: its group prepared, its prompt, and the prompt whole."""
    question = Question("q", "Look. ", "What is it? Bird, Cat", Generate(4))
    prepared = answerer.prepare(Group(media, "Look. ", (question,)))
    (prompt,) = prepared.prompts
    return prepared, prompt, answerer.fed(prepared, prompt)
