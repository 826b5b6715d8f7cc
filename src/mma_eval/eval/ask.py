"""Asking a plan's questions: groups that share media go out, answers come back and are kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

from mma_eval.errors import MediaError, ModelError, StoppedError, StoreError, UsageError
from mma_eval.eval.log import AnswerRecord
from mma_eval.eval.plan import Plan, PlannedSample, answer_key
from mma_eval.eval.receive import prove_modalities, readable, received
from mma_eval.eval.spool import RecordSpool
from mma_eval.eval.store import AnswerStore, StoredAnswerError
from mma_eval.media.ahead import decode_ahead
from mma_eval.media.source import Media
from mma_eval.models.base import failed_answer
from mma_eval.types import FAILURES, Answer, Group, Question, Status
from mma_eval.watched import Pulse, while_alive

CONTINUES = "every answer so far is kept, and the same command continues from there"


class RunProgress(Protocol):
    """What a run reports while it works."""

    def begin(self, total: int) -> None: ...

    def advance(self, answers: int) -> None: ...


@dataclass(frozen=True)
class Asked:
    """A sample with the hashes of its streams, what was done to them, and its answer's key."""

    sample: PlannedSample
    video_hash: str = ""
    audio_hash: str = ""
    edits: tuple[str, ...] = ()
    key: str = ""
    notes: tuple[str, ...] = ()
    place: int = 0
    """In the plan, where it belongs to one."""


