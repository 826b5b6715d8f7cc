"""What a media file holds, read from its headers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mma_eval.errors import MediaError
from mma_eval.media.bounded import Recent
from mma_eval.media.boxes import is_mp4
from mma_eval.media.identity import content_hash
from mma_eval.media.source import Clip
from mma_eval.media.whole import is_cut_short

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

MICROSECONDS = 1_000_000
HIDDEN_FRAMES = 1.5
"""More stored frames than time for them, beyond what rounding explains."""


@dataclass(frozen=True)
class ContainerFacts:
    """Streams of a file as its headers state them; None where there is no such stream or fact.

    Seconds are lengths; `origin` and `video_start` are times on the file's own clock: its first
    one and that of its first frame.
    """

    format: str
    """libav's name of the container, e.g. `mov,mp4,m4a,3gp,3g2,mj2`."""
    video_codec: str | None
    width: int | None
    height: int | None
    fps: float | None
    frame_count: int | None
    video_seconds: float | None
    audio_codec: str | None
    rate: int | None
    channels: int | None
    audio_seconds: float | None
    origin: float
    video_start: float

    @property
    def has_video(self) -> bool:
        return self.video_codec is not None

    @property
    def has_audio(self) -> bool:
        return self.audio_codec is not None

    @property
    def states_every_sample(self) -> bool:
        """Whether lengths come from a table of all samples and not from an estimate."""
        return "mp4" in self.format.split(",")

    @property
    def hides_frames(self) -> bool:
        """Whether an edit list cuts some of the stored frames, as cutting without encoding does."""
        if self.frame_count is None or self.video_seconds is None or self.fps is None:
            return False
        return self.frame_count - self.video_seconds * self.fps > HIDDEN_FRAMES


_known: Recent[str, ContainerFacts] = Recent(1024)


def probe(path: Path) -> ContainerFacts:
    """The facts of `path`, remembered by its content; raises MediaError."""
    key = content_hash(path)
    facts = _known.find(key)
    if facts is None:
        with open_container(path) as container:
            facts = _facts(container)
        _check(path, facts)
        _known.keep(key, facts)
    return facts


@contextmanager
def open_container(path: Path) -> Iterator[InputContainer]:
    """`path` opened by PyAV; whatever libav finds wrong with it becomes a MediaError."""
    import av

    if is_cut_short(path):
        raise MediaError(f"{path}: is cut short; download or copy it again")
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            yield container
    except av.error.FFmpegError as error:
        raise MediaError(f"{path}: {_problem(path)}") from error


def picture(container: InputContainer) -> VideoStream | None:
    """The first moving picture; the cover of an album is none."""
    import av

    cover = av.stream.Disposition.attached_pic
    return next((s for s in container.streams.video if not s.disposition & cover), None)


def track(container: InputContainer) -> AudioStream | None:
    """The first sound track."""
    return next(iter(container.streams.audio), None)


def stretch_seconds(clip: Clip, seconds: float) -> float:
    """The length of `clip` in a stream of `seconds`."""
    end = seconds if clip.end is None else min(clip.end, seconds)
    return max(0.0, end - (clip.start or 0.0))


def stretch_words(clip: Clip) -> str:
    """` between 1 s and 3 s`, or nothing for a whole file."""
    if clip.start is None and clip.end is None:
        return ""
    end = "its end" if clip.end is None else f"{clip.end:g} s"
    return f" between {clip.start or 0:g} s and {end}"


def _facts(container: InputContainer) -> ContainerFacts:
    video, audio = picture(container), track(container)
    for stream in (video, audio):
        if stream is not None and stream.codec_context is None:
            raise MediaError(
                f"{container.name}: its {stream.type} has no codec that is known; check the file"
            )
    whole = container.duration / MICROSECONDS if container.duration else None
    return ContainerFacts(
        format=container.format.name,
        video_codec=video.codec_context.codec.canonical_name if video else None,
        width=video.codec_context.width if video else None,
        height=video.codec_context.height if video else None,
        fps=float(video.average_rate) if video and video.average_rate else None,
        frame_count=video.frames or None if video else None,
        video_seconds=_seconds(video, whole) if video else None,
        audio_codec=audio.codec_context.codec.canonical_name if audio else None,
        rate=audio.codec_context.sample_rate if audio else None,
        channels=audio.codec_context.channels if audio else None,
        audio_seconds=_seconds(audio, whole) if audio else None,
        origin=(container.start_time or 0) / MICROSECONDS,
        video_start=_start(video) if video else 0.0,
    )


def _check(path: Path, facts: ContainerFacts) -> None:
    """Refuse a count that no decoder should be made to believe: it may ask for that much memory."""
    if facts.frame_count is not None and facts.frame_count > path.stat().st_size:
        raise MediaError(
            f"{path}: is damaged: it states {facts.frame_count} frames, more than it has bytes;"
            " copy it again"
        )


def _seconds(stream: VideoStream | AudioStream, whole: float | None) -> float | None:
    if stream.duration is None or stream.time_base is None:
        return whole
    return float(stream.duration * stream.time_base)


def _start(stream: VideoStream) -> float:
    return float((stream.start_time or 0) * (stream.time_base or 0))


def _problem(path: Path) -> str:
    if is_mp4(path):
        return "is damaged or cut short and cannot be decoded; download or copy it again"
    return "is not a video or sound file that can be read, or is damaged; check what it is"
