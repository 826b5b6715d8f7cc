"""What a device makes of the shared-prefix path: speed, kernels, and what it does out of memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle, islice
from typing import Any, TypeVar

import torch

from benchmarks.questions import is_long, plain_reply, without_long
from benchmarks.random_thinker import Made
from mma_eval.models.local.prefix import Row
from mma_eval.models.qwen.answers import Answerer
from mma_eval.types import Answer, Generate, Group, Question, Status

T = TypeVar("T")
Texts = dict[str, str]

GB = 10**9
AT_ONCE = (1, 16)
"""Rows whose decoding is timed."""
DECODED = 32
"""Tokens an answer when decoding is timed."""
CROWD = 64
"""Rows that memory is made too small for."""
CROWD_TOKENS = 4
ROOM = 0.3
"""Of the memory between one row and all of them, what the crowd is left with."""


@dataclass(frozen=True)
class Figure:
    """One line of the report; without a value the note says why there is none."""

    name: str
    value: float | int | str | None
    unit: str = ""
    note: str = ""
    holds: bool = True
    """False where the harness does not do what it promises."""


def stopwatch(device: torch.device, work: Callable[[], T]) -> tuple[T, float]:
    """What `work` returns, and the seconds until the device had done all of it."""
    _wait(device)
    started = time.perf_counter()
    made = work()
    _wait(device)
    return made, time.perf_counter() - started


def peak(device: torch.device, work: Callable[[], T]) -> tuple[T, int | None]:
    """What `work` returns, and the most bytes reserved on the way; None where none are counted."""
    if device.type != "cuda":
        return work(), None
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    made = work()
    _wait(device)
    return made, torch.cuda.max_memory_reserved(device)


def _gigabytes(size: float) -> float:
    return float(f"{size / GB:.3g}")


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@contextmanager
def asking(answerer: Answerer, **changes: Any) -> Iterator[None]:
    """Ask otherwise for a while."""
    before = answerer.asking
    answerer.asking = replace(before, **changes)
    try:
        yield
    finally:
        answerer.asking = before


def answers(made: Made, groups: Sequence[Group]) -> list[Answer]:
    """All groups from cold: nothing encoded is left from before."""
    made.model.answerer.features.clear()
    return list(made.model.answer(groups))


def texts(made: Made, groups: Sequence[Group]) -> Texts:
    """The text of every answer; raises SystemExit for one that failed or lacks a stream."""
    found = {}
    for answer in answers(made, groups):
        fed = answer.tokens
        if answer.status is not Status.OK or answer.text is None:
            raise SystemExit(f"{answer.question_id} failed: {answer.status}: {answer.error}")
        if fed is None or not (fed.video and fed.audio):
            raise SystemExit(f"{answer.question_id} was answered without tokens of both streams")
        found[answer.question_id] = answer.text
    return found


def making(made: Made) -> list[Figure]:
    """Of the weights; there is no file to read, so no time of loading one."""
    held = sum(one.nbytes for one in made.model.answerer.thinker.model.parameters())
    return [
        Figure("parameters", made.parameters),
        Figure("weights", _gigabytes(held), "GB"),
        Figure("made on the device in", round(made.seconds, 1), "s", "random, not read from disk"),
    ]


def stages(made: Made, groups: Sequence[Group]) -> list[Figure]:
    """Seconds to encode a clip, and tokens a second where media and questions are fed."""
    answerer, device = made.model.answerer, made.device
    engine = answerer.engine
    encoding, prefilling, heads = 0.0, 0.0, 0
    written, writing = dict.fromkeys(AT_ONCE, 0), dict.fromkeys(AT_ONCE, 0.0)
    answerer.features.clear()
    for group in map(without_long, groups):
        prepared, spent = stopwatch(device, partial(answerer.prepare, group))
        encoding += spent
        prefix, spent = stopwatch(device, partial(answerer.prefill, prepared))
        prefilling, heads = prefilling + spent, heads + prefix.length
        suffixes = [prompt.suffix for prompt in prepared.prompts]
        for rows in AT_ONCE:
            chosen = list(islice(cycle(suffixes), rows))
            tokens, spent = _decoding(device, engine, prefix, chosen)
            written[rows], writing[rows] = written[rows] + tokens, writing[rows] + spent
    each = encoding / len(groups)
    return [
        Figure("encoding a sample's media", round(1000 * each, 1), "ms"),
        Figure("tokens of media and system prompt", round(heads / len(groups)), "a sample"),
        Figure("prefill", round(heads / prefilling), "tokens/s"),
        *(_rate(f"decoding, {rows} at once", written[rows], writing[rows]) for rows in AT_ONCE),
    ]


def _decoding(
    device: torch.device, engine: Any, prefix: Any, suffixes: Sequence[tuple[int, ...]]
) -> tuple[int, float]:
    """Tokens after the first, all rows together, and the seconds that these took."""

    def run(tokens: int) -> int:
        request = Generate(tokens)
        rows = [Row(ids, request, str(place)) for place, ids in enumerate(suffixes)]
        return sum(len(one.ids) for one in engine.generate(prefix, rows))

    run(1)
    first, start = stopwatch(device, partial(run, 1))
    whole, spent = stopwatch(device, partial(run, DECODED))
    return whole - first, spent - start


def _rate(name: str, tokens: int, seconds: float) -> Figure:
    if tokens <= 0 or seconds <= 0:
        return Figure(name, None, note="too short to tell")
    return Figure(name, round(tokens / seconds, 1), "tokens/s")


def paths(made: Made, groups: Sequence[Group]) -> list[Figure]:
    """Answers a second, shared and plain, with and without the questions of a long context."""
    device = made.device
    brief = [without_long(group) for group in groups]
    (fast, seconds), most = peak(device, partial(stopwatch, device, partial(texts, made, groups)))
    _, short = stopwatch(device, partial(texts, made, brief))
    (slow, spent), plain_most = peak(device, partial(plainly, made, groups))
    plain_short = sum(each for name, each in spent.items() if not is_long(name))
    asked = sum(len(group.questions) for group in brief)
    return [
        *_beside("all questions", len(fast), seconds, sum(spent.values())),
        *_beside("without long context", asked, short, plain_short),
        _memory("peak memory, shared", most),
        _memory("peak memory, plain", plain_most),
        _agreement("same text on both paths", fast, slow),
    ]


def plainly(made: Made, groups: Sequence[Group]) -> tuple[Texts, dict[str, float]]:
    """Text and seconds of `generate()` by question; making its inputs is not counted."""
    found, spent = Texts(), dict[str, float]()
    for group in groups:
        for question in group.questions:
            request = question.request
            assert isinstance(request, Generate)
            inputs, tokens = plain_inputs(made, group, question), request.max_new_tokens
            reply = partial(plain_reply, made.plain, inputs, tokens)
            found[question.id], spent[question.id] = stopwatch(made.device, reply)
    return found, spent


def plain_inputs(made: Made, group: Group, question: Question) -> dict[str, Any]:
    """A whole prompt on the model's device, media in its precision."""
    inputs = made.plain.inputs(group.media, group.before_media, question.after_media)
    model = made.plain.model
    for name, value in inputs.items():
        if isinstance(value, torch.Tensor):
            media = name in ("pixel_values_videos", "input_features")
            inputs[name] = value.to(made.device, model.dtype if media else value.dtype)
    return inputs


