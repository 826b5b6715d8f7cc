"""Decoders of pictures behind one face: how many frames, when each is shown, and some of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from mma_eval.errors import MediaError
from mma_eval.media.boxes import is_turned
from mma_eval.media.container import open_container, picture, probe

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

Decoder = Literal["decord", "pyav"]
Size = tuple[int, int]
"""Height and width."""

DECORD_CODECS = frozenset(
    {"h264", "hevc", "vp8", "vp9", "mpeg4", "mpeg2video", "mpeg1video", "mjpeg", "flv1", "h263"}
)
"""What the libavcodec inside decord's wheels decodes by itself; AV1 is not among it."""
UNINDEXED = frozenset({"mpegts", "mpeg", "mpegvideo", "h264", "hevc"})
"""Containers that libav has to search through."""
THREADS = 2


def choose_decoder(path: Path) -> Decoder:
    """The decoder of this file, from its headers: a failure never leads to another choice."""
    facts = probe(path)
    if decoder_of(facts.video_codec) == "pyav":
        return "pyav"
    # decord fails on turned pictures of most widths, counts frames that an edit list cuts, and
    # repeats or loses frames of streams without an index.
    if facts.format in UNINDEXED:
        return "pyav"
    return "pyav" if facts.hides_frames or is_turned(path) else "decord"


def decoder_of(codec: str | None) -> Decoder:
    """The decoder of upright, indexed files with this codec (libav's name for it)."""
    return "decord" if codec in DECORD_CODECS and _has_decord() else "pyav"


@cache
def decoder_version(decoder: Decoder) -> str:
    """Name and version, as recorded with frames and in stream hashes."""
    return f"{decoder} {version('av' if decoder == 'pyav' else decoder)}"


@cache
def _has_decord() -> bool:
    return find_spec("decord") is not None


class Reader(ABC):
    """An open picture stream.

    `seconds` holds the time of each of its frames on the file's own clock, in order of showing.
    """

    fps: float
    seconds: tuple[float, ...]

    @abstractmethod
    def take(self, indices: Sequence[int]) -> NDArray[np.uint8]:
        """The frames at rising `indices`, uint8 [T, H, W, 3]; raises MediaError."""


def open_reader(path: Path, decoder: Decoder, size: Size | None = None) -> Reader:
    """Index the picture of `path` without decoding it; raises MediaError.

    With a `size` the frames are scaled to it (bilinear, by libswscale) on their way to RGB.
    """
    if not probe(path).has_video:
        raise MediaError(f"{path}: has no picture; use --perturb strip_video or drop the row")
    return DecordReader(path, size) if decoder == "decord" else PyavReader(path, size)


class DecordReader(Reader):
    """decord's reader; its handle goes with this object."""

    def __init__(self, path: Path, size: Size | None = None) -> None:
        from decord import DECORDError, VideoReader, cpu, logging

        # What goes wrong is raised; libav's own lines on stderr say nothing more.
        logging.set_level(logging.QUIET)
        self._path = path
        try:
            height, width = size or (-1, -1)
            self._video: Any = VideoReader(
                str(path), ctx=cpu(0), width=width, height=height, num_threads=THREADS
            )
            self.fps = float(self._video.get_avg_fps())
            shown = self._video.get_frame_timestamp(range(len(self._video)))
        except (DECORDError, RuntimeError, IndexError) as error:
            raise MediaError(f"{path}: its picture cannot be decoded; check the file") from error
        starts = [float(start) for start in np.asarray(shown).reshape(-1, 2)[:, 0]]
        # An old libav reads edit lists in its own way: only the distances can be trusted.
        self.seconds = tuple(start - starts[0] + probe(path).video_start for start in starts)

    def take(self, indices: Sequence[int]) -> NDArray[np.uint8]:
        from decord import DECORDError

        try:
            pixels: NDArray[np.uint8] = self._video.get_batch(list(indices)).asnumpy()
        except (DECORDError, RuntimeError, IndexError) as error:
            raise MediaError(f"{self._path}: its picture is damaged; copy it again") from error
        return pixels


class PyavReader(Reader):
    """PyAV's reader: packets give the index, decoding runs from the start."""

    def __init__(self, path: Path, size: Size | None = None) -> None:
        self._path = path
        self._size = size
        with open_container(path) as container:
            stream = _required_picture(container)
            self.fps = float(stream.average_rate or stream.guessed_rate or 0)
            self.seconds = _packet_seconds(container, stream, self.fps)

    def take(self, indices: Sequence[int]) -> NDArray[np.uint8]:
        wanted = set(indices)
        taken: list[NDArray[np.uint8]] = []
        with open_container(self._path) as container:
            stream = _required_picture(container)
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = THREADS
            for index, frame in enumerate(container.decode(stream)):
                if index in wanted:
                    taken.append(_pixels(frame, self._size))
                if len(taken) == len(wanted):
                    break
        if len(taken) < len(wanted):
            raise MediaError(
                f"{self._path}: is damaged: only {index + 1} of its {len(self.seconds)} frames"
                " can be decoded; copy it again"
            )
        return np.stack(taken)


def _required_picture(container: InputContainer) -> VideoStream:
    stream = picture(container)
    if stream is None:
        raise MediaError(f"{container.name}: has no picture")
    return stream


def _packet_seconds(
    container: InputContainer, stream: VideoStream, fps: float
) -> tuple[float, ...]:
    packets = [p for p in container.demux(stream) if p.size and not p.is_discard]
    times = [p.pts if p.pts is not None else p.dts for p in packets]
    if any(time is None for time in times):
        return tuple(index / fps for index in range(len(times)))
    base = stream.time_base or 1
    return tuple(float(time * base) for time in sorted(t for t in times if t is not None))


def _pixels(frame: VideoFrame, size: Size | None) -> NDArray[np.uint8]:
    if size is not None:
        height, width = size[::-1] if frame.rotation % 180 else size
        frame = frame.reformat(width=width, height=height, format="rgb24", interpolation="BILINEAR")
    pixels = frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
    return np.rot90(pixels, frame.rotation // 90) if frame.rotation else pixels
