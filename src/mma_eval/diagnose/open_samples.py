"""The samples of a plan, opened one media at a time in a model that can be looked into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mma_eval.diagnose.measured import Skipped
from mma_eval.errors import MediaError, ModalityMissingError, UsageError
from mma_eval.eval.ask import RunProgress
from mma_eval.eval.plan import Plan, PlannedSample, answer_key
from mma_eval.eval.receive import prove_modalities
from mma_eval.media.ahead import decode_ahead
from mma_eval.media.source import Media
from mma_eval.models.base import Model, is_out_of_memory
from mma_eval.models.local.model import LocalModel
from mma_eval.types import Answer, Evidence, Group, Question, Request, Status

if TYPE_CHECKING:
    from mma_eval.models.local.group_answers import GroupAnswerer, PreparedGroup, Prompt


@dataclass(frozen=True)
class KeyedSample:
    """A sample and the key of everything that may change what its model does with it."""

    sample: PlannedSample
    key: str


@dataclass(frozen=True)
class SampleName:
    """What tells a sample from others, and which clips it goes with."""

    planned: str
    """`<task>:<clip>/<ask>`, unique in the plan."""
    id: str
    clip: str
    source: str
    """The clip that the asked stream comes from."""


@dataclass(frozen=True)
class OpenGroup:
    """Samples that share their media: encoded, and their prompts written out."""

    prepared: PreparedGroup
    asked: tuple[tuple[KeyedSample, Prompt], ...]


@dataclass
class OpenSamples:
    """One pass over a plan; what cannot be opened is noted in `skipped`."""

    plan: Plan
    request: Callable[[PlannedSample], Request]
    """What is wanted of the model after a prompt."""
    progress: RunProgress
    """Told of each sample that is left out; whoever opens the others tells of them."""
    names: dict[str, list[SampleName]] = field(default_factory=dict)
    """Task to its samples, in the order of the dataset, those that are not wanted too."""
    skipped: list[Skipped] = field(default_factory=list)

    def groups(self, wanted: Callable[[KeyedSample], bool]) -> Iterator[OpenGroup]:
        """Open the samples that are wanted, the media of the next ones being decoded meanwhile.

        Raises UsageError for a model whose tokens are of no one stream.
        """
        model = self.plan.model
        answerer = white_box(model)
        waiting: dict[str, KeyedSample] = {}
        groups = self._closed(wanted, waiting)
        for group in decode_ahead(groups, model.sampling, depth=max(1, model.decodes_ahead)):
            keyed = [waiting.pop(question.id) for question in group.questions]
            try:
                prepared = answerer.prepare(group)
            except Exception as error:
                for one in keyed:
                    self.skip(one.sample, error)
                continue
            prompts = zip(keyed, prepared.prompts, strict=True)
            asked = [(one, p) for one, p in prompts if self._reached(answerer, prepared, one, p)]
            if asked:
                yield OpenGroup(prepared, tuple(asked))

    def skip(self, sample: PlannedSample, error: Exception) -> None:
        """Leave a sample out for a fault of its own; any other error is raised again."""
        if not (isinstance(error, MediaError | ModalityMissingError) or is_out_of_memory(error)):
            raise error
        if is_out_of_memory(error):
            white_box(self.plan.model).free(MemoryError())
        reason = " ".join(str(error).split()) or type(error).__name__
        self.leave_out(sample, reason)

    def leave_out(self, sample: PlannedSample, reason: str) -> None:
        """Note that a sample is missing, and why."""
        name = sample.rendered.sample.id
        self.skipped.append(Skipped(task=sample.task.name, sample=name, reason=reason))
        self.progress.advance(1)

    def _closed(
        self, wanted: Callable[[KeyedSample], bool], waiting: dict[str, KeyedSample]
    ) -> Iterator[Group]:
        fingerprint = self.plan.model.fingerprint()
        for clip in self.plan.clips():
            together: dict[tuple[Media, str], list[KeyedSample]] = {}
            for planned, row in clip:
                one = self._keyed(self.plan.sample(planned, row), fingerprint)
                if one is not None and wanted(one):
                    rendered = one.sample.rendered
                    place = (rendered.sample.media, rendered.before_media)
                    together.setdefault(place, []).append(one)
            for (media, before), keyed in together.items():
                waiting |= {one.sample.id: one for one in keyed}
                yield Group(media, before, tuple(self._question(one.sample) for one in keyed))

    def _keyed(self, sample: PlannedSample, fingerprint: str) -> KeyedSample | None:
        media, sampling = sample.rendered.sample.media, self.plan.model.sampling
        try:
            video, audio = media.video_hash(sampling.frames), media.audio_hash(sampling.audio)
        except MediaError as error:
            self.skip(sample, error)
            return None
        self.names.setdefault(sample.task.name, []).append(_name(sample))
        return KeyedSample(sample, answer_key(fingerprint, sample, video, audio))

    def _question(self, sample: PlannedSample) -> Question:
        rendered = sample.rendered
        return Question(
            sample.id, rendered.before_media, rendered.after_media, self.request(sample)
        )

    def _reached(
        self,
        answerer: GroupAnswerer[Any],
        prepared: PreparedGroup,
        one: KeyedSample,
        prompt: Prompt,
    ) -> bool:
        """Whether the context holds the prompt and each stream of the media came to tokens."""
        if prompt.tokens.evidence is Evidence.JOINT:
            raise UsageError(
                f"{self.plan.model.card.name} is fed picture and sound in one token, so its "
                "attention cannot be told apart by modality"
            )
        if not answerer.fits(prepared, prompt):
            self.leave_out(one.sample, "prompt and answer need more tokens than the context holds")
            return False
        arrived = Answer(one.sample.id, Status.OK, tokens=prompt.tokens)
        proved = prove_modalities(one.sample.rendered.sample.media, arrived)
        if proved.status is not Status.OK:
            self.leave_out(one.sample, proved.error or str(proved.status))
            return False
        return True

    def check_any(self, measured: int) -> None:
        """Raise a MediaError where every sample had to be left out."""
        if not measured and self.skipped:
            first = self.skipped[0]
            raise MediaError(
                f"none of {len(self.skipped)} samples could be measured; the first, "
                f"{first.task}:{first.sample}: {first.reason}"
            )


def _name(planned: PlannedSample) -> SampleName:
    sample = planned.rendered.sample
    sources = {"visual": sample.video_source, "audio": sample.audio_source, "both": sample.clip}
    return SampleName(planned.id, sample.id, sample.clip, sources[sample.ask] or sample.clip)


def white_box(model: Model) -> GroupAnswerer[Any]:
    """The model in memory, open to be looked into; raises UsageError for one that is elsewhere."""
    if not isinstance(model, LocalModel):
        raise UsageError(
            f"{model.card.name} cannot be looked into: attention is measured in models that run "
            f"here, and the backend '{model.card.backend}' only gives answers"
        )
    return model.answerer
