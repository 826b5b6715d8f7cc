"""What a run would do, without weights and without decoding: `--dry-run`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mma_eval.errors import MediaError
from mma_eval.eval.evaluate import run_folder
from mma_eval.eval.plan import Plan, PlannedTask
from mma_eval.media.container import ContainerFacts, probe
from mma_eval.media.policy import Sampling
from mma_eval.media.source import (
    AudioFile,
    BlackVideo,
    Media,
    NoAudio,
    NoVideo,
    Silence,
    VideoFile,
)
from mma_eval.metrics.intervals import smallest_detectable_difference
from mma_eval.models.remote.cost import Bill
from mma_eval.task.samples import RenderedSample
from mma_eval.types import Question


@dataclass(frozen=True)
class TaskPreview:
    """One task of a plan, with its first sample as the example."""

    name: str
    samples: int
    hash: str
    dataset: str
    prompt: str
    target: str
    media: str
    """Shapes that the model would be given, in words."""
    edits: tuple[str, ...]
    text_tokens: int | None
    smallest_difference: float | None
    """The smallest paired difference in accuracy that this many samples show with power 0.8."""


@dataclass(frozen=True)
class RunPreview:
    """A plan, ready to print."""

    model: str
    folder: str
    samples: int
    clips: int
    tasks: tuple[TaskPreview, ...]
    bill: Bill | None
    """What asking all of it would use, None for a model that charges nothing."""


def preview(plan: Plan) -> RunPreview:
    """Look at a plan without running it; raises MediaError for a first clip that is damaged."""
    clips = {(str(task.dataset.path), row.clip) for task in plan.tasks for row in task.rows}
    return RunPreview(
        model=plan.model.card.name,
        folder=str(run_folder(plan)),
        samples=plan.size,
        clips=len(clips),
        tasks=tuple(_preview_task(plan, planned) for planned in plan.tasks),
        bill=plan.model.estimate(_asked(plan)),
    )


def _asked(plan: Plan) -> Iterator[tuple[Media, Question]]:
    for clip in plan.clips():
        for planned, row in clip:
            made = plan.sample(planned, row)
            text = made.rendered
            question = Question(made.id, text.before_media, text.after_media, made.request)
            yield text.sample.media, question


def _preview_task(plan: Plan, planned: PlannedTask) -> TaskPreview:
    example = planned.builder.render(planned.task, planned.rows[0])
    count = len(planned.rows)
    return TaskPreview(
        name=planned.task.name,
        samples=count,
        hash=planned.task.content_hash,
        dataset=f"{planned.dataset.name} ({planned.dataset.version})",
        prompt=example.shown,
        target=example.target,
        media=describe_media(example.sample.media, plan.model.sampling),
        edits=example.sample.media.edits(),
        text_tokens=_text_tokens(plan, example),
        smallest_difference=smallest_detectable_difference(count) if count > 1 else None,
    )


def _text_tokens(plan: Plan, example: RenderedSample) -> int | None:
    tokenizer = plan.model.tokenizer
    if tokenizer is None:
        return None
    return tokenizer.count(f"{example.before_media}{example.after_media}")


def describe_media(media: Media, sampling: Sampling) -> str:
    """Frames and sound under a model's policy, from headers alone."""
    return f"{_describe_video(media, sampling)}; {_describe_audio(media, sampling)}"


def _describe_video(media: Media, sampling: Sampling) -> str:
    from mma_eval.media.video import sample_indices

    if isinstance(media.video, NoVideo):
        return "no picture"
    clip = media.video.clip if isinstance(media.video, VideoFile) else media.video.like
    facts = probe(clip.path)
    if not (facts.has_video and facts.fps and facts.frame_count):
        raise MediaError(f"{clip.path}: holds no picture with a known frame rate and length")
    first, last = clip.start or 0.0, clip.end or facts.frame_count / facts.fps
    total = max(1, round(min(last - first, facts.frame_count / facts.fps) * facts.fps))
    frames = len(sample_indices(total, facts.fps, sampling.frames))
    kind = "black frames" if isinstance(media.video, BlackVideo) else "frames"
    return f"{frames} {kind} of {facts.width}x{facts.height}"


def _describe_audio(media: Media, sampling: Sampling) -> str:
    audio = media.audio
    if isinstance(audio, NoAudio):
        return "no sound"
    silent = isinstance(audio, Silence)
    clip = audio.like if isinstance(audio, Silence) else audio.clip
    length = audio.fit_to or clip if isinstance(audio, AudioFile | Silence) else clip
    facts = probe(length.path)
    seconds = _seconds(facts, length.start, length.end)
    rate = sampling.audio.rate or facts.rate
    return f"{seconds:.2f} s of {'silence' if silent else 'sound'} at {rate} Hz"


def _seconds(facts: ContainerFacts, start: float | None, end: float | None) -> float:
    whole = facts.audio_seconds or facts.video_seconds or 0.0
    return max(0.0, min(whole, end if end is not None else whole) - (start or 0.0))
