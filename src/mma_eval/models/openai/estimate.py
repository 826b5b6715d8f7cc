"""What asking would send to a server, from the headers of files and the sizes they have."""

from __future__ import annotations

from collections.abc import Iterable

from mma_eval.media.source import Clip, Media, VideoFile
from mma_eval.models.openai.protocol import SENT_SOUND, AudioForm
from mma_eval.models.remote.clips import picture_clip, sound_clip, stated_seconds
from mma_eval.models.remote.cost import Bill, Prices, Usage
from mma_eval.types import Generate, Question, ScoreOptions, TextTokenizer

AAC_BYTES_A_SECOND = 24_000
"""Of two channels, as clips are written."""
WAV_BYTES_A_SECOND = 2 * (SENT_SOUND.rate or 0)
BASE64 = 4 / 3


def estimated(
    asked: Iterable[tuple[Media, Question]],
    *,
    audio: AudioForm,
    system_prompt: str | None,
    tokenizer: TextTokenizer | None,
    prices: Prices,
    longest_prompt: int,
    beforehand: int,
) -> Bill:
    """Tokens of media are known to the server alone, so no prompt costs more than a full context.

    `beforehand`: requests before the first question. Raises MediaError.
    """
    requests, sent, text, output = beforehand, 0.0, 0, beforehand
    for media, question in asked:
        times, each = _requests(question)
        words = "".join((system_prompt or "", question.before_media, question.after_media))
        written = len(words.encode("utf-8", "replace"))
        requests += times
        output += times * each
        sent += times * (BASE64 * _media_bytes(media, audio) + written)
        text += 0 if tokenizer is None else times * tokenizer.count(words)
    most = Usage(input=requests * longest_prompt, output=output)
    return Bill(
        requests,
        output,
        prices.cost(most),
        text=None if tokenizer is None else text,
        sent_bytes=round(sent),
    )


def _requests(question: Question) -> tuple[int, int]:
    """How many requests a question takes, and the tokens that each may answer with."""
    match question.request:
        case Generate() as request:
            return 1, request.max_new_tokens
        case ScoreOptions(options):
            return 1 + len(options), 1


def _media_bytes(media: Media, audio: AudioForm) -> float:
    """About what is sent of a clip; one written anew is taken to be as large as its file."""
    size, picture, sound = 0.0, picture_clip(media), sound_clip(media)
    has_file = picture is not None and isinstance(media.video, VideoFile)
    if picture is not None and has_file:
        whole = stated_seconds(Clip(picture.path))
        size += picture.path.stat().st_size * (stated_seconds(picture) / whole if whole else 1.0)
    if sound is not None:
        if picture is None or audio == "input_audio":
            size += stated_seconds(sound) * WAV_BYTES_A_SECOND
        elif not has_file:
            size += stated_seconds(sound) * AAC_BYTES_A_SECOND
    return size
