"""Which input tokens each output token was read from: one heat map a sample (paper, Fig. 19)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator

from mma_eval.diagnose.measure import greedy, greedy_answer
from mma_eval.diagnose.measured import Stream
from mma_eval.diagnose.open_samples import KeyedSample, OpenSamples, white_box
from mma_eval.diagnose.origin import Origin, one_dataset, origin_of
from mma_eval.errors import UnknownNameError
from mma_eval.eval.evaluate import NoProgress
from mma_eval.eval.plan import Plan
from mma_eval.json_file import read_json, write_json

if TYPE_CHECKING:
    from mma_eval.models.local.fed_prompt import Span
    from mma_eval.models.local.group_answers import GroupAnswerer, PreparedGroup, Prompt
    from mma_eval.models.local.prefix import Prefix

MOST_ROWS = 32
MOST_COLUMNS = 400
END = "<end>"
"""The row of the step that ended the answer."""
LARGEST_BYTES = 16_000_000


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", protected_namespaces=(), allow_inf_nan=False
    )


class InputTokens(_Part):
    """One column: neighbouring input tokens of one stretch of the prompt."""

    text: str
    """'' for tokens that are no text."""
    stream: Stream
    tokens: int


class TokenMap(_Part):
    """Attention of the steps that wrote an answer to the tokens of its prompt, in one layer."""

    format: Literal[1] = 1
    origin: Origin
    task: str
    sample: str
    layer: int
    layers: int
    output: tuple[str, ...]
    """The token that each row's step wrote, at most MOST_ROWS of them."""
    cut: bool
    """Whether the answer has more tokens."""
    input: tuple[InputTokens, ...]
    attention: tuple[tuple[float, ...], ...]
    """Mean over heads and over the tokens of a column. A row's sum over tokens lacks what falls on
    the output tokens before it."""

    @model_validator(mode="after")
    def _is_a_matrix(self) -> TokenMap:
        shape = (len(self.output), {len(self.input)})
        if (len(self.attention), {len(row) for row in self.attention}) != shape:
            raise ValueError("the attention has not a row for each output and a column for each in")
        return self

    @property
    def matrix(self) -> NDArray[np.float64]:
        """`[output, input]`."""
        return np.array(self.attention, dtype=np.float64)

    def save(self, path: Path) -> None:
        """Write JSON whole; raises StoreError."""
        write_json(path, self)

    @classmethod
    def load(cls, path: Path) -> TokenMap:
        """Read what `save` wrote; raises FileError."""
        return read_json(path, cls, LARGEST_BYTES, "a map of tokens")


def token_maps(plan: Plan, chosen: Collection[str]) -> tuple[TokenMap, ...]:
    """A map of the last layer for each of the plan's samples named `<task>:<clip>/<ask>`.

    Raises UsageError for a name that the plan does not have or a model that cannot be looked into,
    MediaError where no chosen sample could be read.
    """
    _check_names(plan, chosen)
    answerer = white_box(plan.model)
    samples = OpenSamples(plan, lambda sample: greedy(plan, sample), NoProgress())
    made: dict[str, TokenMap] = {}
    for group in samples.groups(lambda one: one.sample.id in chosen):
        prefix = answerer.prefill(group.prepared)
        for one, prompt in group.asked:
            made[one.sample.id] = _map(plan, answerer, group.prepared, prefix, one, prompt)
    samples.check_any(len(made))
    return tuple(made[name] for name in chosen if name in made)


def _check_names(plan: Plan, chosen: Collection[str]) -> None:
    known = [plan.sample(planned, row).id for planned in plan.tasks for row in planned.rows]
    for name in chosen:
        if name not in known:
            raise UnknownNameError("sample", name, known)


def _map(
    plan: Plan,
    answerer: GroupAnswerer[Any],
    prepared: PreparedGroup,
    prefix: Prefix,
    one: KeyedSample,
    prompt: Prompt,
) -> TokenMap:
    from mma_eval.diagnose.reduced import LayerRows, watched

    written, steps = greedy_answer(answerer, prefix, prompt)
    output = [_read(answerer, token) for token in written] + [END] * (steps - len(written))
    rows = min(steps, MOST_ROWS)
    end, layers = prepared.length + len(prompt.suffix), len(answerer.engine.decoder.layers)
    seen = LayerRows(layers - 1, end - 1, end - 1 + rows)
    watched(answerer.engine, prefix, (*prompt.suffix, *written[: rows - 1]), seen)
    spans = answerer.fed(prepared, prompt).spans
    columns = pooled(spans, MOST_COLUMNS)
    attention = seen.rows[:, :end].numpy()
    texts = _texts(answerer, prefix, prompt, spans)
    return TokenMap(
        origin=origin_of(plan, one_dataset(plan), answerer.asking.version),
        task=one.sample.task.name,
        sample=one.sample.rendered.sample.id,
        layer=layers - 1,
        layers=layers,
        output=tuple(output[:rows]),
        cut=steps > rows,
        input=tuple(
            InputTokens(
                text="".join(texts[span.start : span.stop]),
                stream=span.stream,
                tokens=span.stop - span.start,
            )
            for span in columns
        ),
        attention=tuple(
            tuple(float(row[span.start : span.stop].mean()) for span in columns)
            for row in attention
        ),
    )


def pooled(spans: Sequence[Span], most: int) -> list[Span]:
    """Pieces of the spans, `most` in all, or one a span where there are more spans than that.

    Text keeps its single tokens as long as it can.
    """
    text = sum(span.stop - span.start for span in spans if span.stream == "text")
    media = sum(span.stream != "text" for span in spans)
    for size in count(1):
        whole_text = text + media <= most
        made = [
            replace(span, start=start, stop=min(start + width, span.stop))
            for span in spans
            for width in [1 if whole_text and span.stream == "text" else size]
            for start in range(span.start, span.stop, width)
        ]
        if len(made) <= max(most, len(spans)):
            return made
    raise AssertionError("unreachable")


def _texts(
    answerer: GroupAnswerer[Any], prefix: Prefix, prompt: Prompt, spans: Sequence[Span]
) -> list[str]:
    """The text of every token of a prompt, '' for media."""
    places = [
        place for span in spans if span.stream == "text" for place in range(span.start, span.stop)
    ]
    texts = [""] * (prefix.length + len(prompt.suffix))
    ids: Sequence[int] = (*prefix.ids, *prompt.suffix)
    # Ids of a head count its media's placeholders too, or its text alone.
    named = ids if len(ids) == len(texts) else None
    for number, place in enumerate(places):
        texts[place] = _read(answerer, named[place] if named is not None else ids[number])
    return texts


def _read(answerer: GroupAnswerer[Any], token: int) -> str:
    """A token's text; its number where it is a mark that no text shows."""
    return answerer.read([token]) or f"<{token}>"
