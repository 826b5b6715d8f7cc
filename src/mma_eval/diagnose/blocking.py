"""Cause beside correlation: which answers change when a stream is hidden in some layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mma_eval.diagnose.blocks import Block, BlockedAnswer, BlockedTask, BlockingRun, quarters
from mma_eval.diagnose.measure import greedy
from mma_eval.diagnose.open_samples import (
    KeyedSample,
    OpenGroup,
    OpenSamples,
    white_box,
)
from mma_eval.diagnose.origin import one_dataset, origin_of
from mma_eval.errors import UsageError
from mma_eval.eval.ask import Asked, RunProgress, make_record
from mma_eval.eval.log import SampleRecord
from mma_eval.eval.plan import Plan, PlannedSample, PlannedTask
from mma_eval.eval.score import score_answer
from mma_eval.eval.store import AnswerStore, StoredAnswerError
from mma_eval.eval.task_names import condition_of
from mma_eval.types import FAILURES, Answer, Generate, Request

if TYPE_CHECKING:
    from mma_eval.diagnose.stream_block import OpenPrompt
    from mma_eval.models.local.group_answers import GroupAnswerer

STORE_FILE = "blocked_answers.sqlite"
MASKING_KERNELS = ("sdpa", "eager")

Choose = Callable[[int], Sequence[Block]]
"""Blocks for a model of so many layers."""


@dataclass
class _Blocked:
    """Answers to each sample without a block (under None) and under every block."""

    blocks: tuple[Block | None, ...]
    store: AnswerStore
    request: Callable[[PlannedSample], Request]
    records: dict[str, dict[Block | None, SampleRecord]] = field(default_factory=dict)

    def of(self, one: KeyedSample) -> tuple[Block | None, ...]:
        """The blocks whose stream the sample has."""
        media = one.sample.rendered.sample.media
        there = {"video": media.has_video, "audio": media.has_audio}
        return tuple(block for block in self.blocks if block is None or there[block.stream])

    def key(self, one: KeyedSample, block: Block | None) -> str:
        under = "" if block is None else block.model_dump_json()
        return sha256(f"{one.key} {self.request(one.sample)} {under}".encode()).hexdigest()

    def known(self, one: KeyedSample, block: Block | None) -> bool:
        """Whether the answer is here, or was kept by an earlier call."""
        if block in self.records.get(one.sample.id, {}):
            return True
        try:
            answer = self.store.get(self.key(one, block))
        except StoredAnswerError:
            return False
        if answer is not None:
            self._read(one, block, answer)
        return answer is not None

    def keep(self, one: KeyedSample, block: Block | None, answer: Answer) -> None:
        self.store.put(self.key(one, block), answer)
        self._read(one, block, answer)

    def _read(self, one: KeyedSample, block: Block | None, answer: Answer) -> None:
        record = score_answer(make_record(Asked(one.sample), answer), one.sample.task.answer)
        self.records.setdefault(one.sample.id, {})[block] = record


def measure_blocking(
    plan: Plan, folder: Path, progress: RunProgress, choose: Choose = quarters
) -> BlockingRun:
    """Ask every sample of `plan` without a block and under each; save the whole in `folder`.

    Answers are greedy, or likelihoods of options as the plan's settings say, and are kept as they
    come: the same call continues. Raises UsageError for a model that cannot be looked into, or
    whose kernel takes no mask.
    """
    dataset = one_dataset(plan)
    answerer = white_box(plan.model)
    origin = origin_of(plan, dataset, answerer.asking.version)
    _check_kernel(answerer)
    layers = len(answerer.engine.decoder.layers)
    blocks = _checked(choose(layers), layers)

    def request(sample: PlannedSample) -> Request:
        return greedy(plan, sample) if isinstance(sample.request, Generate) else sample.request

    samples = OpenSamples(plan, request, progress)
    progress.begin(plan.size)
    with AnswerStore(folder / STORE_FILE) as store:
        blocked = _Blocked((None, *blocks), store, request)

        def is_new(one: KeyedSample) -> bool:
            old = all(blocked.known(one, block) for block in blocked.of(one))
            progress.advance(int(old))
            return not old

        for group in samples.groups(is_new):
            _ask(answerer, group, blocked, samples)
    samples.check_any(len(blocked.records))
    run = BlockingRun(
        origin=origin,
        answer_by=plan.settings.answer_by,
        layers=layers,
        tasks=tuple(
            _under(planned, block, samples, blocked) for planned in plan.tasks for block in blocks
        ),
        skipped=tuple(samples.skipped),
    )
    run.save(folder)
    return run


def _ask(
    answerer: GroupAnswerer[Any], group: OpenGroup, blocked: _Blocked, samples: OpenSamples
) -> None:
    from mma_eval.diagnose.stream_block import OpenPrompt

    try:
        prefix = answerer.prefill(group.prepared)
    except Exception as error:
        for one, _ in group.asked:
            samples.skip(one.sample, error)
        return
    for one, prompt in group.asked:
        try:
            fed = answerer.fed(group.prepared, prompt)
            asked = OpenPrompt(group.prepared, prefix, prompt, fed)
            failed = _under_each(answerer, asked, one, blocked)
        except Exception as error:
            samples.skip(one.sample, error)
            continue
        if failed is None:
            samples.progress.advance(1)
        else:
            samples.leave_out(one.sample, failed.error or str(failed.status))


def _under_each(
    answerer: GroupAnswerer[Any], asked: OpenPrompt, one: KeyedSample, blocked: _Blocked
) -> Answer | None:
    """Ask a sample under every block that is not known yet; the first failed answer ends it."""
    from mma_eval.diagnose.stream_block import blocked_answer

    for block in blocked.of(one):
        if blocked.known(one, block):
            continue
        answer = blocked_answer(answerer, asked, block)
        if answer.status in FAILURES:
            return answer
        blocked.keep(one, block, answer)
    return None


def _under(
    planned: PlannedTask, block: Block, samples: OpenSamples, blocked: _Blocked
) -> BlockedTask:
    task = planned.task
    return BlockedTask.of(
        task.name,
        "both" if task.ask == "row" else task.ask,
        condition_of(task.name),
        block,
        list(_answers(task.name, block, samples, blocked)),
    )


def _answers(
    task: str, block: Block, samples: OpenSamples, blocked: _Blocked
) -> Iterator[BlockedAnswer]:
    for name in samples.names.get(task, ()):
        records = blocked.records.get(name.planned, {})
        if None in records and block in records:
            yield BlockedAnswer.of(records[None], records[block])


def _checked(blocks: Sequence[Block], layers: int) -> tuple[Block, ...]:
    for block in blocks:
        if block.stop > layers:
            raise UsageError(
                f"layers {block.first} to {block.stop - 1} cannot be blocked: the model has "
                f"{layers} layers, from 0 to {layers - 1}"
            )
    return tuple(dict.fromkeys(blocks))


def _check_kernel(answerer: GroupAnswerer[Any]) -> None:
    kernel = answerer.engine.decoder.config._attn_implementation
    if kernel not in MASKING_KERNELS:
        raise UsageError(
            f"attention={kernel} takes no mask of our own; use --model-args attention=sdpa"
        )
