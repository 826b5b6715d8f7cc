"""The shared-prefix engine answers as the plain path of transformers does, request by request."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
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
from mma_eval.models.qwen_omni import QwenOmni, QwenOmniArguments
from mma_eval.types import Answer, Generate, Group, Question, ScoreOptions, Status
from tests.models.checkpoint import build_checkpoint
from tests.models.conftest import SMALL, MakeBackend, card
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


@pytest.fixture(scope="module")
def plain(checkpoint: Path, backend: QwenOmni) -> PlainPath:
    return PlainPath.load(checkpoint, backend.sampling, backend.system_prompt)


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
    video, audio = (plain.tokenizer.convert_tokens_to_ids(t) for t in ("<|VIDEO|>", "<|AUDIO|>"))
    counted = answer.tokens
    assert counted is not None
    assert (counted.video, counted.audio) == (ids.count(video), ids.count(audio))
    assert counted.text == len(ids) - ids.count(video) - ids.count(audio)


@pytest.mark.parametrize("kind", MEDIA)
def test_same_as_plain_path(
    kind: str, clips_folder: Path, backend: QwenOmni, plain: PlainPath
) -> None:
    check(group(media(kind, clips_folder)), backend, plain)


@pytest.mark.parametrize("kind", ["aligned", "no video", "neither"])
def test_same_with_text_before_media(
    kind: str, clips_folder: Path, backend: QwenOmni, plain: PlainPath
) -> None:
    check(group(media(kind, clips_folder), "A clip from the web:\n"), backend, plain)


def test_repetition_penalty_counts_the_whole_prompt(
    clips_folder: Path, backend: QwenOmni, plain: PlainPath
) -> None:
    check(group(media("aligned", clips_folder), penalty=1.3), backend, plain, penalty=1.3)


def test_checkpoint_default_penalty_is_overridden(plain: PlainPath) -> None:
    assert plain.model.generation_config.repetition_penalty == pytest.approx(1.3)


def test_other_frame_rates_change_the_clock(
    clips_folder: Path, make_backend: MakeBackend, checkpoint: Path
) -> None:
    backend = make_backend(fps=0.5)
    plain = PlainPath.load(checkpoint, backend.sampling, backend.system_prompt, fps=0.5)
    assert backend.seconds_per_grid == 4.0
    check(group(media("aligned", clips_folder)), backend, plain)


def test_sharded_checkpoint_with_a_long_prompt_in_chunks(
    clips_folder: Path, tmp_path: Path
) -> None:
    folder = build_checkpoint(tmp_path / "sharded", seed=1, sharded=True)
    backend = QwenOmni(
        card(folder),
        QwenOmniArguments(**SMALL, device="cpu", prefill_chunk=64),
    )
    plain = PlainPath.load(folder, backend.sampling, backend.system_prompt)
    check(group(media("swapped", clips_folder)), backend, plain)


@pytest.mark.parametrize("kind", ["aligned", "black", "no video"])
@pytest.mark.parametrize("arguments", [{}, {"batch_mode": "reference"}, {"prefill_chunk": 32}])
def test_options_score_as_in_separate_forwards(
    kind: str,
    arguments: dict[str, object],
    clips_folder: Path,
    make_backend: MakeBackend,
    plain: PlainPath,
) -> None:
    backend = make_backend(**arguments)
    options = ("Bird", "Bird song", "Canidae", "Door", "Doorbell")
    question = Question("q", "", PROMPTS["audio"], ScoreOptions(options))
    of = media(kind, clips_folder)
    (answer,) = backend.answer([Group(of, "", (question,))])
    inputs = plain.inputs(of, "", question.after_media)
    end = plain.tokenizer.convert_tokens_to_ids("<|im_end|>")
    for score in answer.option_scores:
        ids = [*plain.tokenizer(score.option)["input_ids"], end]
        expected = plain.option_log_likelihood(inputs, ids)
        assert score.log_likelihood == pytest.approx(expected, abs=1e-3)
        assert score.tokens == len(ids)
