"""From an examination to its record."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from mma_eval.eval.doctor.examination import Examination
from mma_eval.eval.doctor.interview import Answers
from mma_eval.eval.doctor.machine import describe_machine
from mma_eval.eval.doctor.record import (
    RE_MADE,
    DoctorRecord,
    RecordedAnswer,
    RecordedCheck,
    RecordedClips,
    RecordedModel,
    RecordedPrompt,
    Shown,
    prompt_digest,
)
from mma_eval.eval.doctor.stimuli import FORMS, Stimulus, Variant, Wording
from mma_eval.eval.doctor.striking import Striking
from mma_eval.eval.manifest import environment_of, now
from mma_eval.media.identity import content_hash
from mma_eval.models.base import Model
from mma_eval.models.local.model import LocalModel
from mma_eval.task.dataset import Dataset
from mma_eval.types import Answer

if TYPE_CHECKING:
    from mma_eval.media.policy import Sampling

SHORT = 16
"""Hexadecimal digits of a digest that is only compared."""
DECIMALS = 6
"""Of a log-likelihood; 32-bit arithmetic moves more."""
COUNTED_WHILE_RUNNING = frozenset(
    {"requests", "input_tokens", "cached_input_tokens", "output_tokens", "cost_usd"}
)
"""What a backend describes of this session, not of itself."""


def make_record(
    model: Model, examination: Examination, stimuli: Sequence[Stimulus], dataset: Dataset
) -> DoctorRecord:
    """The record of an examination of `model`, which needs no weights for it.

    Decodes what was shown where it is no longer cached. Raises MediaError, and ModelError where a
    server that says which model it serves is gone.
    """
    striking = Striking(model)
    prompts = _prompts(stimuli, striking)
    shown, answers = _shown_and_answered(examination.answers, stimuli, prompts, model, striking)
    described = {
        name: striking.described(name, value)
        for name, value in examination.described.items()
        if name not in COUNTED_WHILE_RUNNING
    }
    return DoctorRecord(
        made=now().replace(microsecond=0),
        model=_model(model, examination, striking),
        environment=environment_of(described),
        machine=describe_machine(stimulus.picture.path for stimulus in stimuli),
        clips=_clips(stimuli, dataset),
        prompts=tuple(prompts.values()),
        checks=tuple(
            RecordedCheck(
                name=check.name,
                verdict=check.verdict,
                finding=striking.from_report(check.finding),
            )
            for check in examination.checks
        ),
        shown=shown,
        answers=answers,
    )


def _model(model: Model, examination: Examination, striking: Striking) -> RecordedModel:
    card = model.card
    identity = model.identity() if isinstance(model, LocalModel) else {}
    arguments = model.arguments.model_dump(mode="json", exclude_defaults=True)
    return RecordedModel(
        name=card.name,
        backend=card.backend,
        weights=None if card.weights is None else striking.from_report(card.weights),
        revision=card.revision,
        version=striking.from_report(examination.version),
        fingerprint=striking.from_report(model.fingerprint()),
        identity={name: _digest(value) for name, value in identity.items()},
        arguments={name: striking.argument(name, value) for name, value in arguments.items()},
    )


def _clips(stimuli: Sequence[Stimulus], dataset: Dataset) -> RecordedClips:
    made = re.fullmatch(RE_MADE, dataset.name)
    return RecordedClips(
        dataset=dataset.name if made else None,
        # Before the hash stands a folder's name.
        version=dataset.version if made else dataset.version.rpartition(":")[2],
        files={stimulus.clip: _files(stimulus) for stimulus in stimuli},
    )


def _prompts(
    stimuli: Sequence[Stimulus], striking: Striking
) -> dict[tuple[Wording, tuple[str, ...]], RecordedPrompt]:
    """Each question once, however many clips it was asked on."""
    found: dict[tuple[Wording, tuple[str, ...]], RecordedPrompt] = {}
    for stimulus in stimuli:
        for wording in stimulus.wordings:
            key = (wording, stimulus.options)
            if key not in found:
                before = striking.from_content(wording.before_media)
                after = striking.from_content(wording.after_media)
                found[key] = RecordedPrompt(
                    ask=wording.ask,
                    before_media=before,
                    after_media=after,
                    options=stimulus.options,
                    sha256=prompt_digest(before, after),
                )
    return found


def _shown_and_answered(
    answers: Answers,
    stimuli: Sequence[Stimulus],
    prompts: dict[tuple[Wording, tuple[str, ...]], RecordedPrompt],
    model: Model,
    striking: Striking,
) -> tuple[tuple[Shown, ...], tuple[RecordedAnswer, ...]]:
    places = {key: place for place, key in enumerate(prompts)}
    shown: list[Shown] = []
    recorded: list[RecordedAnswer] = []
    for stimulus in stimuli:
        for variant in Variant:
            for wording in stimulus.wordings:
                for form in FORMS:
                    answer = answers.get(stimulus.question_id(variant, wording.ask, form))
                    if answer is not None:
                        place = places[wording, stimulus.options]
                        recorded.append(
                            _answer(answer, len(shown), place, form, model.version, striking)
                        )
            shown.append(_shown(stimulus, variant, model.sampling))
    return tuple(shown), tuple(recorded)


def _answer(
    answer: Answer, shown: int, prompt: int, form: str, version: str, striking: Striking
) -> RecordedAnswer:
    stated = None if answer.model_version == version else answer.model_version

    def told(text: str | None) -> str | None:
        return None if text is None else striking.from_report(text)

    return RecordedAnswer.model_validate(
        {
            "shown": shown,
            "prompt": prompt,
            "form": form,
            "status": answer.status,
            "text": None if answer.text is None else striking.from_content(answer.text),
            "scores": tuple(
                (score.option, _rounded(score.log_likelihood), score.tokens)
                for score in answer.option_scores
            ),
            "tokens": answer.tokens,
            "finish_reason": told(answer.finish_reason),
            "model_version": told(stated),
            "error": told(answer.error),
            "notes": tuple(striking.from_report(note) for note in answer.notes),
        }
    )


def _shown(stimulus: Stimulus, variant: Variant, sampling: Sampling) -> Shown:
    media = stimulus.media(variant)
    frames, sound = media.frames(sampling.frames), media.sound(sampling.audio)
    return Shown(
        clip=stimulus.clip,
        variant=variant,
        video_hash=media.video_hash(sampling.frames),
        audio_hash=media.audio_hash(sampling.audio),
        frames="" if frames is None else _content(frames.pixels.shape, frames.pixels.tobytes()),
        samples="" if sound is None else _content(sound.samples.shape, sound.samples.tobytes()),
        edits=media.edits(),
    )


def _files(stimulus: Stimulus) -> tuple[str, ...]:
    clips = (stimulus.picture, stimulus.sound, stimulus.other_picture, stimulus.other_sound)
    paths: dict[Path, None] = dict.fromkeys(clip.path for clip in clips)
    return tuple(content_hash(path)[:SHORT] for path in paths)


def _content(shape: tuple[int, ...], content: bytes) -> str:
    return sha256(f"{shape}".encode() + content).hexdigest()[:SHORT]


def _digest(value: object) -> str:
    return sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:SHORT]


def _rounded(score: float) -> float | None:
    return round(score, DECIMALS) if isfinite(score) else None
