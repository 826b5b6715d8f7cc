"""Asks the shared-prefix engine and the plain path the same, on many kinds of media and prompt."""

from __future__ import annotations

import random
from pathlib import Path

import torch

from mma_eval.media.source import (
    AudioFile,
    BlackVideo,
    Clip,
    Media,
    NoAudio,
    NoVideo,
    Silence,
    VideoFile,
)
from mma_eval.models.qwen.backend import QwenOmni
from mma_eval.types import Answer, Generate, Group, Question, Status
from tests.models.plain_path import PlainPath

CLASSES = ("Accordion", "Bird", "Brass_instrument", "Canidae", "Door", "Frog", "Rain")
NEW_TOKENS = 6
TOLERANCE = 1e-4


def prompt(ask: str, *, options: tuple[str, ...] = CLASSES, ending: str = "") -> str:
    return (
        f"Which class best describes the {ask} content of this video? "
        f"Options: {', '.join(options)}. " + (ending or "Answer using a single word or phrase.")
    )


def filler(words: int) -> str:
    draw = random.Random(1)
    return " ".join("".join(draw.choices("abdeiklmnorstu", k=4)) for _ in range(words))


STEPS = "Think step by step. Give your reasoning, then end with 'Final Answer: <class>'."

PROMPTS = {
    "visual": prompt("visual"),
    "audio": prompt("audio"),
    "caption": "Video_caption: Rain. " + prompt("visual"),
    "none of the above": prompt("audio", options=(*CLASSES, "None of the above")),
    "chain of thought": prompt("visual", ending=STEPS),
    "long filler": prompt("audio") + " " + filler(150),
}

MEDIA = (
    "aligned",
    "swapped",
    "swapped, shorter",
    "swapped, fitted",
    "black",
    "silent",
    "no audio",
    "no video",
    "neither",
)


def media(kind: str, clips: Path) -> Media:
    dog = Clip(clips / "canidae_aligned.mp4")
    door = Clip(clips / "Y3CZ1i2_tKn0_repDiff_Door_0.mp4")
    frog = Clip(clips / "YRz7RBslEAG0_repDiff_Frog_0.mp4")
    return {
        "aligned": Media(VideoFile(dog), AudioFile(dog)),
        "swapped": Media(VideoFile(dog), AudioFile(door)),
        "swapped, shorter": Media(VideoFile(dog), AudioFile(frog)),
        "swapped, fitted": Media(VideoFile(dog), AudioFile(frog, fit_to=dog)),
        "black": Media(BlackVideo(dog), AudioFile(dog)),
        "silent": Media(VideoFile(dog), Silence(dog)),
        "no audio": Media(VideoFile(dog), NoAudio()),
        "no video": Media(NoVideo(), AudioFile(dog)),
        "neither": Media(NoVideo(), NoAudio()),
    }[kind]


def group(of: Media, before: str = "", tokens: int = NEW_TOKENS, penalty: float = 1.0) -> Group:
    request = Generate(tokens, repetition_penalty=penalty)
    questions = [Question(name, before, text, request) for name, text in PROMPTS.items()]
    return Group(of, before, tuple(questions))


def ended(ids: list[int], backend: QwenOmni) -> list[int]:
    stops = backend.answerer.thinker.engine.stop_ids
    cut = next((place for place, token in enumerate(ids) if token in stops), len(ids))
    return ids[:cut]


def check(asked: Group, backend: QwenOmni, plain: PlainPath, penalty: float = 1.0) -> None:
    """Same ids in, same last logits, same greedy ids and text out, for every question."""
    answers = {answer.question_id: answer for answer in backend.answer([asked])}
    fed = backend.answerer.prompt_ids(asked)
    logits = engine_logits(asked, backend)
    for question in asked.questions:
        inputs = plain.inputs(asked.media, asked.before_media, question.after_media)
        ids = inputs["input_ids"][0].tolist()
        assert fed[question.id] == ids
        difference = (plain.logits(inputs)[-1] - logits[question.id]).abs().max()
        assert float(difference) < TOLERANCE, question.id
        request = question.request
        assert isinstance(request, Generate)
        made = ended(plain.generate(inputs, request.max_new_tokens, penalty), backend)
        text = plain.tokenizer.decode(made, skip_special_tokens=True)
        answer = answers[question.id]
        assert (answer.status, answer.text) == (Status.OK, text), question.id
        check_counts(answer, ids, plain)


def engine_logits(asked: Group, backend: QwenOmni) -> dict[str, torch.Tensor]:
    """The engine's logits after each prompt, all questions in one batch on one prefix."""
    answerer = backend.answerer
    prepared = answerer.prepare(asked)
    prefix = answerer.prefill(prepared)
    with torch.inference_mode():
        batch = answerer.thinker.engine.ask(prefix, [p.suffix for p in prepared.prompts])
    names = [prompt.question.id for prompt in prepared.prompts]
    return dict(zip(names, batch.logits, strict=True))


def check_counts(answer: Answer, ids: list[int], plain: PlainPath) -> None:
    video, audio = plain.model.config.video_token_id, plain.model.config.audio_token_id
    counted = answer.tokens
    assert counted is not None
    assert (counted.video, counted.audio) == (ids.count(video), ids.count(audio))
    assert counted.text == len(ids) - ids.count(video) - ids.count(audio)
