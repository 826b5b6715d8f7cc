"""A clip as the Gemini API takes it, and the tokens that it is expected to make of it."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

from mma_eval.media.source import Media
from mma_eval.models.remote.clips import picture_clip, sound_clip, stated_seconds

TOKENS_A_FRAME = 258
TOKENS_A_SECOND_OF_SOUND = 32
TOKENS_A_TIMESTAMP = 7
"""https://ai.google.dev/gemini-api/docs/video-understanding, for Gemini 2.0 and 2.5."""


@dataclass(frozen=True)
class Encoded:
    """A clip ready to send; `content` is empty where it has neither picture nor sound."""

    content: bytes
    mime_type: str
    seconds: float
    has_picture: bool

    def tokens(self, frames_a_second: float) -> tuple[int, int]:
        """Expected tokens in all, and those of them that are sound, rounded up."""
        whole = int(self.seconds) + 1
        sound = whole * TOKENS_A_SECOND_OF_SOUND
        if not self.has_picture:
            return sound, sound
        frames = int(self.seconds * frames_a_second) + 1
        return frames * (TOKENS_A_FRAME + TOKENS_A_TIMESTAMP) + sound, sound


def outlined(media: Media) -> Encoded:
    """The clip without its content, its length from the headers of its files; raises MediaError."""
    clips = (picture_clip(media), sound_clip(media))
    seconds = max((stated_seconds(clip) for clip in clips if clip is not None), default=0.0)
    return Encoded(b"", "", seconds, has_picture=media.has_video)


def encode(media: Media) -> Encoded:
    """The clip as one mp4; without a picture, the sound of that mp4 as it was encoded there.

    The API takes no mp4 that holds sound alone. Raises MediaError.
    """
    if not (media.has_video or media.has_audio):
        return Encoded(b"", "", 0.0, has_picture=False)
    content = media.mp4()
    seconds = _seconds(content)
    if media.has_video:
        return Encoded(content, "video/mp4", seconds, has_picture=True)
    return Encoded(_sound_of(content), "audio/aac", seconds, has_picture=False)


def _seconds(mp4: bytes) -> float:
    import av

    with av.open(BytesIO(mp4), "r") as container:
        return (container.duration or 0) / av.time_base


def _sound_of(mp4: bytes) -> bytes:
    """The AAC packets of an mp4 in an ADTS stream, not encoded again."""
    import av

    target = BytesIO()
    with av.open(BytesIO(mp4), "r") as source, av.open(target, "w", format="adts") as sink:
        track = source.streams.audio[0]
        copy = sink.add_stream_from_template(track)
        for packet in source.demux(track):
            if packet.dts is not None:
                packet.stream = copy
                sink.mux(packet)
    return target.getvalue()
