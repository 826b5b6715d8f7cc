"""Which files of a training cannot be read, found before the first step."""

from __future__ import annotations

from collections.abc import Iterable

from mma_eval.errors import MediaError
from mma_eval.media.container import probe
from mma_eval.media.policy import Sampling
from mma_eval.media.source import AudioFile, Media, VideoFile
from mma_eval.train.pairs import Examples


def check_media(parts: Iterable[Examples], sampling: Sampling) -> None:
    """Read the headers of every clip; raises MediaError that names the first and counts them."""
    faults: dict[str, MediaError] = {}
    clips = 0
    for part in parts:
        clips += len(part.clips)
        for clip in part.clips:
            row = part.rows[clip]
            try:
                _check(Media(VideoFile(row.video), AudioFile(row.audio)), sampling)
            except MediaError as error:
                faults[clip] = error
    if faults:
        first = next(iter(faults.values()))
        more = f" ({len(faults)} of {clips} clips cannot be read)" if len(faults) > 1 else ""
        raise MediaError(f"{first}{more}; mend it, or leave the clip out of the manifest")


def _check(media: Media, sampling: Sampling) -> None:
    media.video_hash(sampling.frames)
    media.audio_hash(sampling.audio)
    for source in (media.video, media.audio):
        if isinstance(source, VideoFile | AudioFile):
            facts = probe(source.clip.path)
            missing = facts.has_video if isinstance(source, VideoFile) else facts.has_audio
            if not missing:
                what = "picture" if isinstance(source, VideoFile) else "sound track"
                raise MediaError(f"{source.clip.path}: has no {what} to train on")
