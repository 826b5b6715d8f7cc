"""Lazy recipes for what a model sees and hears; nothing is decoded until a backend asks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mma_eval.media.audio import Sound
    from mma_eval.media.policy import AudioPolicy, FramePolicy
    from mma_eval.media.video import Frames


@dataclass(frozen=True, slots=True)
class Clip:
    """A stretch of a media file, in seconds; None means from the start or to the end."""

    path: Path
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True)
class VideoFile:
    """The picture of a clip."""

    clip: Clip


@dataclass(frozen=True)
class BlackVideo:
    """Black frames of the size, number and timing of a clip's picture."""

    like: Clip


@dataclass(frozen=True)
class NoVideo:
    """No picture at all."""


@dataclass(frozen=True)
class AudioFile:
    """The sound of a clip, cut or padded with silence to the length of `fit_to` where given."""

    clip: Clip
    fit_to: Clip | None = None


@dataclass(frozen=True)
class Silence:
    """Silence of the length, rate and channels of a clip's sound (of its picture, if it has none).

    `fit_to` is the clip that the silenced sound had been fitted to, where it had been.
    """

    like: Clip
    fit_to: Clip | None = None


@dataclass(frozen=True)
class NoAudio:
    """No sound track at all."""


VideoSource = VideoFile | BlackVideo | NoVideo
AudioSource = AudioFile | Silence | NoAudio


@dataclass(frozen=True)
class Media:
    """One video source and one audio source; backends ask for them under their own policy."""

    video: VideoSource
    audio: AudioSource

    @property
    def has_video(self) -> bool:
        return not isinstance(self.video, NoVideo)

    @property
    def has_audio(self) -> bool:
        return not isinstance(self.audio, NoAudio)

    def frames(self, policy: FramePolicy) -> Frames | None:
        """Decoded frames under `policy`, None for `NoVideo`; raises MediaError."""
        from mma_eval.media.streams import frames_of

        return frames_of(self.video, policy)

    def sound(self, policy: AudioPolicy) -> Sound | None:
        """Decoded sound under `policy`, None for `NoAudio`; raises MediaError."""
        from mma_eval.media.streams import sound_of

        return sound_of(self.audio, policy)

    def mp4(self) -> bytes:
        """Both streams as one mp4 at native rates; every condition goes through the same muxing."""
        from mma_eval.media.streams import mp4_of

        return mp4_of(self.video, self.audio)

    def video_hash(self, policy: FramePolicy) -> str:
        """Hash of source bytes, policy, decoder and edits, without decoding; '' for `NoVideo`."""
        from mma_eval.media.streams import video_hash

        return video_hash(self.video, policy)

    def audio_hash(self, policy: AudioPolicy) -> str:
        """Hash of source bytes, policy, decoder and edits, without decoding; '' for `NoAudio`."""
        from mma_eval.media.streams import audio_hash

        return audio_hash(self.audio, policy)

    def edits(self) -> tuple[str, ...]:
        """What was done to the streams, in words, e.g. 'sound padded from 6.886 s to 10.015 s'."""
        from mma_eval.media.streams import audio_edits, video_edits

        return (*video_edits(self.video), *audio_edits(self.audio))
