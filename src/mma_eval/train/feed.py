"""From an example to what the decoder is fed and which tokens it shall answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from mma_eval.errors import ModalityMissingError
from mma_eval.eval.receive import prove_modalities
from mma_eval.models.local.fed_prompt import FedPrompt
from mma_eval.models.local.group_answers import GroupAnswerer
from mma_eval.train.pairs import Example
from mma_eval.train.projectors import ProjectedLate, Unprojected
from mma_eval.types import Answer, Generate, Group, Question, Status


@dataclass(frozen=True)
class TrainingPrompt:
    """A prompt as it is fed, and the ids of its answer, the token that ends it included."""

    fed: FedPrompt
    answer: tuple[int, ...]
    towers: tuple[Unprojected, ...] = ()
    """Of the streams that are projected within the step, in the order in which they are fed."""


class Prompts(torch.utils.data.Dataset[TrainingPrompt]):
    """Examples as prompts, encoded when they are asked for."""

    def __init__(
        self,
        answerer: GroupAnswerer[Any],
        examples: Sequence[Example],
        late: ProjectedLate | None = None,
    ) -> None:
        self._answerer, self._examples, self._late = answerer, examples, late

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, index: int) -> TrainingPrompt:
        return training_prompt(self._answerer, self._examples[index], self._late)


def training_prompt(
    answerer: GroupAnswerer[Any], example: Example, late: ProjectedLate | None = None
) -> TrainingPrompt:
    """The prompt as the evaluation asks it, and its target as the model would write it.

    `late` is what `answerer` asks where projectors are tuned.
    Raises MediaError, or ModalityMissingError for a stream of which no token came.
    """
    rendered = example.rendered
    media, before = rendered.sample.media, rendered.before_media
    question = Question(example.id, before, rendered.after_media, Generate())
    prepared = answerer.prepare(Group(media, before, (question,)))
    (prompt,) = prepared.prompts
    proof = prove_modalities(media, Answer(example.id, Status.OK, tokens=prompt.tokens))
    if proof.status is not Status.OK:
        raise ModalityMissingError(f"{example.id}: {proof.error}")
    answer = (*answerer.ids(rendered.target), answerer.end)
    towers = () if late is None else tuple(late.towers(media, answerer.features))
    return TrainingPrompt(answerer.fed(prepared, prompt), answer, towers)
