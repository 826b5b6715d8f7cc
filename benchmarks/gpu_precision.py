"""How far precision and batching move scores and answers, and that both paths agree in fp32."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

import torch

from benchmarks.gpu_measurements import GB, Figure, asking, plain_inputs, texts
from benchmarks.questions import without_long
from benchmarks.random_thinker import Made
from mma_eval.models.local.options import score_options, score_options_one_by_one
from mma_eval.types import Group, ScoreOptions

SCORED = 4
"""Questions whose options are scored in both precisions."""
OPTIONS = ("Accordion", "Bird", "Brass instrument", "Canidae", "Cash register", "Door", "Frog")
LOGIT_TOLERANCE = 1e-2
"""Between the shared and the plain path in fp32; kernels of other shapes round otherwise."""


def batching(made: Made, groups: Sequence[Group]) -> list[Figure]:
    """How many answers another batch size changes."""
    answerer = made.model.answerer
    together = texts(made, groups)
    with asking(answerer, batch_size=1):
        alone = texts(made, groups)
    flips = sum(alone[name] != text for name, text in together.items())
    note = "random weights are full of near ties"
    return [Figure("flipped by batching", f"{flips} of {len(together)}", note=note)]


def precision(made: Made, groups: Sequence[Group]) -> list[Figure]:
    """Scores of options in the model's precision and in fp32, then both paths in fp32.

    Leaves the model in fp32.
    """
    model, device = made.model.answerer.thinker.model, made.device
    if device.type == "cuda":
        needed = 4.4 * made.parameters
        if needed > torch.cuda.get_device_properties(device).total_memory:
            return [Figure("fp32", None, note=f"needs {needed / GB:.0f} GB")]
        torch.backends.cudnn.allow_tf32 = False
    asked = _scoring(groups)
    coarse, coarse_apart = _scores(made, asked), _scores(made, asked, apart=True)
    made.model.answerer.features.clear()
    try:
        model.float()
    except torch.OutOfMemoryError:
        return [Figure("fp32", None, note="the device has too little memory for it")]
    fine, fine_apart = _scores(made, asked), _scores(made, asked, apart=True)
    gaps = _gaps(coarse, fine)
    same = sum(_best(one) == _best(two) for one, two in zip(coarse, fine, strict=True))
    logits = _logit_difference(made, without_long(groups[0]))
    return [
        Figure("option scores, mean difference to fp32", round(fmean(gaps), 4), "nats"),
        Figure("option scores, largest difference", round(max(gaps), 4), "nats"),
        Figure("same best option", f"{same} of {len(asked)}"),
        _apart(f"one forward or one each, {made.model.dtype}", coarse, coarse_apart),
        _apart("one forward or one each, fp32", fine, fine_apart),
        Figure(
            "shared and plain logits in fp32, largest difference",
            float(f"{logits:.2g}"),
            holds=logits < LOGIT_TOLERANCE,
        ),
    ]


def _scoring(groups: Sequence[Group]) -> list[Group]:
    """A few questions of different media, each asked for the likelihood of options."""
    request = ScoreOptions(OPTIONS)
    return [
        replace(group, questions=(replace(group.questions[0], request=request),))
        for group in map(without_long, groups[:SCORED])
    ]


def _scores(made: Made, groups: Sequence[Group], *, apart: bool = False) -> list[list[float]]:
    score = score_options_one_by_one if apart else score_options
    answerer, found = made.model.answerer, []
    options = [tuple(answerer.ids(option)) for option in OPTIONS]
    for group in groups:
        prepared = answerer.prepare(group)
        prefix, suffix = answerer.prefill(prepared), prepared.prompts[0].suffix
        scored = score(answerer.engine, prefix, suffix, options, answerer.end)
        found.append([one.log_likelihood for one in scored])
    return found


def _apart(name: str, together: list[list[float]], apart: list[list[float]]) -> Figure:
    largest = max(_gaps(together, apart))
    return Figure(f"{name}, largest difference", float(f"{largest:.2g}"), "nats")


def _gaps(one: list[list[float]], other: list[list[float]]) -> list[float]:
    """Differences between two scorings, option by option."""
    rows = zip(one, other, strict=True)
    return [abs(a - b) for left, right in rows for a, b in zip(left, right, strict=True)]


def _best(scores: Sequence[float]) -> int:
    return max(range(len(scores)), key=scores.__getitem__)


def _logit_difference(made: Made, group: Group) -> float:
    """Between the engine's logits after each prompt and those of a plain forward."""
    answerer = made.model.answerer
    prepared = answerer.prepare(group)
    prefix = answerer.prefill(prepared)
    with torch.inference_mode():
        batch = answerer.engine.ask(prefix, [prompt.suffix for prompt in prepared.prompts])
    largest = 0.0
    for prompt, shared in zip(prepared.prompts, batch.logits, strict=True):
        plain = made.plain.logits(plain_inputs(made, group, prompt.question))[-1]
        largest = max(largest, float((plain - shared).abs().max()))
    return largest
