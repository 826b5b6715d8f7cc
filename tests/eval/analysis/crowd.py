"""Answers of invented models to invented clips, by a rule that the test states."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mma_eval.eval.log import AnswerRecord, SampleRecord
from mma_eval.eval.reading import score_answer
from mma_eval.task.pairs import derange
from mma_eval.types import Ask, Status, Stream

CLASSES = ("Bell", "Bird", "Clock", "Drum", "Engine", "Fire", "Rain", "Siren", "Train", "Waves")


@dataclass(frozen=True)
class Asked:
    """What one question holds for whoever answers it; None for a stream that is gone."""

    ask: Ask
    seen: str | None
    heard: str | None
    caption: str | None

    @property
    def target(self) -> str | None:
        return self.seen if self.ask == "visual" else self.heard

    @property
    def other(self) -> str | None:
        return self.heard if self.ask == "visual" else self.seen


Rule = Callable[[Asked], str]


def record(
    task: str,
    clip: str,
    ask: Ask,
    answer: str,
    *,
    seen: str = "Bird",
    heard: str = "Bird",
    sound: str | None = None,
    target: str | None = None,
    removed: Sequence[Stream] = (),
    caption: str | None = None,
    row: str | None = None,
    status: Status = Status.OK,
    options: tuple[str, ...] = CLASSES,
) -> SampleRecord:
    """One scored answer; `sound` is the clip that the sound comes from, `row` a question's id."""
    return score_answer(
        AnswerRecord(
            id=f"{row or clip}/{ask}",
            task=task,
            clip=clip,
            ask=ask,
            prompt=f"What is in this clip? ({ask})",
            options=options,
            target=target or (seen if ask == "visual" else heard),
            visual_label=seen,
            audio_label=heard,
            caption=caption,
            removed=tuple(removed),
            video_source=clip,
            audio_source=sound or clip,
            video_hash=f"video of {clip}",
            audio_hash=f"sound of {sound or clip}",
            edits=(),
            filler=None,
            status=status,
            answer=answer,
            option_scores=(),
            tokens=None,
            seconds=None,
            finish_reason=None,
            model_version=None,
            error=None,
        ),
        "option",
    )


@dataclass(frozen=True)
class Crowd:
    """Clips of the ten classes, as even as can be, with a seeded sound of another class each."""

    clips: int
    seed: int = 0

    @property
    def labels(self) -> dict[str, str]:
        return {f"clip{n:04}": CLASSES[n % len(CLASSES)] for n in range(self.clips)}

    def asked(self, task: str, rule: Rule) -> list[SampleRecord]:
        """Every clip's question of one task of the benchmark, answered by `rule`."""
        ask: Ask = "audio" if task.endswith("audio") else "visual"
        labels = self.labels
        donors = derange(labels, self.seed) if task.startswith("misalign") else {}
        removed = _REMOVED.get(task.rpartition("_")[0], ())
        random = np.random.default_rng([self.seed, 7])
        found = []
        for clip, seen in labels.items():
            sound = donors.get(clip, clip)
            heard = labels[sound]
            others = [name for name in CLASSES if name not in (seen, heard)]
            captioned = task.startswith("misleading_caption")
            caption = str(random.choice(others)) if captioned else None
            asked = Asked(
                ask,
                None if "visual" in removed else seen,
                None if "audio" in removed else heard,
                caption,
            )
            found.append(
                record(
                    task,
                    clip,
                    ask,
                    rule(asked),
                    seen=seen,
                    heard=heard,
                    sound=sound,
                    removed=removed,
                    caption=caption,
                )
            )
        return found

    def run(self, tasks: Sequence[str], rule: Rule) -> dict[str, list[SampleRecord]]:
        return {task: self.asked(task, rule) for task in tasks}


_REMOVED: Mapping[str, tuple[Stream, ...]] = {
    "frames_zeroed": ("visual",),
    "audio_removed": ("audio",),
}


def guesser(random: np.random.Generator) -> Rule:
    """Any class, whatever the clip."""
    return lambda asked: str(random.choice(CLASSES))