@dataclass
class Questioning:
    """One pass over a plan; `records` fills as answers arrive, in any order."""

    plan: Plan
    store: AnswerStore
    records: RecordSpool
    progress: RunProgress
    fresh: bool = False
    asked: int = 0
    """Questions that went to the model, as opposed to answers found in the store."""
    broken: Exception | None = None
    """The exception that escaped the backend, if one did."""
    _waiting: dict[str, list[Asked]] = field(default_factory=dict)
    """Question id to the samples that wait for its answer."""
    _fingerprint: str = ""
    _own_error: Exception | None = None
    _received: int = 0
    _pulse: Pulse = field(default_factory=Pulse)

    def run(self) -> None:
        """Ask everything that the store does not know.

        Raises StoreError when an answer cannot be kept, StoppedError when the settings say to stop.
        """
        limit = self.plan.settings.stall_limit
        if limit is None:
            self._ask()
            return
        try:
            while_alive(self._pulse, limit, self._ask)
        except TimeoutError:
            raise StoppedError(
                f"stopped: no answer came for {limit:g} s (--stall-limit); {CONTINUES}"
            ) from None

    def _ask(self) -> None:
        model = self.plan.model
        self._fingerprint = model.fingerprint()
        self.progress.begin(self.plan.size)
        groups = self._guarded(self._groups())
        if model.decodes_ahead:
            groups = decode_ahead(groups, model.sampling, depth=model.decodes_ahead)
        try:
            for answer in model.answer(groups):
                self._receive(answer)
        except (StoreError, StoppedError, UsageError):
            raise
        except Exception as error:
            if error is self._own_error or (isinstance(error, ModelError) and not self._received):
                raise
            self.broken = error
        if self._own_error is not None:
            raise self._own_error
        self._mark_unanswered()

    def _guarded(self, groups: Iterator[Group]) -> Iterator[Group]:
        """The same groups; an error in making them is ours and must not be laid on the backend."""
        try:
            yield from groups
        except Exception as error:
            self._own_error = error
            raise

    def _groups(self) -> Iterator[Group]:
        for places in self.plan.places():
            together: dict[tuple[Media, str], list[Asked]] = {}
            for place in places:
                item = self._prepare(place, self.plan.sample(*self.plan.at(place)))
                if item is not None:
                    rendered = item.sample.rendered
                    shared = (rendered.sample.media, rendered.before_media)
                    together.setdefault(shared, []).append(item)
            for (media, before), items in together.items():
                questions = tuple(self._questions(items))
                if questions:
                    yield Group(media, before, questions)

    def _prepare(self, place: int, sample: PlannedSample) -> Asked | None:
        """The sample ready to ask, or None when its answer is known already."""
        media = sample.rendered.sample.media
        sampling = self.plan.model.sampling
        if (declined := self._not_applicable(sample)) is not None:
            self._keep(Asked(sample, place=place), declined)
            return None
        try:
            video, audio = media.video_hash(sampling.frames), media.audio_hash(sampling.audio)
            edits = media.edits()
        except MediaError as error:
            self._keep(Asked(sample, place=place), failed_answer(sample.id, error))
            return None
        key = answer_key(self._fingerprint, sample, video, audio)
        item = Asked(sample, video, audio, edits, key, place=place)
        if self.fresh:
            return item
        try:
            known = self.store.get(key)
        except StoredAnswerError:
            return replace(item, notes=("asked again: the stored answer could not be read",))
        if known is not None:
            self._keep(item, known)
            return None
        return item

    def _questions(self, items: list[Asked]) -> Iterator[Question]:
        """One question a key; samples with the same key share its answer."""
        first: dict[str, str] = {}
        for item in items:
            sample = item.sample
            asked = first.setdefault(item.key, sample.id)
            self._waiting.setdefault(asked, []).append(item)
            if asked == sample.id:
                self.asked += 1
                yield Question(
                    sample.id,
                    sample.rendered.before_media,
                    sample.rendered.after_media,
                    sample.request,
                )

    def _not_applicable(self, sample: PlannedSample) -> Answer | None:
        limit = self.plan.model.card.limits.max_text_tokens
        filler = sample.rendered.sample.filler
        if limit is None or filler is None:
            return None
        # Words stand in for tokens where nothing can count them: never more of them than tokens.
        if (filler.tokens or len(filler.text.split())) <= limit:
            return None
        return Answer(
            sample.id,
            Status.NOT_APPLICABLE,
            error=f"the card of {self.plan.model.card.name} limits text to {limit} tokens",
        )

    def _receive(self, answer: Answer) -> None:
        if not isinstance(answer, Answer):
            raise ValueError(f"the backend returned {type(answer).__name__} instead of an Answer")
        waiting = self._waiting.pop(answer.question_id, None)
        if waiting is None:
            raise ValueError(
                f"the backend answered '{answer.question_id}', which was not asked or has been "
                "answered already"
            )
        self._received += 1
        sample = waiting[0].sample
        answer = prove_modalities(sample.rendered.sample.media, received(sample.request, answer))
        if answer.status not in FAILURES:
            self.store.put(waiting[0].key, answer)
        for item in waiting:
            self._keep(item, answer)

    def _keep(self, item: Asked, answer: Answer) -> None:
        self.records.put(item.place, make_record(item, answer))
        self.progress.advance(1)
        self._pulse.beat()
        if self.plan.settings.fail_fast and answer.status in FAILURES:
            raise StoppedError(
                f"stopped at the first failure (--fail-fast): {item.sample.id}: {answer.status}: "
                f"{readable(answer.error or 'no reason given')}; {CONTINUES}"
            )

    def _mark_unanswered(self) -> None:
        """Samples that a broken backend never answered, said to be so."""
        if self.broken is None and not self._waiting:
            return
        why = "the backend returned no answer"
        if self.broken is not None:
            reason = " ".join(str(self.broken).split())
            why = f"not answered: the backend broke ({type(self.broken).__name__}: {reason})"
        for place in range(self.plan.size):
            if place not in self.records:
                sample = self.plan.sample(*self.plan.at(place))
                failed = Answer(sample.id, Status.API_ERROR, error=why)
                self.records.put(place, make_record(Asked(sample, place=place), failed))


def make_record(item: Asked, answer: Answer) -> AnswerRecord:
    """The log line of a sample and its answer."""
    rendered, sample = item.sample.rendered, item.sample.rendered.sample
    return AnswerRecord(
        id=sample.id,
        task=item.sample.task.name,
        clip=sample.clip,
        ask=sample.ask,
        prompt=rendered.logged_prompt,
        options=sample.options,
        target=rendered.target,
        visual_label=sample.labels.visual,
        audio_label=sample.labels.audio,
        caption=sample.caption,
        removed=tuple(sorted(sample.removed)),
        video_source=sample.video_source,
        audio_source=sample.audio_source,
        video_hash=item.video_hash,
        audio_hash=item.audio_hash,
        edits=item.edits,
        filler=None if sample.filler is None else sample.filler.recipe,
        status=answer.status,
        answer=answer.text,
        option_scores=answer.option_scores,
        tokens=answer.tokens,
        seconds=answer.seconds,
        finish_reason=answer.finish_reason,
        model_version=answer.model_version,
        error=None if answer.error is None else readable(answer.error),
        notes=(*item.notes, *answer.notes),
    )
