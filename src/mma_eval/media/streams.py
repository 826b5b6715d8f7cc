"""What the sources of a `Media` decode to, and the names of those streams without decoding."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from hashlib import sha256
from threading import Lock
from typing import assert_never

from mma_eval.errors import MediaError
from mma_eval.media.audio import Sound, fit, fit_words, read_audio, resample, silence
from mma_eval.media.cache import default_cache
from mma_eval.media.container import probe, stretch_seconds
from mma_eval.media.identity import content_hash
from mma_eval.media.mux import encode_mp4
from mma_eval.media.policy import AudioPolicy, EveryFrame, FramePolicy
from mma_eval.media.readers import choose_decoder, decoder_version
from mma_eval.media.source import (
    AudioFile,
    AudioSource,
    BlackVideo,
    Clip,
    NoAudio,
    NoVideo,
    Silence,
    VideoFile,
    VideoSource,
)
from mma_eval.media.video import Frames, black_frames, read_frames

QUIET_RATE, QUIET_CHANNELS = 16_000, 1
"""The silence that stands for the sound of a clip which has none."""
EVERY_FRAME = FramePolicy(EveryFrame())
NATIVE_SOUND = AudioPolicy(rate=None, channels=None)
AAC_RATES = frozenset(
    {96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000}
)

Fields = dict[str, object]
_shapes: dict[str, tuple[int, int, int]] = {}
_shapes_lock = Lock()


@dataclass(frozen=True)
class _Encoded:
    content: bytes

    @property
    def nbytes(self) -> int:
        return len(self.content)


def frames_of(source: VideoSource, policy: FramePolicy) -> Frames | None:
    """Decoded frames, from the cache where they are; None for `NoVideo`."""
    if isinstance(source, NoVideo):
        return None
    return default_cache().get(video_hash(source, policy), lambda: _decode(source, policy))


def sound_of(source: AudioSource, policy: AudioPolicy) -> Sound | None:
    """Decoded sound, from the cache where it is; None for `NoAudio`."""
    if isinstance(source, NoAudio):
        return None
    return default_cache().get(
        audio_hash(source, policy), lambda: _under(_native_sound(source), policy)
    )


def mp4_of(video: VideoSource, audio: AudioSource) -> bytes:
    """Both streams at native rates in one mp4; a stream that is absent is left out."""
    key = f"mp4:{video_hash(video, EVERY_FRAME)}:{audio_hash(audio, NATIVE_SOUND)}"
    return default_cache().get(key, lambda: _Encoded(_mux(video, audio))).content


def _mux(video: VideoSource, audio: AudioSource) -> bytes:
    # The pixels of every frame would drive all else out of the cache.
    frames = None if isinstance(video, NoVideo) else _decode(video, EVERY_FRAME)
    sound = sound_of(audio, NATIVE_SOUND)
    if sound is not None:
        rate = sound.rate if sound.rate in AAC_RATES else 48_000
        sound = resample(sound, rate, min(sound.channels, 2))
    try:
        return encode_mp4(
            frames=None if frames is None else frames.pixels,
            seconds=() if frames is None else frames.seconds,
            fps=Fraction(frames.fps if frames else 1).limit_denominator(1001),
            audio=None if sound is None else sound.samples,
            rate=0 if sound is None else sound.rate,
        )
    except MediaError as error:
        raise MediaError(f"{_origin(video, audio)}: {error}") from error


def _origin(video: VideoSource, audio: AudioSource) -> str:
    """The files that both streams come from."""
    clips = [
        source.clip if isinstance(source, VideoFile | AudioFile) else source.like
        for source in (video, audio)
        if not isinstance(source, NoVideo | NoAudio)
    ]
    return " with the sound of ".join(dict.fromkeys(str(clip.path) for clip in clips))


def video_hash(source: VideoSource, policy: FramePolicy) -> str:
    """Names the frames of `source` under `policy`; '' for `NoVideo`."""
    match source:
        case NoVideo():
            return ""
        case VideoFile(clip) | BlackVideo(clip):
            kind = "black" if isinstance(source, BlackVideo) else "file"
            decoder = decoder_version(choose_decoder(clip.path))
            return _digest("video", kind, _clip_fields(clip), _frame_fields(policy), decoder)
        case _:
            assert_never(source)


def audio_hash(source: AudioSource, policy: AudioPolicy) -> str:
    """Names the sound of `source` under `policy`; '' for `NoAudio`."""
    match source:
        case NoAudio():
            return ""
        case AudioFile(clip, fit_to) | Silence(clip, fit_to):
            kind = "silence" if isinstance(source, Silence) else "file"
            fields = _clip_fields(clip)
            fields["fit_to"] = _clip_fields(fit_to) if fit_to else None
            return _digest("audio", kind, fields, asdict(policy), decoder_version("pyav"))
        case _:
            assert_never(source)


def audio_edits(source: AudioSource) -> tuple[str, ...]:
    """What is done to the sound, in words, from the headers of the files alone."""
    match source:
        case NoAudio():
            return ("sound track absent",)
        case Silence(clip, fit_to):
            seconds = _stated_seconds(fit_to or clip)
            return (f"sound replaced by {seconds:.3f} s of silence",)
        case AudioFile(clip, fit_to):
            if fit_to is None:
                return ()
            before, after = _stated_seconds(clip), _stated_seconds(fit_to)
            same = f"{before:.3f}" == f"{after:.3f}"
            return () if same else (fit_words(before, after),)
        case _:
            assert_never(source)


def video_edits(source: VideoSource) -> tuple[str, ...]:
    """What is done to the picture, in words."""
    match source:
        case VideoFile():
            return ()
        case BlackVideo():
            return ("picture replaced by black frames",)
        case NoVideo():
            return ("picture absent",)
        case _:
            assert_never(source)


def _decode(source: VideoFile | BlackVideo, policy: FramePolicy) -> Frames:
    if isinstance(source, BlackVideo):
        return black_frames(source.like, policy)
    return read_frames(source.clip, policy)


def _native_sound(source: AudioFile | Silence) -> Sound:
    """The sound at its own rate and channels, fitted, its edits worded as `Media.edits` does."""
    if isinstance(source, Silence):
        sound = silence(*_sound_shape(source.like))
    else:
        sound = read_audio(source.clip)
    if source.fit_to is not None:
        _, samples, rate = _sound_shape(source.fit_to)
        sound = fit(sound, samples / rate)
    return replace(sound, edits=audio_edits(source))


def _under(sound: Sound, policy: AudioPolicy) -> Sound:
    if policy.max_seconds is not None and sound.seconds > policy.max_seconds:
        sound = fit(sound, policy.max_seconds)
    return resample(sound, policy.rate, policy.channels)


def _sound_shape(clip: Clip) -> tuple[int, int, int]:
    """Channels, samples and rate that the clip's sound decodes to, or that stand in for it."""
    key = json.dumps(_clip_fields(clip))
    with _shapes_lock:
        known = _shapes.get(key)
    if known is not None:
        return known
    if probe(clip.path).has_audio:
        sound = read_audio(clip)
        shape = (sound.channels, sound.samples.shape[1], sound.rate)
    else:
        shape = (QUIET_CHANNELS, round(_stated_seconds(clip) * QUIET_RATE), QUIET_RATE)
    with _shapes_lock:
        _shapes[key] = shape
    return shape


def _stated_seconds(clip: Clip) -> float:
    """Length of the clip's sound, of its picture where it has none, as the headers state it."""
    facts = probe(clip.path)
    seconds = facts.audio_seconds if facts.has_audio else facts.video_seconds
    if seconds is None:
        raise MediaError(f"{clip.path}: does not state how long it is; write it anew")
    return stretch_seconds(clip, seconds)


def _clip_fields(clip: Clip) -> Fields:
    return {"content": content_hash(clip.path), "start": clip.start or 0.0, "end": clip.end}


def _frame_fields(policy: FramePolicy) -> Fields:
    # Two ways of choosing frames may have the same fields.
    return {**asdict(policy), "choosing": type(policy.choice).__name__}


def _digest(stream: str, kind: str, source: Fields, policy: Fields, decoder: str) -> str:
    fields = {
        "stream": stream,
        "kind": kind,
        "source": source,
        "policy": policy,
        "decoder": decoder,
    }
    return sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