def _beside(what: str, asked: int, shared: float, plain: float) -> list[Figure]:
    return [
        Figure(f"{what}, shared", round(asked / shared, 2), "answers/s"),
        Figure(f"{what}, plain", round(asked / plain, 2), "answers/s"),
        Figure(f"{what}, ratio", round(plain / shared, 2), "x"),
    ]


def _memory(name: str, most: int | None) -> Figure:
    if most is None:
        return Figure(name, None, note="only a GPU counts it")
    return Figure(name, _gigabytes(most), "GB")


def _agreement(name: str, one: Texts, other: Texts, note: str = "") -> Figure:
    same = sum(one[question] == text for question, text in other.items())
    return Figure(name, f"{same} of {len(other)}", note=note)


def kernels(made: Made, groups: Sequence[Group], installed: bool) -> list[Figure]:
    """Flash attention beside sdpa, the same questions on the same weights."""
    if not installed:
        return [Figure("flash_attention_2", None, note="not installed")]
    if made.device.type != "cuda" or made.model.dtype == "fp32":
        return [Figure("flash_attention_2", None, note="runs on a GPU in 16 bits only")]
    model, found = made.model.answerer.thinker.model, []
    usual, seconds = stopwatch(made.device, lambda: texts(made, groups))
    model.set_attn_implementation("flash_attention_2")
    try:
        texts(made, groups[:1])
        other, flash = stopwatch(made.device, lambda: texts(made, groups))
    finally:
        model.set_attn_implementation(made.model.settings.attention)
    for name, spent in (("sdpa", seconds), ("flash_attention_2", flash)):
        found.append(Figure(name, round(len(usual) / spent, 2), "answers/s"))
    return [*found, _agreement("same text with both", usual, other)]


def short_of_memory(made: Made, group: Group) -> list[Figure]:
    """Real want of memory: too many questions at once are halved until they fit."""
    device, answerer = made.device, made.model.answerer
    if device.type != "cuda":
        return [Figure("batch halvings", None, note="only a GPU can be limited")]
    questions = tuple(
        replace(question, id=f"row {place}", request=Generate(CROWD_TOKENS))
        for place, question in enumerate(islice(cycle(group.questions), CROWD))
    )
    crowd = Group(group.media, group.before_media, questions)
    with asking(answerer, batch_size=1):
        one = peak(device, partial(answers, made, [crowd]))[1] or 0
    whole = torch.cuda.get_device_properties(device).total_memory
    before = answerer.halvings
    with asking(answerer, batch_size=CROWD):
        most = peak(device, partial(answers, made, [crowd]))[1] or 0
        answerer.features.clear()
        torch.cuda.empty_cache()
        limit = one + ROOM * (most - one)
        torch.cuda.set_per_process_memory_fraction(min(1.0, limit / whole), device)
        try:
            given = answers(made, [crowd])
        finally:
            torch.cuda.set_per_process_memory_fraction(1.0, device)
    halvings = answerer.halvings - before
    answered = sum(answer.status is Status.OK for answer in given)
    said = next((answer.notes[0] for answer in given if answer.notes), "no answer tells of it")
    return [
        Figure("memory, one row", _gigabytes(one), "GB"),
        Figure(f"memory, {CROWD} rows", _gigabytes(most), "GB"),
        Figure("memory left to them", _gigabytes(limit), "GB"),
        Figure("batch halvings", halvings, note=said, holds=halvings > 0),
        Figure("answered", f"{answered} of {CROWD}", holds=answered == CROWD),
    ]
