"""Attention by modality over a plan's samples (section 4.2 of the paper).

Each clip is encoded once and its media go through the decoder once; only the question's tokens
are fed again for every question.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mma_eval.diagnose.measured import STREAMS, AttentionRun, Measured, QueryKind, StreamAttention
from mma_eval.diagnose.open_samples import (
    KeyedSample,
    OpenGroup,
    OpenSamples,
    SampleName,
    white_box,
)
from mma_eval.diagnose.origin import one_dataset, origin_of
from mma_eval.diagnose.spool import Spool
from mma_eval.eval.ask import RunProgress
from mma_eval.eval.plan import Plan, PlannedSample, PlannedTask, generation
from mma_eval.eval.task_names import condition_of
from mma_eval.types import Generate

if TYPE_CHECKING:
    from mma_eval.models.local.group_answers import GroupAnswerer, PreparedGroup, Prompt
    from mma_eval.models.local.prefix import Prefix

SPOOL = "samples"
"""The folder of what each sample gave, within that of the whole."""


def measure_attention(
    plan: Plan, query: QueryKind, folder: Path, progress: RunProgress
) -> AttentionRun:
    """Measure every sample of `plan` and save the whole in `folder`.

    Samples are kept as they come: the same call continues where an earlier one was stopped.
    Clips that cannot be read, prompts that do not fit and samples that memory has no room for are
    named in `skipped`. Raises UsageError for a model that cannot be looked into.
    """
    dataset = one_dataset(plan)
    answerer = white_box(plan.model)
    origin = origin_of(plan, dataset, answerer.asking.version)
    decoder = answerer.engine.decoder
    heads = int(decoder.config.num_attention_heads)
    spool = Spool(folder / SPOOL, len(decoder.layers), heads)
    samples = OpenSamples(plan, lambda sample: greedy(plan, sample), progress)
    known: dict[str, StreamAttention] = {}
    progress.begin(plan.size)

    def key(one: KeyedSample) -> str:
        wanted = greedy(plan, one.sample) if query == "generated" else None
        return f"{query} {wanted} {one.key}"

    def is_new(one: KeyedSample) -> bool:
        found = spool.get(key(one))
        if found is not None:
            known[one.sample.id] = found
            progress.advance(1)
        return found is None

    for group in samples.groups(is_new):
        for one, found in _measured(answerer, group, query, samples):
            spool.put(key(one), found)
            known[one.sample.id] = found
            progress.advance(1)
    samples.check_any(len(known))
    run = AttentionRun(
        origin=origin,
        query=query,
        measured=tuple(_of_task(planned, samples, known, spool) for planned in plan.tasks),
        skipped=tuple(samples.skipped),
    )
    run.save(folder)
    return run


def greedy(plan: Plan, sample: PlannedSample) -> Generate:
    """The request for a sample's greedy answer."""
    return replace(generation(sample.task, plan.model.card, plan.settings), temperature=0.0)


def _measured(
    answerer: GroupAnswerer[Any], group: OpenGroup, query: QueryKind, samples: OpenSamples
) -> list[tuple[KeyedSample, StreamAttention]]:
    measured = []
    try:
        prefix = answerer.prefill(group.prepared)
    except Exception as error:
        for one, _ in group.asked:
            samples.skip(one.sample, error)
        return []
    for one, prompt in group.asked:
        try:
            found = prompt_attention(answerer, group.prepared, prefix, prompt, query)
        except Exception as error:
            samples.skip(one.sample, error)
            continue
        measured.append((one, found))
    return measured


def prompt_attention(
    answerer: GroupAnswerer[Any],
    prepared: PreparedGroup,
    prefix: Prefix,
    prompt: Prompt,
    query: QueryKind,
) -> StreamAttention:
    """Attention under one question, whose group's head `prefix` holds."""
    from mma_eval.diagnose.reduced import attention_to_streams

    end = prepared.length + len(prompt.suffix)
    text, rows = prompt.suffix, range(end - 1, end)
    if query == "question":
        rows = range(prepared.length, end)
    elif query == "generated":
        written, steps = greedy_answer(answerer, prefix, prompt)
        rows = range(end - 1, end - 1 + steps)
        text = (*text, *written[: steps - 1])
    spans = answerer.fed(prepared, prompt).spans
    return attention_to_streams(answerer.engine, prefix, text, spans, rows)


def greedy_answer(
    answerer: GroupAnswerer[Any], prefix: Prefix, prompt: Prompt
) -> tuple[tuple[int, ...], int]:
    """Ids of a prompt's greedy answer, and how many steps wrote it, that of its end included."""
    from mma_eval.models.local.prefix import Row

    request = prompt.question.request
    assert isinstance(request, Generate)
    (made,) = answerer.engine.generate(prefix, [Row(prompt.suffix, request, prompt.question.id)])
    return made.ids, len(made.ids) + (made.finish == "stop")


def _of_task(
    planned: PlannedTask, samples: OpenSamples, known: dict[str, StreamAttention], spool: Spool
) -> Measured:
    names = [one for one in samples.names.get(planned.task.name, ()) if one.planned in known]
    return _together(planned, names, [known[one.planned] for one in names], spool)


def _together(
    planned: PlannedTask, names: list[SampleName], found: list[StreamAttention], spool: Spool
) -> Measured:
    n, streams = len(names), len(STREAMS)
    shape = (n, spool.layers, spool.heads, streams)
    return Measured(
        task=planned.task.name,
        ask="both" if planned.task.ask == "row" else planned.task.ask,
        condition=condition_of(planned.task.name),
        samples=tuple(name.id for name in names),
        clips=tuple(name.clip for name in names),
        sources=tuple(name.source for name in names),
        mass=np.array([one.mass for one in found], dtype=np.float64).reshape(shape),
        squares=np.array([one.squares for one in found], dtype=np.float64).reshape(shape),
        tokens=np.array([one.tokens for one in found], dtype=np.int64).reshape(n, streams),
    )
