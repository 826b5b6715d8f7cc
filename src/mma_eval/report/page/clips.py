"""The clips of a page: encoded for a browser once each, embedded up to a limit, else beside it."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from mma_eval.errors import MediaError
from mma_eval.media.policy import AudioPolicy, EveryFrame, FramePolicy, FramesPerSecond
from mma_eval.media.source import BlackVideo, Clip, Media, NoVideo, VideoFile, VideoSource

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mma_eval.media.audio import Sound

MEGABYTE = 1_000_000
LARGEST_SIDE = 480
"""Lines of a picture that is shown as it is; a larger one is shown at this size."""
POSTER_WIDTH = 320
POSTER_QUALITY = 6
"""mjpeg's scale: 2 is best, 31 is worst."""
STRETCH_SECONDS = 2.0
"""Pictures of full size held in memory at once."""


@dataclass(frozen=True)
class ClipView:
    """One clip of the page; several samples may show it."""

    id: str
    kind: Literal["video", "audio"]
    size: int
    """Bytes."""
    content: str | None
    """Base64, where the clip is embedded."""
    href: str | None
    """Address relative to the page, where it lies beside it."""
    poster: str | None
    """A data URI of one of its frames; None without a picture."""
    reduced: bool
    """Whether the picture is shown smaller than the model had it."""

    @property
    def mime(self) -> str:
        return f"{self.kind}/mp4"

    @property
    def file_name(self) -> str:
        return f"{self.id}.mp4"


@dataclass
class ClipShelf:
    """Takes media, encodes each distinct one once, and decides where it is kept."""

    limit: float
    """Megabytes of media, as base64, that the page itself may hold."""
    folder: str
    """Name of the folder beside the page for what is past the limit."""
    beside: dict[str, bytes] = field(default_factory=dict)
    """File name to content of what has to be written there."""
    _views: dict[Media, ClipView] = field(default_factory=dict)
    _embedded: int = 0

    def put(self, media: Media) -> ClipView:
        """The view of `media`; raises MediaError where it cannot be decoded or encoded."""
        if media not in self._views:
            self._views[media] = self._placed(media)
        return self._views[media]

    @property
    def embedded(self) -> list[ClipView]:
        """The clips that the page holds, each once."""
        views = {view.id: view for view in self._views.values() if view.content is not None}
        return list(views.values())

    def _placed(self, media: Media) -> ClipView:
        large = _is_large(media.video)
        content = _reduced_mp4(media) if large else media.mp4()
        name = f"clip-{sha256(content).hexdigest()[:16]}"
        same = next((view for view in self._views.values() if view.id == name), None)
        if same is not None:
            return same
        view = ClipView(
            id=name,
            kind="video" if media.has_video else "audio",
            size=len(content),
            content=None,
            href=None,
            poster=_poster(media),
            reduced=large,
        )
        cost = (len(content) + 2) // 3 * 4
        if self._embedded + cost <= self.limit * MEGABYTE:
            self._embedded += cost
            return replace(view, content=b64encode(content).decode())
        self.beside[view.file_name] = content
        # A colon in the name would read as a scheme without the dot before it.
        return replace(view, href=f"./{quote(os.fsencode(self.folder))}/{view.file_name}")


def _is_large(video: VideoSource) -> bool:
    from mma_eval.media.container import probe

    if isinstance(video, NoVideo):
        return False
    facts = probe(_clip_of(video).path)
    return min(facts.width or 0, facts.height or 0) > LARGEST_SIDE


def _clip_of(video: VideoFile | BlackVideo) -> Clip:
    return video.clip if isinstance(video, VideoFile) else video.like


def _reduced_mp4(media: Media) -> bytes:
    """The same as `Media.mp4` with a smaller picture, decoded a stretch at a time."""
    import numpy as np

    from mma_eval.media.mux import encode_mp4

    pixels, seconds, fps = [], [], 1.0
    for offset, piece in _stretches(media.video):
        frames = Media(piece, media.audio).frames(FramePolicy(EveryFrame()))
        if frames is not None:
            pixels.append(np.stack([_scaled(one, LARGEST_SIDE) for one in frames.pixels]))
            seconds += [offset + second for second in frames.seconds]
            fps = frames.fps
    sound = _native_sound(media)
    return encode_mp4(
        frames=np.concatenate(pixels),
        seconds=seconds,
        fps=Fraction(fps).limit_denominator(1001),
        audio=None if sound is None else sound.samples,
        rate=0 if sound is None else sound.rate,
    )


def _native_sound(media: Media) -> Sound | None:
    sound = media.sound(AudioPolicy(rate=48_000, channels=None))
    if sound is not None and sound.channels > 2:
        return media.sound(AudioPolicy(rate=48_000, channels=2))
    return sound


def _stretches(video: VideoSource) -> Iterator[tuple[float, VideoSource]]:
    """A picture in pieces of a few seconds, each with its place in the whole."""
    from mma_eval.media.container import probe, stretch_seconds

    if isinstance(video, NoVideo):
        return
    clip = _clip_of(video)
    total = stretch_seconds(clip, probe(clip.path).video_seconds or 0.0)
    begin = clip.start or 0.0
    count = max(1, int(total / STRETCH_SECONDS))
    for at in range(count):
        offset = at * STRETCH_SECONDS
        end = clip.end if at == count - 1 else begin + offset + STRETCH_SECONDS
        piece = Clip(clip.path, begin + offset, end)
        yield offset, VideoFile(piece) if isinstance(video, VideoFile) else BlackVideo(piece)


def _poster(media: Media) -> str | None:
    """A frame from the middle of what a model takes by default, as a small JPEG."""
    frames = media.frames(FramePolicy(FramesPerSecond(1.0, max_frames=8)))
    if frames is None:
        return None
    picture = frames.pixels[len(frames.pixels) // 2]
    short = round(POSTER_WIDTH * min(picture.shape[:2]) / picture.shape[1])
    return "data:image/jpeg;base64," + b64encode(_jpeg(_scaled(picture, short))).decode()


def _scaled(pixels: NDArray[np.uint8], short_side: int) -> NDArray[np.uint8]:
    """[H, W, 3] with its shorter side at most `short_side`, both sides even."""
    import av

    height, width = pixels.shape[:2]
    factor = min(1.0, short_side / min(height, width))
    size = [max(2, round(side * factor / 2) * 2) for side in (width, height)]
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
    scaled: Any = frame.reformat(width=size[0], height=size[1]).to_ndarray()
    return scaled  # type: ignore[no-any-return]


def _jpeg(pixels: NDArray[np.uint8]) -> bytes:
    import av

    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height = pixels.shape[1], pixels.shape[0]
    encoder.pix_fmt, encoder.time_base = "yuvj420p", Fraction(1, 1)
    encoder.options = {"qmin": str(POSTER_QUALITY), "qmax": str(POSTER_QUALITY)}
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuvj420p")
    frame.pts = 0
    try:
        packets = [*encoder.encode(frame), *encoder.encode(None)]
    except av.error.FFmpegError as error:
        raise MediaError(f"a frame cannot be written as JPEG: {error}") from error
    return b"".join(bytes(packet) for packet in packets)
