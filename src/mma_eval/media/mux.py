"""Write frames and sound as an mp4 (H.264, AAC): the same input gives the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mma_eval.errors import MediaError
from mma_eval.whole_file import replacing

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.video.stream import VideoStream

TICKS = 90_000
"""Ticks a second of the written picture's clock."""
QUALITY = {"crf": "18", "preset": "veryfast"}
SOUND_BLOCK = 1024
SOUND_BITS_PER_CHANNEL = 96_000


def write_clip(
    path: Path,
    frames: NDArray[np.uint8],
    fps: int | Fraction,
    audio: NDArray[np.float32] | None,
    rate: int,
) -> None:
    """Write `frames` uint8 [T, H, W, 3] and `audio` float32 [channels, samples] in -1..1 to `path`.

    The file appears whole or not at all. Raises MediaError where it cannot be encoded or written.
    """
    seconds = [float(index / Fraction(fps)) for index in range(len(frames))]
    content = encode_mp4(frames, seconds, Fraction(fps), audio, rate)
    _write_whole(path, content)


def encode_mp4(
    frames: NDArray[np.uint8] | None,
    seconds: Sequence[float],
    fps: Fraction,
    audio: NDArray[np.float32] | None,
    rate: int,
) -> bytes:
    """The bytes of an mp4 whose frame i is shown from `seconds[i]` on; None leaves a stream out.

    An odd height or width gains one repeated row or column, because 4:2:0 has none.
    """
    import av

    _check(frames, audio)
    target = BytesIO()
    try:
        options = {"fflags": "+bitexact"}
        with av.open(target, "w", format="mp4", options=options) as container:
            picture = None if frames is None else _add_picture(container, frames, fps)
            sound = None if audio is None else _add_sound(container, audio, rate)
            if picture is not None and frames is not None:
                _encode_picture(container, picture, frames, seconds)
            if sound is not None and audio is not None:
                _encode_sound(container, sound, audio, rate)
    except av.error.FFmpegError as error:
        raise MediaError(f"the clip cannot be encoded as mp4: {error}") from error
    return target.getvalue()


def _check(frames: NDArray[np.uint8] | None, audio: NDArray[np.float32] | None) -> None:
    if frames is None and audio is None:
        raise MediaError("a clip without picture and without sound cannot be written as mp4")
    if frames is not None:
        kind = f"{frames.dtype} {list(frames.shape)}"
        if frames.ndim != 4 or frames.shape[-1] != 3 or frames.dtype != np.uint8 or not len(frames):
            raise MediaError(f"frames to write must be uint8 [T, H, W, 3], not {kind}")
    if audio is not None:
        kind = f"{audio.dtype} {list(audio.shape)}"
        if audio.ndim != 2 or audio.dtype != np.float32 or audio.shape[0] not in (1, 2):
            raise MediaError(f"sound to write must be float32 [1 or 2, samples], not {kind}")


def _add_picture(
    container: OutputContainer, frames: NDArray[np.uint8], fps: Fraction
) -> VideoStream:
    height, width = frames.shape[1:3]
    stream = container.add_stream("libx264", rate=fps)
    stream.width, stream.height = width + width % 2, height + height % 2
    stream.pix_fmt = "yuv420p"
    stream.time_base = stream.codec_context.time_base = Fraction(1, TICKS)
    # B frames would need an edit list, which not every reader honours.
    stream.options = {**QUALITY, "bf": "0", "flags": "+bitexact"}
    stream.codec_context.thread_count = 1
    return stream


def _add_sound(container: OutputContainer, audio: NDArray[np.float32], rate: int) -> AudioStream:
    stream = container.add_stream("aac", rate=rate, layout=_layout(audio))
    stream.codec_context.bit_rate = SOUND_BITS_PER_CHANNEL * audio.shape[0]
    stream.options = {"flags": "+bitexact"}
    stream.codec_context.thread_count = 1
    return stream


def _encode_picture(
    container: OutputContainer,
    stream: VideoStream,
    frames: NDArray[np.uint8],
    seconds: Sequence[float],
) -> None:
    import av

    for pixels, second in zip(frames, seconds, strict=True):
        frame = av.VideoFrame.from_ndarray(_even(pixels), format="rgb24")
        frame.pts, frame.time_base = round(second * TICKS), Fraction(1, TICKS)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _encode_sound(
    container: OutputContainer, stream: AudioStream, audio: NDArray[np.float32], rate: int
) -> None:
    import av

    for start in range(0, audio.shape[1], SOUND_BLOCK):
        block = np.ascontiguousarray(audio[:, start : start + SOUND_BLOCK])
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=_layout(audio))
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _layout(audio: NDArray[np.float32]) -> str:
    return "mono" if audio.shape[0] == 1 else "stereo"


def _even(pixels: NDArray[np.uint8]) -> NDArray[Any]:
    height, width = pixels.shape[:2]
    if height % 2 or width % 2:
        pixels = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return np.ascontiguousarray(pixels)


def _write_whole(path: Path, content: bytes) -> None:
    try:
        with replacing(path) as partial:
            partial.write_bytes(content)
    except OSError as error:
        raise MediaError(f"{path}: cannot be written: {error.strerror or error}") from error
