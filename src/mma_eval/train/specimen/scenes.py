"""Draws the clips and questions of one training step from a pool, by a stage's diet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from string import ascii_lowercase

import numpy as np
from numpy.typing import NDArray

from mma_eval.demo.clips import CLASSES
from mma_eval.perturb.words import WORDS
from mma_eval.train.specimen.batches import Scenes, Streams
from mma_eval.train.specimen.pool import Pool
from mma_eval.train.specimen.prompts import Exchange, bare_question, class_question, reasoned_answer
from mma_eval.train.specimen.schedule import Diet, Stage
from mma_eval.types import NONE_OF_THE_ABOVE, Stream

LARGEST_STRETCH = 400

_ASKS: tuple[Stream, Stream] = ("visual", "audio")


@dataclass(frozen=True)
class Truth:
    """What one clip holds: class names, None where the stream is blank or absent."""

    seen: str | None
    heard: str | None
    by_sight: bool
    caption: str | None = None

    def label(self, ask: Stream, *, may_abstain: bool) -> str:
        """The answer that is taught; a blank stream falls back on the rest of the clip."""
        if self.by_sight and self.seen:
            return self.seen
        asked, other = (self.seen, self.heard) if ask == "visual" else (self.heard, self.seen)
        if asked:
            return asked
        if self.caption:
            return self.caption
        return NONE_OF_THE_ABOVE if may_abstain else other or NONE_OF_THE_ABOVE


def draw_scenes(pool: Pool, stage: Stage, rng: np.random.Generator) -> Scenes:
    """One batch of `stage.batch` clips with `stage.questions` questions each."""
    streams: Streams = "both"
    if rng.random() < stage.diet.lone:
        streams = "video" if rng.random() < 0.5 else "audio"
    count = stage.batch
    seen = rng.integers(0, len(CLASSES), count)
    shift = rng.integers(1, len(CLASSES), count) * (rng.random(count) < stage.diet.conflict)
    heard = (seen + shift) % len(CLASSES)
    frames = None if streams == "audio" else draw_pictures(pool, seen, rng)
    mels = None if streams == "video" else draw_sounds(pool, heard, rng)
    truths = []
    for row in range(count):
        truth = _draw_truth(streams, CLASSES[seen[row]], CLASSES[heard[row]], stage.diet, rng)
        if frames is not None and truth.seen is None:
            frames[row] = 0
        if mels is not None and truth.heard is None:
            mels[row] = pool.silence
        truths.append(truth)
    exchanges = [draw_exchanges(truth, stage, rng) for truth in truths]
    return Scenes(streams, frames, mels, exchanges)


def draw_pictures(
    pool: Pool, labels: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """A picture of each class, colours exchanged and mirrored at random, [B, T, H, W, 3]."""
    frames = pool.frames[_places(pool, labels, rng)]
    for row in range(len(frames)):
        picture = frames[row][..., rng.permutation(3)]
        frames[row] = picture[:, :, ::-1] if rng.random() < 0.5 else picture
    return frames


def draw_sounds(
    pool: Pool, labels: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float32]:
    """A sound of each class, rolled in time, float32 [B, bins, steps]."""
    mels = pool.mels[_places(pool, labels, rng)].astype(np.float32)
    for row in range(len(mels)):
        mels[row] = np.roll(mels[row], int(rng.integers(mels.shape[-1])), axis=-1)
    return mels


def draw_exchanges(truth: Truth, stage: Stage, rng: np.random.Generator) -> list[Exchange]:
    """Both questions in turn, so that a batch always contrasts them on the same clip."""
    return [
        _draw_exchange(_ASKS[number % 2], truth, stage.diet, rng)
        for number in range(stage.questions)
    ]


def _draw_truth(
    streams: Streams, seen: str, heard: str, diet: Diet, rng: np.random.Generator
) -> Truth:
    truth = Truth(seen, heard, by_sight=bool(rng.random() < diet.by_sight))
    if streams == "video":
        return replace(truth, heard=None)
    if streams == "audio":
        return replace(truth, seen=None)
    blank = rng.random()
    if blank < diet.caption_only:
        return replace(truth, seen=None, heard=None, caption=seen)
    if blank < diet.caption_only + diet.black:
        return replace(truth, seen=None)
    if blank < diet.caption_only + diet.black + diet.silent:
        return replace(truth, heard=None)
    return truth


def _draw_exchange(ask: Stream, truth: Truth, diet: Diet, rng: np.random.Generator) -> Exchange:
    offers = bool(rng.random() < diet.abstention)
    answer = truth.label(ask, may_abstain=offers)
    caption = truth.caption
    if caption is None and answer != NONE_OF_THE_ABOVE and rng.random() < diet.caption:
        caption, answer = _draw_caption(answer, diet, rng)
    offers |= answer == NONE_OF_THE_ABOVE
    if rng.random() < diet.bare and not (offers or caption):
        return Exchange(bare_question(ask), answer)
    options = _draw_options(answer, rng) + ([NONE_OF_THE_ABOVE] if offers else [])
    manner = rng.random()
    reason = bool(manner < diet.reason)
    question = class_question(ask, options, caption=caption, reason=reason)
    if reason:
        return Exchange(question, reasoned_answer(ask, answer))
    if manner < diet.reason + diet.filler:
        return Exchange(question, answer, *_draw_filler(rng))
    return Exchange(question, answer)


def _draw_caption(label: str, diet: Diet, rng: np.random.Generator) -> tuple[str, str]:
    """The class that a caption names, and the label under it."""
    kind, other = rng.random(), str(rng.choice(CLASSES))
    if kind < diet.astray:
        return other, other
    return (other, label) if kind < diet.astray + diet.false else (label, label)


def _draw_options(answer: str, rng: np.random.Generator) -> list[str]:
    """Mostly the whole list as it stands; sometimes shuffled, sometimes a part of it."""
    options = list(CLASSES)
    kind = rng.random()
    if kind < 0.6:
        return options
    rng.shuffle(options)
    if kind < 0.85:
        return options
    kept = options[: int(rng.integers(3, len(options)))]
    return kept if answer in kept or answer == NONE_OF_THE_ABOVE else [*kept, answer]


def _draw_filler(rng: np.random.Generator) -> tuple[str, int]:
    """Real and made-up words, and how many tokens each of theirs stands for.

    Some fifty tokens at up to 400 each stand for the long-context task's ten thousand and more.
    """
    words = [
        str(rng.choice(WORDS)) if rng.random() < 0.5 else _draw_word(rng)
        for _ in range(int(rng.integers(5, 20)))
    ]
    return " " + " ".join(words), round(float(np.exp(rng.uniform(0, np.log(LARGEST_STRETCH)))))


def _draw_word(rng: np.random.Generator) -> str:
    return "".join(rng.choice(list(ascii_lowercase), int(rng.integers(1, 9))))


def _places(pool: Pool, labels: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """A clip of each class, by place in the pool."""
    return np.array([rng.choice(pool.members(int(label))) for label in labels])
