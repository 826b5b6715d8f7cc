"""The cards of the gallery: each sample with what the model received, was asked, and answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from mma_eval.errors import MediaError
from mma_eval.eval.analysis.subject import Subject
from mma_eval.eval.log import SampleRecord
from mma_eval.eval.replay import Replay
from mma_eval.media.policy import Sampling
from mma_eval.media.source import NoVideo, VideoFile, VideoSource
from mma_eval.metrics.choice import ill_posed
from mma_eval.report.gallery import Exhibit
from mma_eval.report.page import words
from mma_eval.report.page.clips import ClipShelf, ClipView
from mma_eval.report.page.view import (
    ExhibitView,
    Fact,
    Filter,
    FilterChoice,
    GalleryView,
    StreamView,
)
from mma_eval.report.svg.conditions import Condition

Progress = Callable[[int, int], None]
"""Called with the samples done and their total."""


@dataclass(frozen=True)
class _Shown:
    """A sample's clip on the page, or why it is not there."""

    clip: ClipView | None
    note: str | None
    frames: str | None = None


_NOTHING_SENT = _Shown(None, "Neither picture nor sound was sent.")


def build_gallery(
    subjects: Sequence[Subject],
    exhibits: Sequence[Exhibit],
    shelf: ClipShelf,
    progress: Progress | None = None,
) -> GalleryView:
    """The cards of `exhibits`, their clips put on `shelf`."""
    replays = [_replays(subject) for subject in subjects]
    views, without_clip = [], 0
    for done, exhibit in enumerate(exhibits, start=1):
        replay = replays[exhibit.subject][exhibit.sample.task]
        shown = _shown(exhibit.sample, replay, shelf)
        without_clip += shown.clip is None and shown is not _NOTHING_SENT
        views.append(_exhibit_view(exhibit, subjects[exhibit.subject], shown))
        if progress is not None:
            progress(done, len(exhibits))
    return GalleryView(
        exhibits=tuple(views),
        filters=_filters(views, subjects),
        total=sum(len(subject.samples) for subject in subjects),
        without_clip=without_clip,
        clips=tuple(shelf.embedded),
        any_reduced=any(view.media is not None and view.media.reduced for view in views),
    )


def _replays(subject: Subject) -> dict[str, Replay]:
    """Task to the replay of the run that its samples come from: the newest that holds it."""
    return {
        task.name: replay
        for run in subject.runs
        for replay in (Replay(run.manifest),)
        for task in run.manifest.tasks
    }


def _shown(sample: SampleRecord, replay: Replay, shelf: ClipShelf) -> _Shown:
    replayed = replay.media_of(sample)
    if replayed.media is None:
        return _Shown(None, replayed.note)
    if not (replayed.media.has_video or replayed.media.has_audio):
        return _NOTHING_SENT
    try:
        clip = shelf.put(replayed.media)
        return _Shown(clip, replayed.note, _frames_taken(replayed.media.video, replay.sampling))
    except MediaError as error:
        return _Shown(None, f"The clip cannot be prepared: {error}.")


def _frames_taken(video: VideoSource, sampling: Sampling | None) -> str | None:
    """Which frames the model looked at; None where it is not known. Raises MediaError."""
    from mma_eval.media.video import planned_frames

    if sampling is None or isinstance(video, NoVideo):
        return None
    clip = video.clip if isinstance(video, VideoFile) else video.like
    frames = planned_frames(clip, sampling.frames)
    return (
        f"{len(frames.seconds)} of {frames.total} frames taken, from {frames.seconds[0]:.1f} s to "
        f"{frames.seconds[-1]:.1f} s"
    )


def _exhibit_view(exhibit: Exhibit, subject: Subject, shown: _Shown) -> ExhibitView:
    sample = exhibit.sample
    return ExhibitView(
        anchor="sample-" + _digest(subject.name, sample.task, sample.id),
        model=f"model-{exhibit.subject + 1}",
        model_name=subject.name,
        task=sample.task,
        condition=Condition.of(sample.task).words,
        clip=sample.clip,
        asked=words.ASKED[sample.ask],
        outcome=words.outcome_of(sample),
        badge=words.badge_of(sample),
        attribution=words.attribution_of(sample),
        target=sample.target,
        well_posed=not ill_posed(sample.ask, sample.removed, sample.target),
        seen=_stream_view(sample, "visual"),
        heard=_stream_view(sample, "audio"),
        caption=sample.caption,
        answer=sample.answer,
        option_scores=tuple(
            Fact(score.option, f"{score.log_likelihood:.2f} ({score.tokens} tokens)")
            for score in sorted(sample.option_scores, key=lambda one: -one.log_likelihood)
        ),
        option=sample.option,
        error=sample.error,
        notes=sample.notes,
        tokens=words.tokens_of(sample),
        frames=shown.frames,
        filler=sample.filler,
        prompt=sample.prompt,
        media=shown.clip,
        media_note=shown.note,
    )


def _stream_view(sample: SampleRecord, stream: str) -> StreamView:
    """What was in one stream, from the log alone."""
    label, source, noun = (
        (sample.visual_label, sample.video_source, "picture")
        if stream == "visual"
        else (sample.audio_label, sample.audio_source, "sound")
    )
    edits = [edit for edit in sample.edits if edit.startswith(noun)]
    origin = [f"clip {source}"] if source else []
    if stream not in sample.removed:
        return StreamView(label or "no label", ", ".join([*origin, *edits]))
    gone = [f"instead of {label}"] if label else []
    replaced = edits[0] if edits else f"{noun} removed"
    return StreamView(replaced, ", ".join([*gone, *origin, *edits[1:]]))


def _filters(views: Sequence[ExhibitView], subjects: Sequence[Subject]) -> tuple[Filter, ...]:
    """The menus whose values differ among the cards."""
    names = {f"model-{at}": subject.name for at, subject in enumerate(subjects, start=1)}
    menus = (
        Filter("model", "Model", _choices((view.model for view in views), names)),
        Filter("task", "Task", _choices(view.task for view in views)),
        Filter("outcome", "Outcome", _choices(view.outcome for view in views)),
        Filter("named", "Wrong answer", _choices(v.attribution for v in views if v.attribution)),
        Filter("class", "Expected class", _choices(sorted(view.target for view in views))),
    )
    return tuple(menu for menu in menus if len(menu.choices) > 1 or menu.name == "outcome")


def _choices(
    values: Iterable[str], names: dict[str, str] | None = None
) -> tuple[FilterChoice, ...]:
    counts: dict[str, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return tuple(
        FilterChoice(value, (names or {}).get(value, value), count)
        for value, count in counts.items()
    )


def _digest(*parts: str) -> str:
    joined = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    return sha256(joined).hexdigest()[:12]
