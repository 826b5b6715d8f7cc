"""What the headers of files say of the clips that will be sent."""

from __future__ import annotations

from mma_eval.media.container import probe, stretch_seconds
from mma_eval.media.source import AudioFile, Clip, Media, NoAudio, NoVideo, VideoFile


def picture_clip(media: Media) -> Clip | None:
    """The clip that says how long the picture is, None without a picture."""
    if isinstance(media.video, NoVideo):
        return None
    return media.video.clip if isinstance(media.video, VideoFile) else media.video.like


def sound_clip(media: Media) -> Clip | None:
    """The clip that says how long the sound is, None without sound."""
    if isinstance(media.audio, NoAudio):
        return None
    own = media.audio.clip if isinstance(media.audio, AudioFile) else media.audio.like
    return media.audio.fit_to or own


def stated_seconds(clip: Clip) -> float:
    """Raises MediaError."""
    facts = probe(clip.path)
    return stretch_seconds(clip, max(facts.video_seconds or 0.0, facts.audio_seconds or 0.0))
