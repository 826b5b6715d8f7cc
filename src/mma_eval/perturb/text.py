"""Changes to the text around a sample: a false caption, irrelevant words, another option order."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field

from mma_eval.errors import UsageError
from mma_eval.perturb.base import Part, Perturbation, PerturbContext
from mma_eval.perturb.words import random_words
from mma_eval.seeded import SeededStream
from mma_eval.types import NONE_OF_THE_ABOVE, Filler, Sample, TextTokenizer


class Caption(Perturbation):
    """A caption that names a class which is neither seen nor heard; the prompt words it."""

    name: ClassVar[str] = "caption"
    touches: ClassVar[Part] = "caption"

    def apply(self, sample: Sample, context: PerturbContext) -> Sample:
        true = {sample.labels.visual, sample.labels.audio, sample.answer, NONE_OF_THE_ABOVE}
        false = sorted({*(context.classes or sample.options)} - true)
        if not false:
            raise UsageError(
                f"{self.name}: no class is left for the caption of the sample '{sample.id}';"
                " the dataset needs one beyond what is seen and heard"
            )
        stream = SeededStream(context.seeds.text, self.name, sample.id)
        return replace(sample, caption=stream.choice(false)).perturbed(self.name)


class LongContext(Perturbation):
    """Random common words before or after the question, as many as the parameters say."""

    name: ClassVar[str] = "long_context"
    touches: ClassVar[Part] = "filler"

    tokens: int = Field(default=10_000, gt=0)
    """How many tokens, or words where `unit` says so."""
    unit: Literal["tokens", "words"] = "tokens"
    place: Literal["before", "after"] = "after"

    def apply(self, sample: Sample, context: PerturbContext) -> Sample:
        names = (self.name, sample.id)
        if self.unit == "words":
            text = random_words(SeededStream(context.seeds.text, *names), self.tokens)
        else:
            tokenizer = self._required(context.tokenizer)
            text = _cut_to(tokenizer, self.tokens, context.seeds.text, names)
        recipe = (
            f"{self.name} seed={context.seeds.text} sample={sample.id}"
            f" unit={self.unit} count={self.tokens}"
        )
        filler = Filler(text, self.place, recipe, self.tokens if self.unit == "tokens" else None)
        return replace(sample, filler=filler).perturbed(self.name)

    def _required(self, tokenizer: TextTokenizer | None) -> TextTokenizer:
        if tokenizer is None:
            raise UsageError(
                f"{self.name}: this model's tokenizer is not known here, so nothing can be cut to "
                "a number of its tokens; ask the variant that counts words (TASK@words), or leave "
                "the task out"
            )
        return tokenizer


class ShuffleOptions(Perturbation):
    """The options in another order; `None of the above` stays last."""

    name: ClassVar[str] = "shuffle_options"
    touches: ClassVar[Part] = "options"

    def apply(self, sample: Sample, context: PerturbContext) -> Sample:
        stream = SeededStream(context.seeds.options, self.name, sample.id)
        named = [option for option in sample.options if option != NONE_OF_THE_ABOVE]
        last = [option for option in sample.options if option == NONE_OF_THE_ABOVE]
        options = (*stream.shuffled(named), *last)
        return replace(sample, options=options).perturbed(self.name)


def _cut_to(tokenizer: TextTokenizer, tokens: int, seed: int, names: tuple[str, ...]) -> str:
    """The head of the seeded words that has `tokens` tokens.

    A word is hardly ever less than a token, so as many words are enough almost always.
    """
    words = tokens
    while True:
        text = random_words(SeededStream(seed, *names), words)
        head = tokenizer.cut(text, tokens)
        if len(head) < len(text) or tokenizer.count(text) >= tokens:
            return head
        words *= 2
